"""The three servers, each started on core 0 and on a free port."""

import contextlib
import pathlib
import socket
import subprocess
import tempfile
import time

from . import machine
from .wire import Client

START_TIME_MAX_S = 20
CONNECTIONS_MAX = 12_000


class Program:
    """A server that can be started: what to call it, and its command line for a port."""

    def __init__(self, name, command):
        self.name = name
        self.command = command

    @classmethod
    def echo(cls, root):
        path = root / "target" / "release" / "examples" / "echo"
        return cls("echo", lambda port: [str(path), str(port)])

    @classmethod
    def redis(cls):
        return cls("redis", lambda port: ["redis-server", *arguments(port)])

    @classmethod
    def squint(cls, root):
        path = root / "target" / "dist" / "squint-server"
        return cls("squint", lambda port: [str(path), *arguments(port)])

    @classmethod
    def squint_static(cls, root):
        path = root / "target" / "dist" / "squint-server-static"
        return cls("squint static", lambda port: [str(path), *arguments(port)])


def arguments(port):
    """Local, without files, and with room for the idle connections."""
    return [
        *("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"),
        *("--maxclients", str(CONNECTIONS_MAX), "--dir", tempfile.gettempdir()),
    ]


def free_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A running server; `with` ends it."""

    def __init__(self, program):
        self.program = program
        self.name = program.name
        self.port = free_port()
        started = time.perf_counter()
        with machine.on_core(machine.SERVER_CORE):
            self.process = subprocess.Popen(
                program.command(self.port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
        self.pid = self.process.pid
        self.first_connection = self.connect_at_once(started)
        self.started = started

    def connect_at_once(self, started):
        """Tries without pause: the time of the first reply is one of the figures."""
        while True:
            try:
                return Client(self.port)
            except ConnectionRefusedError:
                if self.process.poll() is not None:
                    raise RuntimeError(f"{self.name} ended at once") from None
                if time.perf_counter() - started > START_TIME_MAX_S:
                    raise

    def first_reply_s(self):
        """From before the process was made to the first reply."""
        self.first_connection.ask("PING")
        return time.perf_counter() - self.started

    def client(self):
        return Client(self.port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.first_connection.close()
        self.process.kill()
        self.process.wait()


def redis_version():
    words = subprocess.run(["redis-server", "--version"], capture_output=True, text=True).stdout
    return next((word[2:] for word in words.split() if word.startswith("v=")), "unknown")


def commit(root):
    """The commit that is measured; a plus sign: with changes that are not in it."""
    git = ["git", "-C", str(root), "describe", "--always", "--dirty=+"]
    return subprocess.run(git, capture_output=True, text=True).stdout.strip() or "unknown"


def build(root):
    """Everything that is started here, for release."""
    subprocess.run([root / "scripts" / "build-release"], check=True, cwd=root)
    examples = ["cargo", "build", "--release", "--locked", "-p", "squint-sys", "--examples"]
    subprocess.run(examples, check=True, cwd=root)


def binaries(root):
    return {name: pathlib.Path(root) / "target" / "dist" / name
            for name in ("squint-server", "squint-server-static")}
