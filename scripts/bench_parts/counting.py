"""What can be counted: instructions, writes, wakes. The machine may be busy meanwhile."""

import pathlib
import subprocess
import tempfile
import time

from . import machine, wire
from .servers import Program, Server

# Requests before counting: every buffer has its size then.
WARM_UP = 160
COUNTED = 3_200
KEYS = 2_000


def under_callgrind(program, directory):
    tool = ["valgrind", "--tool=callgrind", "--quiet", f"--callgrind-out-file={directory}/out"]
    return Program(program.name, lambda port: [*tool, *program.command(port)])


def dump(server):
    """Writes what was counted since the last dump to a file of its own, and begins at zero."""
    command = ["callgrind_control", "--dump", str(server.pid)]
    subprocess.run(command, check=True, capture_output=True)


def summary(directory, number):
    text = (pathlib.Path(directory) / f"out.{number}").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("summary:"))


def instructions(program, make, pipeline):
    """Instructions in user space for one request: make(number) is the request, and its reply is of
    one line. The server has some keys as redis-benchmark names them."""
    with tempfile.TemporaryDirectory() as directory:
        with Server(under_callgrind(program, directory)) as server:
            client = server.client()
            wire.load(client, lambda number: wire.SET_16 % number, range(KEYS))
            for count in (WARM_UP, COUNTED):
                for start in range(0, count, pipeline):
                    numbers = range(start, start + pipeline)
                    client.batch(b"".join([make(number) for number in numbers]), pipeline)
                dump(server)
            return summary(directory, 2) / COUNTED


def writes_per_pipeline(program, length=100, times=50):
    """Calls of write for one pipeline of so many PINGs."""
    with Server(program) as server:
        client = server.client()
        client.ask("PING")
        before = io_calls(server.pid)
        for _ in range(times):
            client.batch(wire.request("PING") * length, length)
        return (io_calls(server.pid) - before) / times


def io_calls(pid):
    """How often the process has called write and its like."""
    lines = pathlib.Path(f"/proc/{pid}/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("syscw:"))


def wakes_per_second(program, seconds=3):
    """How often an idle server wakes: each time it goes to sleep again."""
    with Server(program) as server:
        server.client().ask("PING")
        time.sleep(0.5)
        before = sleeps(server.pid)
        time.sleep(seconds)
        return (sleeps(server.pid) - before) / seconds


def sleeps(pid):
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        lines = (task / "status").read_text().splitlines()
        total += next(int(line.split()[1]) for line in lines if line.startswith("voluntary"))
    return total


def cpu_of(server, action):
    """Nanoseconds of the processor that the server spends on something."""
    before = machine.cpu_ns(server.pid)
    action()
    return machine.cpu_ns(server.pid) - before
