"""The process itself: how soon it answers, how much it holds, how large it is."""

import pathlib
import shutil
import subprocess
import time

from . import machine
from .figures import Figure, median
from .servers import Server, binaries

STARTS = 15
EMPTY_SETTLE_S = 0.5


def first_reply_ms(program, starts):
    times = []
    with machine.on_core(machine.LOAD_CORE):
        for _ in range(starts):
            with Server(program) as server:
                times.append(server.first_reply_s() * 1e3)
    return median(times)


def empty(program):
    """Resident bytes, private bytes and threads of a server that has nothing to do."""
    with Server(program) as server:
        time.sleep(EMPTY_SETTLE_S)
        return *machine.memory_bytes(server.pid), machine.thread_count(server.pid)


def libraries(path):
    """Shared libraries that a binary names."""
    output = subprocess.run(["readelf", "-d", path], capture_output=True, text=True).stdout
    return [line.partition("[")[2].rstrip("]") for line in output.splitlines() if "(NEEDED)" in line]


def megabytes(path):
    return pathlib.Path(path).stat().st_size / 1e6


def run(root, programs, options, say):
    say("starting and stopping servers")
    redis, squint, static = (programs[name] for name in ("redis", "squint", "squint static"))
    section = "Process"
    redis_rss, redis_private, redis_threads = empty(redis)
    rss, private, threads = empty(squint)
    static_rss, static_private, _ = empty(static)
    paths = binaries(root)
    dynamic_path, static_path = paths["squint-server"], paths["squint-server-static"]
    redis_mb = megabytes(shutil.which("redis-server"))
    redis_ms = first_reply_ms(redis, options.starts)
    squint_ms = first_reply_ms(squint, options.starts)
    static_ms = first_reply_ms(static, options.starts)
    return [
        Figure(section, "resident when empty", "MB", rss / 1e6, redis_rss / 1e6),
        Figure(section, "resident when empty, static", "MB", static_rss / 1e6, redis_rss / 1e6, 2),
        Figure(section, "private when empty", "MB", private / 1e6, redis_private / 1e6),
        Figure(section, "private when empty, static", "MB", static_private / 1e6,
               redis_private / 1e6, 0.5),
        Figure(section, "start to first reply", "ms", squint_ms, redis_ms, 2),
        Figure(section, "start to first reply, static", "ms", static_ms, redis_ms, 2),
        Figure(section, "binary, stripped", "MB", megabytes(dynamic_path), redis_mb, 1,
               note="linked to " + ", ".join(libraries(dynamic_path))),
        Figure(section, "binary, static, stripped", "MB", megabytes(static_path), redis_mb,
               1.9, note="linked to " + (", ".join(libraries(static_path)) or "nothing")),
        Figure(section, "threads", "", threads, redis_threads, 1),
    ]
