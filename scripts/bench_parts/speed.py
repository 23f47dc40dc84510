"""CPU per operation and throughput, under redis-benchmark.

What counts is the **own** CPU: all that the process used, exact, less what a bare echo server used
under the same number of GETs at the same pipeline in the same run. That is what the server itself adds
to the kernel's price of moving bytes.
"""

import contextlib
import csv
import dataclasses
import subprocess

from . import machine, wire
from .figures import Figure, median
from .servers import Server

CONNECTIONS = 50
KEYS = 1_000_000
REQUESTS_MIN = 20_000
KEY = "key:__rand_int__"
VALUE = wire.VALUE.decode()


@dataclasses.dataclass
class Workload:
    name: str
    pipeline: int
    requests: int
    goal_own_ns: int
    words: list


# In this order, because some find what others leave: LPOP takes what LPUSH has pushed.
WORKLOADS = [
    Workload("GET", 1, 90_000, 500, ["GET", KEY]),
    Workload("SET", 1, 90_000, 600, ["SET", KEY, VALUE]),
    Workload("GET", 16, 675_000, 170, ["GET", KEY]),
    Workload("SET", 16, 675_000, 220, ["SET", KEY, VALUE]),
    Workload("GET", 64, 900_000, 150, ["GET", KEY]),
    Workload("SET", 64, 900_000, 200, ["SET", KEY, VALUE]),
    Workload("MSET of 10", 16, 90_000, 1900, ["MSET", *[KEY, VALUE] * 10]),
    Workload("INCR", 16, 675_000, 180, ["INCR", "num:__rand_int__"]),
    Workload("LPUSH", 16, 675_000, 85, ["LPUSH", "list", VALUE]),
    Workload("LPOP", 16, 675_000, 100, ["LPOP", "list"]),
    Workload("LRANGE of 100", 16, 67_500, 700, ["LRANGE", "hundred", "0", "99"]),
    Workload("XADD of 2 fields", 16, 450_000, 180,
             ["XADD", "stream", "*", "first", "12", "second", "34"]),
    Workload("PUBLISH to nobody", 16, 675_000, 75, ["PUBLISH", "channel", VALUE]),
    Workload("PING", 16, 900_000, 45, ["PING"]),
]

PIPELINES = [1, 16, 64]
THROUGHPUT_GOAL_RATIO = 3


@dataclasses.dataclass
class Sample:
    """One run of one workload against one server, per operation."""

    cpu_ns: float
    user_ns: float
    system_ns: float
    per_second: float


def measure(server, workload, requests):
    """Runs redis-benchmark and sees what it cost the server."""
    cpu_before = machine.cpu_ns(server.pid)
    user_before, system_before = machine.user_and_system_s(server.pid)
    command = [
        *("redis-benchmark", "-p", str(server.port), "-c", str(CONNECTIONS)),
        *("-n", str(requests), "-P", str(workload.pipeline), "-r", str(KEYS)),
        *("--csv", *workload.words),
    ]
    with machine.on_core(machine.LOAD_CORE):
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    cpu = machine.cpu_ns(server.pid) - cpu_before
    user, system = machine.user_and_system_s(server.pid)
    # Lines before the last may be warnings about a server that does not know CONFIG GET.
    per_second = float(list(csv.reader(output.splitlines()))[-1][1])
    return Sample(
        cpu / requests,
        (user - user_before) * 1e9 / requests,
        (system - system_before) * 1e9 / requests,
        per_second,
    )


def prepare(server):
    """A million keys, a million counters, a list of a hundred."""
    client = server.client()
    wire.load(client, lambda number: wire.SET_16 % number, range(KEYS))
    counter = b"*3\r\n$3\r\nSET\r\n$16\r\nnum:%012d\r\n$4\r\n1000\r\n"
    wire.load(client, lambda number: counter % number, range(KEYS))
    push = wire.request("RPUSH", "hundred", wire.VALUE)
    wire.load(client, lambda _: push, range(100))
    client.close()


def at_least(workload, scale):
    return max(REQUESTS_MIN, int(workload.requests * scale))


def round_of(running, scale, say):
    """Every workload on every server: server's name -> workload's name and pipeline -> sample.

    The servers take turns at each workload, so that whatever else the machine does hits all alike;
    one that has nothing to do costs the others nothing. The echo server always gets GETs.
    """
    samples = {name: {} for name in running}
    for workload in WORKLOADS:
        key = workload.name, workload.pipeline
        gets = next(one for one in WORKLOADS if (one.name, one.pipeline) == ("GET", workload.pipeline))
        for name, server in running.items():
            load = gets if name == "echo" else workload
            samples[name][key] = measure(server, load, at_least(load, scale))
        if workload.name == "XADD of 2 fields":
            for name in ("redis", "squint"):
                forget(running[name], "stream")
        shown = ", ".join(f"{name} {found[key].cpu_ns:,.0f} ns {found[key].per_second:,.0f}/s"
                          for name, found in samples.items())
        say(f"{workload.name}, pipeline {workload.pipeline}: {shown}")
    return samples


def forget(server, key):
    client = server.client()
    client.ask("DEL", key)
    client.close()


def run(programs, options, say):
    """All rounds; gives figures and the details behind them."""
    rounds = []
    with contextlib.ExitStack() as stack:
        running = {name: stack.enter_context(Server(programs[name]))
                   for name in ("echo", "redis", "squint")}
        for name in ("redis", "squint"):
            say(f"{name}: filling in {2 * KEYS:,} keys")
            prepare(running[name])
        for number in range(options.rounds):
            say(f"speed, round {number + 1} of {options.rounds}")
            rounds.append(round_of(running, options.scale, say))
    details = [detail(workload, rounds) for workload in WORKLOADS]
    return figures(details), details


def detail(workload, rounds):
    """Medians of the rounds; own CPU is taken within each round, from neighbouring runs."""
    key = workload.name, workload.pipeline
    row = {"name": workload.name, "pipeline": workload.pipeline, "goal_own_ns": workload.goal_own_ns}
    echo = [one["echo"][key].cpu_ns for one in rounds]
    row["echo_ns"] = median(echo)
    for name in ("redis", "squint"):
        samples = [one[name][key] for one in rounds]
        row[name] = {field: median([getattr(sample, field) for sample in samples])
                     for field in ("cpu_ns", "user_ns", "system_ns", "per_second")}
        row[name]["own_ns"] = median([sample.cpu_ns - ns for sample, ns in zip(samples, echo)])
    return row


def figures(details):
    found = []
    for row in details:
        name = f"{row['name']}, pipeline {row['pipeline']}"
        found.append(Figure("Speed: own CPU", name, "ns", row["squint"]["own_ns"],
                            row["redis"]["own_ns"], row["goal_own_ns"]))
    for row in details:
        name = f"{row['name']}, pipeline {row['pipeline']}"
        redis, squint = row["redis"]["per_second"], row["squint"]["per_second"]
        goal = THROUGHPUT_GOAL_RATIO * redis if row["pipeline"] == 64 else None
        found.append(Figure("Speed: throughput", name, "/s", squint, redis, goal, True))
    return found
