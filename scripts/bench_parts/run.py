"""The order of things: build, measure section by section, report."""

import argparse
import dataclasses
import datetime
import os
import pathlib
import shutil
import sys
import time

from . import latency, machine, memory, process, report, servers, speed
from .servers import Program

SECTIONS = ["process", "memory", "latency", "speed"]
TOOLS = ["cargo", "strip", "readelf", "redis-server", "redis-benchmark"]


@dataclasses.dataclass
class Options:
    """How much is done."""

    rounds: int = 7
    scale: float = 1.0
    million: int = 1_000_000
    connections: int = 10_000
    growing_keys: int = 8_000_000
    blocks: int = 200
    starts: int = 15


QUICK = Options(rounds=1, scale=0.2, million=200_000, connections=2_000, growing_keys=500_000,
                blocks=30, starts=5)


def parse(documentation):
    parser = argparse.ArgumentParser(
        description=documentation, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two minutes instead of ten")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS, metavar="SECTION",
                        help=f"some of: {' '.join(SECTIONS)}")
    parser.add_argument("--no-plots", action="store_true", help="do not draw, nor install matplotlib")
    parser.add_argument("--output", type=pathlib.Path, help="where results go")
    return parser.parse_args()


def complain():
    """What is missing here, or nothing."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    if sys.platform != "linux" or (os.cpu_count() or 1) < 2:
        return "this needs Linux and two cores"
    return None


class Progress:
    """A line for each thing that is done, with the time since the start."""

    def __init__(self):
        self.start = time.monotonic()

    def __call__(self, text):
        seconds = int(time.monotonic() - self.start)
        print(f"[{seconds // 60:2}:{seconds % 60:02}] {text}", flush=True)


def measure(root, options, sections, say):
    """All figures, and the details by section."""
    makers = [Program.echo(root), Program.redis(), Program.squint(root), Program.squint_static(root)]
    programs = {program.name: program for program in makers}
    results = {"figures": []}
    if "process" in sections:
        results["figures"] += process.run(root, programs, options, say)
    if "memory" in sections:
        figures, results["memory"] = memory.run(programs, options, say)
        results["figures"] += figures
    if "latency" in sections:
        figures, results["growing"] = latency.run(programs, options, say)
        results["figures"] += figures
    if "speed" in sections:
        figures, results["speed"] = speed.run(programs, options, say)
        results["figures"] += figures
    return results


def main(root, documentation):
    arguments = parse(documentation)
    complaint = complain()
    if complaint:
        print(f"bench: {complaint}", file=sys.stderr)
        return 1
    options = QUICK if arguments.quick else Options()
    is_whole = not arguments.quick and arguments.only == SECTIONS
    output = arguments.output or root / ("docs/bench" if is_whole else "target/bench")
    say = Progress()
    say("building for release")
    servers.build(root)
    latencies = machine.memory_latency(root)
    say(f"a load that waits for the one before: {latencies}")
    results = measure(root, options, arguments.only, say)
    results["about"] = {
        "date": datetime.date.today().isoformat(),
        "machine": machine.description(),
        "a load that waits for the one before": latencies,
        "commit": servers.commit(root),
        "Redis": servers.redis_version(),
        "run": "quick, smaller and noisier" if arguments.quick else "full",
    }
    results["plots"] = []
    if not arguments.no_plots:
        from . import plots

        say("drawing")
        results["plots"] = plots.draw(output, results)
    report.write(output, results)
    print(report.text(results["figures"]))
    say(f"written to {output}")
    return 0
