"""Bytes of resident memory per item, and per idle connection."""

import dataclasses
import time
from typing import Callable

from . import machine, wire
from .figures import Figure
from .servers import Server
from .wire import VALUE, request

# A table that doubles is at its best and at its worst somewhere between these.
MILLIONS = (0.7, 1.0, 1.4)
# What no one of the three may be above the goal.
WORST_OVER_GOAL = 1.10
# Redis rehashes in the background.
SETTLE_S = 0.5
# What is promised here is promised within 2 s; Redis looks again at silent clients after some more.
IDLE_SECONDS = (2, 6)


@dataclasses.dataclass
class Data:
    """What is stored: one request makes `items_per_request` items."""

    name: str
    goal_bytes: float
    make: Callable[[int], bytes]
    items_per_request: int = 1
    lines_per_reply: int = 1


def list_of_ten(number):
    return request("RPUSH", b"key:%012d" % number, *[b"%08d" % (number + item) for item in range(10)])


SET_INTEGER = b"*3\r\n$3\r\nSET\r\n$16\r\nkey:%012d\r\n$7\r\n%07d\r\n"
SET_TTL = wire.SET_16.replace(b"*3", b"*5") + b"$2\r\nEX\r\n$6\r\n100000\r\n"
SET_100 = b"*3\r\n$3\r\nSET\r\n$16\r\nkey:%012d\r\n$100\r\n" + b"v" * 100 + b"\r\n"
RPUSH_16 = b"*3\r\n$5\r\nRPUSH\r\n$4\r\nlist\r\n$16\r\n%016d\r\n"
XADD_2 = b"*7\r\n$4\r\nXADD\r\n$6\r\nstream\r\n$1\r\n*\r\n$1\r\na\r\n$2\r\n%02d\r\n$1\r\nb\r\n$2\r\n%02d\r\n"

ROWS = [
    Data("16-byte key, 16-byte value", 48, lambda number: wire.SET_16 % number),
    Data("16-byte key, integer value", 38, lambda number: SET_INTEGER % (number, 1_000_000 + number)),
    Data("16-byte key, 16-byte value, TTL", 62, lambda number: SET_TTL % number),
    Data("16-byte key, 100-byte value", 132, lambda number: SET_100 % number),
    Data("one list of 16-byte elements", 17.5, lambda number: RPUSH_16 % number),
    Data("lists of ten 8-byte elements, per element", 12, list_of_ten, 10),
    Data("stream, two fields of two digits", 6.5,
         lambda number: XADD_2 % (10 + number % 90, 10 + number // 90 % 90), 1, 2),
]


def bytes_per_item(program, data, million):
    """Fills a fresh server in three steps; bytes per item after each."""
    found = []
    with Server(program) as server:
        client = server.client()
        before = machine.memory_bytes(server.pid)[0]
        done = 0
        for step in MILLIONS:
            requests = int(step * million) // data.items_per_request
            wire.load(client, data.make, range(done, requests), data.lines_per_reply)
            done = requests
            time.sleep(SETTLE_S)
            now = machine.memory_bytes(server.pid)[0]
            found.append((now - before) / (requests * data.items_per_request))
    return found


def figure(data, squint, redis):
    mean = sum(squint) / len(squint)
    worst = max(squint)
    note = " ".join(f"{each:.1f}" for each in squint)
    if worst > data.goal_bytes * WORST_OVER_GOAL:
        note += "; the worst is over"
    return Figure("Memory per item", data.name, "B", mean, sum(redis) / len(redis),
                  data.goal_bytes, note=note)


def idle_connection_bytes(program, connections):
    """Memory of each connection that has sent one command and then fallen silent, after each of
    the waits, and all resident memory then."""
    with Server(program) as server:
        clients = [server.client() for _ in range(10)]
        for client in clients:
            client.ask("PING")
        before = machine.memory_bytes(server.pid)[0]
        for _ in range(connections):
            client = server.client()
            client.ask("PING")
            clients.append(client)
        silent = time.monotonic()
        each = []
        for seconds in IDLE_SECONDS:
            time.sleep(max(0, silent + seconds - time.monotonic()))
            now = machine.memory_bytes(server.pid)[0]
            each.append((now - before) / connections)
        for client in clients:
            client.close()
        return each, now


def idle_figures(programs, connections):
    squint, squint_rss = idle_connection_bytes(programs["squint"], connections)
    redis, redis_rss = idle_connection_bytes(programs["redis"], connections)
    section = "Idle connections"
    figures = [Figure(section, f"each, {seconds} s after one command", "B", ours, theirs, 400)
               for seconds, ours, theirs in zip(IDLE_SECONDS, squint, redis)]
    name = f"resident with {connections:,}"
    return [*figures, Figure(section, name, "MB", squint_rss / 1e6, redis_rss / 1e6)]


def run(programs, options, say):
    """Figures, and bytes per item at each size."""
    figures, details = [], []
    redis, squint = programs["redis"], programs["squint"]
    for data in ROWS:
        row = {"name": data.name, "goal": data.goal_bytes}
        for program in (redis, squint):
            row[program.name] = bytes_per_item(program, data, options.million)
            shown = " ".join(f"{each:.1f}" for each in row[program.name])
            say(f"{program.name}: {data.name}: {shown} B")
        details.append(row)
        figures.append(figure(data, row["squint"], row["redis"]))
    say(f"{options.connections:,} idle connections")
    figures += idle_figures(programs, options.connections)
    return figures, details
