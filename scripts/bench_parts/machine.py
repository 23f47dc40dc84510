"""Cores, processes, and what the kernel knows of them."""

import contextlib
import os
import pathlib
import platform
import subprocess

SERVER_CORE = 0
LOAD_CORE = 1
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def on_core(core):
    """What is started inside runs on this core alone; so does this program meanwhile."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_ns(pid):
    """CPU time of all threads of a process, exact: the first number of each schedstat."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total


def user_and_system_s(pid):
    """The same as the kernel samples it, a hundred times a second: user and system seconds."""
    # The name, in brackets, may hold blanks.
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) / TICKS_PER_SECOND, int(fields[12]) / TICKS_PER_SECOND


def memory_bytes(pid):
    """Resident memory of a process, and the part that is its own: pages without a file behind them.
    What the kernel calls private also counts a binary that only one process has mapped just now."""
    rollup = {}
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, number = line.split()[:2]
        rollup[name.rstrip(":")] = int(number) * 1024
    return rollup["Rss"], rollup["Anonymous"]


def thread_count(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


def memory_latency(root):
    """What a load costs whose address the load before it has brought, by the size of what is loaded
    from: a lone look-up in a table waits for two of the last kind."""
    program = root / "target" / "release" / "examples" / "memory_latency"
    with on_core(SERVER_CORE):
        output = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    words = [line.split() for line in output.splitlines()]
    return ", ".join(f"{size} MiB {nanoseconds} ns" for size, _, nanoseconds, *_ in words)


def description():
    """The machine in a line."""
    model = "unknown processor"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}"
