"""What each part of the server buys: the part is taken out by a patch, and what it is about is
measured. A measurement is a function of a program, or of several, which then take turns."""

import contextlib
import dataclasses
import time
from typing import Callable

from . import counting, machine, memory, speed, wire
from .figures import median
from .servers import Server

KEYS = 1_000_000
ROUNDS = 5
ITEMS = 500_000
IDLE_CONNECTIONS = 2_000
SUBSCRIBERS = 50
MESSAGES = 200
MESSAGE_BYTES = 64 * 1024
EXPIRING = 200_000
EXPIRY_SECONDS = 2
GROWING_KEYS = 2_000_000
LONG_VALUES = 100_000
LIST_ELEMENTS = 1_000_000
# The system makes some 16 MB of huge pages in ten seconds, and each of two servers has 50 MB.
HUGE_PAGES_S = 70


@dataclasses.dataclass
class Gain:
    """A patch, and what it shall change."""

    patch: str
    part: str
    what: str
    unit: str
    # All programs -> a number each. Redis is left out where it cannot be measured alike.
    measure: Callable[[dict], dict]


def each(measure, with_redis=True):
    """One program after the other."""
    def measure_all(programs):
        return {name: measure(program) for name, program in programs.items()
                if with_redis or name != "redis"}
    return measure_all


def instructions(words, pipeline=16):
    """Callgrind's count, of our own server only: it depends on nothing else."""
    def make(number):
        key = b"key:%012d" % (number * 7919 % counting.KEYS)
        return wire.request(*[key if word == "KEY" else word for word in words])
    return each(lambda program: counting.instructions(program, make, pipeline), with_redis=False)


def cpu_ns(words, pipeline, requests, rest_s=0):
    """CPU of the server for one request under redis-benchmark, the kernel's part included: the median
    of some rounds, in each of which every server has its turn. After loading they rest for a while."""
    workload = speed.Workload(" ".join(words), pipeline, requests, 0, words)

    def measure_all(programs):
        rounds = {name: [] for name in programs}
        with contextlib.ExitStack() as stack:
            servers = {name: stack.enter_context(Server(program))
                       for name, program in programs.items()}
            for server in servers.values() if speed.KEY in words else []:
                wire.load(server.client(), lambda number: wire.SET_16 % number, range(KEYS))
            time.sleep(rest_s)
            for _ in range(ROUNDS):
                for name, server in servers.items():
                    rounds[name].append(speed.measure(server, workload, requests).cpu_ns)
        return {name: median(found) for name, found in rounds.items()}
    return measure_all


def bytes_per_key(program):
    with Server(program) as server:
        before = machine.memory_bytes(server.pid)[0]
        wire.load(server.client(), lambda number: wire.SET_16 % number, range(ITEMS))
        time.sleep(memory.SETTLE_S)
        return (machine.memory_bytes(server.pid)[0] - before) / ITEMS


def bytes_per_idle_connection(program):
    return memory.idle_connection_bytes(program, IDLE_CONNECTIONS)[0][-1]


def worst_batch_us(program):
    """CPU of the server for 100 SETs, the most of all batches while it grows. What the machine does
    besides does not count."""
    with Server(program) as server:
        client = server.client()
        worst = 0
        for start in range(0, GROWING_KEYS, 100):
            requests = b"".join([wire.SET_16 % number for number in range(start, start + 100)])
            worst = max(worst, counting.cpu_of(server, lambda: client.batch(requests, 100)))
        return worst / 1e3


def keys_left(program):
    """Keys whose time has come a while ago, and whose memory is still held."""
    with Server(program) as server:
        client = server.client()
        set_px = wire.SET_16.replace(b"*3", b"*5") + b"$2\r\nPX\r\n$4\r\n1000\r\n"
        wire.load(client, lambda number: set_px % number, range(EXPIRING))
        time.sleep(1 + EXPIRY_SECONDS)
        return int(client.ask("DBSIZE")[1:])


def bytes_per_unread_message(program):
    """Memory for each message and each of the subscribers that do not read it."""
    with Server(program) as server:
        subscribers = [server.client() for _ in range(SUBSCRIBERS)]
        for subscriber in subscribers:
            subscriber.batch(wire.request("SUBSCRIBE", "channel"), 6)
        before = machine.memory_bytes(server.pid)[0]
        publisher = server.client()
        publish = wire.request("PUBLISH", "channel", b"m" * MESSAGE_BYTES)
        for _ in range(MESSAGES):
            publisher.batch(publish, 1)
        held = machine.memory_bytes(server.pid)[0] - before
        return held / MESSAGES / SUBSCRIBERS


def held_after_deleting_mb(program):
    """Memory that a list of many elements leaves behind a second after it was deleted."""
    with Server(program) as server:
        client = server.client()
        client.ask("PING")
        before = machine.memory_bytes(server.pid)[0]
        push = wire.request("RPUSH", "list", *[wire.VALUE] * 100)
        wire.load(client, lambda _: push, range(LIST_ELEMENTS // 100))
        client.ask("DEL", "list")
        time.sleep(1)
        return (machine.memory_bytes(server.pid)[0] - before) / 1e6


def stall_ms(program):
    """CPU of the server between FLUSHALL of many values of 4 KiB and the answer to somebody's PING."""
    with Server(program) as server:
        client, other = server.client(), server.client()
        value = b"v" * 4096
        wire.load(client, lambda number: wire.request("SET", number, value), range(LONG_VALUES))
        other.ask("PING")

        def flush():
            client.ask("FLUSHALL")
            other.ask("PING")
        return counting.cpu_of(server, flush) / 1e6


GET = ["GET", speed.KEY]

GAINS = [
    Gain("groups", "groups of requests", "GET, pipeline of 64", "ns of CPU",
         cpu_ns(GET, 64, 200_000)),
    Gain("groups", "groups of requests", "GET, 50 clients in turn", "ns of CPU",
         cpu_ns(GET, 1, 20_000)),
    Gain("prefetch", "prefetching within a group", "GET, pipeline of 64", "ns of CPU",
         cpu_ns(GET, 64, 200_000)),
    Gain("huge-pages", "huge pages for a large store", "GET, pipeline of 64", "ns of CPU",
         cpu_ns(GET, 64, 200_000, rest_s=HUGE_PAGES_S)),
    Gain("short-arguments", "short arguments read by their shape", "SET", "instructions",
         instructions(["SET", "KEY", wire.VALUE])),
    Gain("like-before", "requests read like the one before", "PING", "instructions",
         instructions(["PING"])),
    Gain("like-before", "requests read like the one before", "SET", "instructions",
         instructions(["SET", "KEY", wire.VALUE])),
    Gain("layout", "requests laid out like the one before", "SET", "instructions",
         instructions(["SET", "KEY", wire.VALUE])),
    Gain("layout", "requests laid out like the one before", "MSET of 10", "instructions",
         instructions(["MSET", *["KEY", wire.VALUE] * 10])),
    Gain("lent", "nothing looked after that is as it was", "PING", "instructions",
         instructions(["PING"])),
    Gain("overwriting", "strings written over others of their length", "SET", "instructions",
         instructions(["SET", "KEY", wire.VALUE])),
    Gain("growing", "growing by one group of lines", "worst batch of 100 SETs", "us of CPU",
         each(worst_batch_us)),
    Gain("arena", "size classes instead of malloc", "16-byte key and value", "B",
         each(bytes_per_key)),
    Gain("one-allocation", "key and value in one piece", "16-byte key and value", "B",
         each(bytes_per_key)),
    Gain("one-allocation", "key and value in one piece", "GET, pipeline of 64", "ns of CPU",
         cpu_ns(GET, 64, 200_000)),
    Gain("expiry", "the wheel of deadlines",
         f"of {EXPIRING:,} keys still held {EXPIRY_SECONDS} s after their time", "keys",
         each(keys_left)),
    Gain("allocator", "pages of blocks that go back", "list of a million, deleted", "MB",
         each(held_after_deleting_mb)),
    Gain("big-frees", "freeing in pieces", f"PING behind FLUSHALL of {LONG_VALUES:,} values of 4 KiB",
         "ms of CPU", each(stall_ms)),
    Gain("sharing", "one copy for all subscribers", "64 KiB unread, each subscriber", "B",
         each(bytes_per_unread_message)),
    Gain("clocks", "clocks read once a tick", "PING, pipeline of 64", "ns of CPU",
         cpu_ns(["PING"], 64, 300_000)),
    Gain("introspection", "ticks timed phase by phase", "PING, one at a time", "instructions",
         instructions(["PING"], 1)),
    Gain("introspection", "ticks timed phase by phase", "PING, one of 50 clients at a time",
         "ns of CPU", cpu_ns(["PING"], 1, 100_000)),
    Gain("output-pool", "output buffers from a pool", "GET, one at a time", "instructions",
         instructions(["GET", "KEY"], 1)),
    Gain("idle-buffers", "idle connections give buffers back", "idle connection", "B",
         each(bytes_per_idle_connection)),
    Gain("one-write", "one write for all replies", "pipeline of 100 PINGs", "writes",
         each(counting.writes_per_pipeline)),
    Gain("one-write", "one write for all replies", "PING, pipeline of 64", "ns of CPU",
         cpu_ns(["PING"], 64, 300_000)),
    Gain("timers", "no timer without a deadline", "idle server", "wakes a second",
         each(counting.wakes_per_second)),
]
