"""Latency while the keyspace grows, in the middle of a long list, and of a short block."""

import gc
import time

from . import machine, wire
from .figures import Figure, median
from .servers import Server
from .wire import RefusedError, request

BATCH = 100
QUANTILES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "p99.99": 0.9999, "worst": 1.0}
# A busy machine delays replies and spends no CPU of the server: what it spends is the server's own doing.
GROWING_GOALS_US = {"p99.99": 500}
CPU_QUANTILES = ["p99.99", "worst"]
LIST_ELEMENTS = 1_000_000
LIST_ROUNDS = 40
LIST_PIPELINE = 100
MIDDLE_GOAL_US = 1
BLOCK_S = 0.01
BLOCK_GOAL_MS = 12


def growing_us(program, keys):
    """Microseconds that each batch of 100 SETs took, from the first key to the last, and those that
    the server spent on it."""
    reply_bytes = BATCH * len(wire.SET_16 % 0 if program.name == "echo" else b"+OK\r\n")
    times, cpu_times = [], []
    with machine.on_core(machine.LOAD_CORE), Server(program) as server:
        client = server.client()
        gc.disable()  # Its pauses would look like the server's.
        cpu = machine.cpu_ns(server.pid)
        for start in range(0, keys, BATCH):
            requests = b"".join([wire.SET_16 % number for number in range(start, start + BATCH)])
            begin = time.perf_counter_ns()
            client.batch_bytes(requests, reply_bytes)
            times.append((time.perf_counter_ns() - begin) / 1e3)
            cpu_before, cpu = cpu, machine.cpu_ns(server.pid)
            cpu_times.append((cpu - cpu_before) / 1e3)
        gc.enable()
    return times, cpu_times


def quantiles(times):
    ordered = sorted(times)
    last = len(ordered) - 1
    return {name: ordered[min(last, int(part * len(ordered)))] for name, part in QUANTILES.items()}


def growing(programs, keys, say):
    """Figures, and the curve of each server; the echo server's is the noise of the machine."""
    curves = {}
    for name in ("echo", "redis", "squint"):
        times, cpu_times = growing_us(programs[name], keys)
        curves[name] = {**quantiles_and_curve(times), "cpu_quantiles": quantiles(cpu_times)}
        shown = ", ".join(f"{key} {us:,.0f}" for key, us in curves[name]["quantiles"].items())
        say(f"{name}: growing to {keys:,} keys: {shown} us")
    figures = [
        Figure("Growing, 100 SETs", name, "us", curves["squint"]["quantiles"][name],
               curves["redis"]["quantiles"][name], GROWING_GOALS_US.get(name),
               note=f"echo {curves['echo']['quantiles'][name]:,.0f}")
        for name in QUANTILES
    ]
    figures += [
        Figure("Growing, 100 SETs", f"{name}, CPU of the server", "us",
               curves["squint"]["cpu_quantiles"][name], curves["redis"]["cpu_quantiles"][name],
               GROWING_GOALS_US.get(name),
               note=f"echo {curves['echo']['cpu_quantiles'][name]:,.0f}")
        for name in CPU_QUANTILES
    ]
    return figures, curves


CURVE_POINTS = 400


def quantiles_and_curve(times):
    """The curve is the worst batch of each slice of the run: what a plot can show."""
    size = max(1, len(times) // CURVE_POINTS)
    worst = [max(times[start:start + size]) for start in range(0, len(times), size)]
    return {"quantiles": quantiles(times), "worst_per_slice_us": worst, "batches_per_slice": size}


def cpu_us(server, client, requests, lines):
    """Server's CPU for one of a hundred equal requests."""
    before = machine.cpu_ns(server.pid)
    client.batch(requests, lines)
    return (machine.cpu_ns(server.pid) - before) / 1e3 / LIST_PIPELINE


def list_places(program):
    """How much more the middle of a million elements costs than the head, by command: us."""
    middle = LIST_ELEMENTS // 2
    commands = {
        "LINDEX": (lambda at: ["LINDEX", "list", at], 2),
        "LSET": (lambda at: ["LSET", "list", at, wire.VALUE], 1),
        "LRANGE of 1": (lambda at: ["LRANGE", "list", at, at], 3),
    }
    more = {}
    with Server(program) as server:
        client = server.client()
        push = wire.request("RPUSH", "list", *[wire.VALUE] * 100)
        wire.load(client, lambda _: push, range(LIST_ELEMENTS // 100))
        for name, (make, lines) in commands.items():
            samples = {0: [], middle: []}
            try:
                client.ask("EXISTS", "list")
                for _ in range(LIST_ROUNDS):
                    for at, found in samples.items():
                        requests = request(*make(at)) * LIST_PIPELINE
                        found.append(cpu_us(server, client, requests, lines * LIST_PIPELINE))
                more[name] = median(samples[middle]) - median(samples[0])
            except RefusedError:
                more[name] = None  # A command that the server does not have (yet).
                client.close()
                client = server.client()
    return more


def block_ms(program, times):
    """How long BLPOP with a hundredth of a second takes on a server with nothing else to do."""
    found = []
    blpop = request("BLPOP", "nothing", BLOCK_S)
    with Server(program) as server:
        client = server.client()
        for _ in range(times):
            begin = time.perf_counter()
            client.batch(blpop, 1)
            found.append((time.perf_counter() - begin) * 1e3)
    return found


def run(programs, options, say):
    figures, curves = growing(programs, options.growing_keys, say)
    say("the middle of a list")
    squint, redis = list_places(programs["squint"]), list_places(programs["redis"])
    for name, more in squint.items():
        figures.append(Figure("Middle of a million", f"{name}, more than at the head", "us", more,
                              redis[name], MIDDLE_GOAL_US))
    say(f"BLPOP {BLOCK_S}")
    squint, redis = block_ms(programs["squint"], options.blocks), block_ms(programs["redis"], 10)
    figures.append(Figure("BLPOP 0.01, idle", "median", "ms", median(squint), median(redis),
                          BLOCK_GOAL_MS, note=f"soonest {min(squint):.2f}"))
    figures.append(Figure("BLPOP 0.01, idle", "worst", "ms", max(squint), max(redis)))
    return figures, curves
