"""What strace wrote, made into calls.

    6886  1795758984.651410 read(8, "PING\\r\\n", 16384) = 6 <0.000012>
    pid   start             name arguments               answer  duration

A call that another thread interrupts stands on two lines, `<unfinished ...>` and `<... resumed>`.
"""

import dataclasses
import re
from typing import Optional

OPTIONS = ["-f", "-qq", "-ttt", "-T", "-s", "40", "-v"]

WHOLE = re.compile(
    r"(?P<name>\w+)\((?P<arguments>.*)\)\s+= (?P<answer>-?\w+|\?)(?P<rest>.*?)(?: <(?P<took>[\d.]+)>)?")
BEGUN = re.compile(r"(?P<name>\w+)\((?P<arguments>.*?)(?: <unfinished \.\.\.>)?(?:\)\s*= \?)?")
RESUMED = re.compile(r"<\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)")
LINE = re.compile(r"(?P<pid>\d+)\s+(?P<start>\d+\.\d+) (?P<text>.*)")

# Newer architectures of Linux have no epoll_wait: they say it with the call that took its place.
SAME = {"epoll_pwait": "epoll_wait", "epoll_create": "epoll_create1"}
WAITS = ("epoll_wait", "poll", "ppoll", "select", "pselect6")


@dataclasses.dataclass
class Call:
    """One system call. Times are seconds: since 1970, and how long."""

    pid: int
    start: float
    name: str
    arguments: str
    answer: str = "?"
    error: str = ""
    took: Optional[float] = None
    # Which thread of the process: 0 is the first.
    thread: int = 0


def read(path):
    """All calls in the order in which they began."""
    calls, pending, threads = [], {}, {}
    for line in path.read_text(errors="replace").splitlines():
        found = LINE.fullmatch(line)
        if found is None:
            continue
        pid, start, text = int(found["pid"]), float(found["start"]), found["text"]
        threads.setdefault(pid, len(threads))
        resumed = RESUMED.fullmatch(text)
        if resumed:
            call = pending.pop(pid, None)
            text = f"{resumed['name']}({call.arguments if call else ''}{resumed['rest']}"
            whole = call_of(pid, call.start if call else start, text)
            if whole and call:
                calls[calls.index(call)] = dataclasses.replace(whole, thread=threads[pid])
            continue
        call = call_of(pid, start, text)
        if call:
            call.thread = threads[pid]
            calls.append(call)
            if call.took is None:
                pending[pid] = call
    return calls


def call_of(pid, start, text):
    whole = WHOLE.fullmatch(text)
    if whole:
        name = SAME.get(whole["name"], whole["name"])
        error = whole["rest"].split()[0] if whole["answer"] == "-1" and whole["rest"] else ""
        took = float(whole["took"]) if whole["took"] else None
        return Call(pid, start, name, whole["arguments"], whole["answer"], error, took)
    begun = BEGUN.fullmatch(text)
    if begun:
        return Call(pid, start, SAME.get(begun["name"], begun["name"]), begun["arguments"])
    return None
