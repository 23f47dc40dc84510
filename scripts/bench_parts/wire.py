"""Requests and replies as bytes. The client is simple and quick: it counts line ends, nothing more."""

import socket


def request(*words):
    """One request: an array of bulk strings."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        word = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(parts)


class RefusedError(Exception):
    """The server answered with an error."""


class Client:
    """One blocking connection."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, *words):
        """Sends one request; its reply, which must be a single line."""
        self.socket.sendall(request(*words))
        reply = b""
        while not reply.endswith(b"\r\n"):
            reply += self.receive()
        if reply.startswith(b"-"):
            raise RefusedError(reply.decode().strip())
        return reply

    def batch(self, requests, lines):
        """Sends requests at once and waits until so many lines have come back."""
        self.socket.sendall(requests)
        first = self.receive()
        if first.startswith(b"-"):
            raise RefusedError(first.decode().strip())
        seen = first.count(b"\n")
        while seen < lines:
            seen += self.receive().count(b"\n")

    def batch_bytes(self, requests, size):
        """Sends requests at once and waits until so many bytes have come back."""
        self.socket.sendall(requests)
        while size > 0:
            size -= len(self.receive())

    def receive(self):
        received = self.socket.recv(1 << 20)
        if not received:
            raise ConnectionError("the server closed the connection")
        return received

    def close(self):
        self.socket.close()


BATCH = 500


def load(client, make_request, numbers, lines_per_reply=1):
    """Sends make_request(number) for all numbers, some hundreds at a time."""
    for start in range(numbers.start, numbers.stop, BATCH):
        stop = min(start + BATCH, numbers.stop)
        requests = b"".join([make_request(number) for number in range(start, stop)])
        client.batch(requests, (stop - start) * lines_per_reply)


# Keys as redis-benchmark makes them of key:__rand_int__: 16 bytes.
VALUE = b"0123456789abcdef"
SET_16 = b"*3\r\n$3\r\nSET\r\n$16\r\nkey:%012d\r\n$16\r\n" + VALUE + b"\r\n"
