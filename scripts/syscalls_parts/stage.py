"""A server under strace, and the clients of a script, who speak to it."""

import contextlib
import dataclasses
import os
import pathlib
import random
import shlex
import signal
import socket
import subprocess
import tempfile
import time

from . import script as scripts
from . import trace
from .script import filled, request

PATIENCE_S = 30
# The server has gone to sleep when it has called nothing for so long. Redis wakes every 100 ms.
QUIET_S = 0.04
PORTS = (20_000, 32_000)
# How /proc/net/tcp says that a socket listens.
LISTENING = "0A"
# Nothing that would send the loader looking for libraries elsewhere.
ENVIRONMENT = {"PATH": os.environ.get("PATH", os.defpath)}


class StageError(Exception):
    """A script that did not go as it is written, or a server that did not start."""


@dataclasses.dataclass
class Program:
    """A server that can be started: what to call it, and its command line for a port."""

    name: str
    command: object

    @classmethod
    def squint(cls, path):
        return cls("Squint", lambda port: [str(path), *arguments(port)])

    @classmethod
    def squint_behind_filter(cls, path):
        """There a call that is not on the list ends the server, and the script fails."""
        option = ["--seccomp", "yes"]
        return cls("Squint behind the filter", lambda port: [str(path), *arguments(port), *option])

    @classmethod
    def redis(cls):
        return cls("Redis", lambda port: ["redis-server", *arguments(port)])

    @classmethod
    def other(cls, text):
        """A command of the user's own. `{port}` in it stands for the port."""
        words = words_of(text)
        if not any("{port}" in word for word in words):
            words += ["--port", "{port}"]
        name = pathlib.Path(words[0]).name
        return cls(name, lambda port: [word.replace("{port}", str(port)) for word in words])


def words_of(text):
    """The words of a command line, as a shell would part them."""
    return shlex.split(text)


def arguments(port):
    """Local and without files."""
    return [*("--port", str(port), "--bind", "127.0.0.1"), *("--save", "", "--appendonly", "no")]


@dataclasses.dataclass
class Recording:
    """What a server did in a script: its calls, and what is needed to name what they touch."""

    calls: list
    # Calls before the counting began: descriptors get their names there.
    before: list
    # Port of a client -> its name in the script.
    clients: dict
    # When the clients did what: seconds since 1970, and a word or two.
    actions: list
    begin: float
    end: float
    directory: str
    command: list


class Stage:
    """Plays one script."""

    def __init__(self, program, script):
        self.program = program
        self.script = script
        self.connections = {}
        self.process = None
        self.clients = {}
        self.actions = []
        self.begin = None
        self.counts_from_birth = False

    def play(self):
        with tempfile.TemporaryDirectory() as directory:
            self.directory = pathlib.Path(directory)
            self.log = self.directory / "trace"
            self.port = free_port()
            try:
                for step in self.script.steps:
                    self.do(step)
                end = self.last_moment()
            finally:
                self.stop()
            calls = trace.read(self.log)
        if self.counts_from_birth and calls:
            self.begin = calls[0].start  # What came before was strace's.
        counted = [until(end, call) for call in calls if self.begin <= call.start <= end]
        before = [call for call in calls if call.start < self.begin]
        return Recording(counted, before, self.clients, self.actions, self.begin, end,
                         str(self.directory), self.command)

    def do(self, step):
        try:
            getattr(self, f"do_{step.verb}")(step)
        except (OSError, AssertionError) as error:
            # The start that no line asks for has no line.
            place = f"{self.script.name}, line {step.line}" if step.line else self.script.name
            raise StageError(f"{place}, {self.program.name}: {error or type(error).__name__}") from error

    def note(self, text):
        self.actions.append((time.time(), text))

    def do_start(self, _):
        self.command = self.program.command(self.port) + self.script.arguments
        tool = ["strace", *trace.OPTIONS, "-o", str(self.log), "--", *self.command]
        self.output = open(self.directory / "output", "wb")
        self.process = subprocess.Popen(tool, cwd=self.directory, env=ENVIRONMENT,
                                        stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output)
        wait_for(lambda: self.is_listening() or self.has_ended(), "a listening socket")
        if self.has_ended():
            raise AssertionError(f"it ended at once:\n{self.said()}")
        self.settle()
        if not any(step.verb == "count" for step in self.script.steps):
            self.begin = time.time()

    def has_ended(self):
        return self.process.poll() is not None

    def said(self):
        return (self.directory / "output").read_text(errors="replace")

    def is_listening(self):
        """Without knocking: that would be a call more."""
        table = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
        rows = [line.split() for line in table]
        return any(row[1].endswith(f":{self.port:04X}") and row[3] == LISTENING for row in rows)

    @property
    def pid(self):
        """The server itself; strace is its parent."""
        return int(self.log.read_text().split()[0])

    def settle(self):
        """Waits until the server sleeps. It may be on its way to, so it must do so for a while."""
        def is_quiet():
            size = self.log.stat().st_size
            time.sleep(QUIET_S)
            return self.log.stat().st_size == size and self.state() == "S"
        wait_for(is_quiet, "a server that sleeps")

    def state(self):
        return pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]

    def do_count(self, _):
        if self.process:
            self.settle()
        else:
            self.counts_from_birth = True
        self.begin = time.time()

    def last_moment(self):
        if not self.has_ended():
            self.settle()
        return time.time()

    def do_send(self, step):
        shown = b" ".join(filled(step.value, "n"))[:24].decode("latin-1")
        for name in step.names:
            numbers = range(1, step.times + 1) if step.times > 1 else [int(name) if name.isdigit() else 1]
            data = b"".join([request(filled(step.value, number)) for number in numbers])
            self.connection(name).sendall(data)
        count = step.times * len(step.names)
        self.note(shown if count == 1 else f"{count:,} × {shown}")

    def do_raw(self, step):
        for name in step.names:
            self.connection(name).sendall(step.value * step.times)
        self.note("half a request")

    def do_expect(self, step):
        wanted = step.value * step.times
        for name in step.names:
            got = receive(self.connection(name), len(wanted))
            assert got == wanted, f"{name} got {got[:200]!r}, not {wanted[:200]!r}"

    def do_connect(self, step):
        for name in step.names:
            self.connection(name)

    def do_close(self, step):
        for name in step.names:
            assert name in self.connections, f"{name} is not connected"
            self.connections.pop(name).close()
        self.note("close")

    def do_closed(self, step):
        for name in step.names:
            assert self.connection(name).recv(1) == b"", f"{name} was not closed"

    def do_pause(self, step):
        time.sleep(step.value)

    def do_hold(self, _):
        os.kill(self.pid, signal.SIGSTOP)
        wait_for(lambda: self.state() in "Tt", "a server that is held")

    def do_release(self, _):
        os.kill(self.pid, signal.SIGCONT)

    def do_signal(self, step):
        self.note(f"SIG{step.value}")
        os.kill(self.pid, getattr(signal, f"SIG{step.value}"))

    def do_exits(self, step):
        code = self.process.wait(PATIENCE_S)
        assert code == step.value, f"the exit code is {code}:\n{self.said()}"

    def connection(self, name):
        if name not in self.connections:
            made = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections[name] = made
            self.clients[made.getsockname()[1]] = name
            self.note("connect")
        return self.connections[name]

    def stop(self):
        for connection in self.connections.values():
            connection.close()
        if self.process is None:
            return
        if not self.has_ended():
            with contextlib.suppress(OSError, ValueError, IndexError):
                os.kill(self.pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(PATIENCE_S)
        if not self.has_ended():
            self.process.kill()
        self.output.close()


def until(end, call):
    """The call as it was when the script ended: what went on then had no answer yet."""
    if call.took is None or call.start + call.took <= end:
        return call
    return dataclasses.replace(call, answer="?", error="", took=None)


def receive(connection, count):
    """So many bytes; fewer if the server closes, or says no more for a long time."""
    parts = []
    while count > 0:
        try:
            part = connection.recv(count)
        except TimeoutError:
            break
        if not part:
            break
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def wait_for(condition, what):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {PATIENCE_S} s for {what}")
        time.sleep(0.002)


def free_port():
    """One that nobody listens on, and that the system gives to no outgoing connection meanwhile."""
    while True:
        number = random.randrange(*PORTS)
        with contextlib.closing(socket.socket()) as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", number))
            return number


def record(program, path):
    return Stage(program, scripts.read(path)).play()
