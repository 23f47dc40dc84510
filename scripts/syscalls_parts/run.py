"""The order of things: build, play every script on every server, show, judge."""

import argparse
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time

from . import budgets, compare, script, stage, text

# Most of a script is waiting, so there are more at a time than processors.
AT_A_TIME = 6
# Where bytes come as fast as the client makes them, a count may be over by chance once.
ROUNDS = 3
# Behind the filter nothing is to be learned from a longer silence.
SILENCE_MAX_S = 2


def parse(documentation):
    parser = argparse.ArgumentParser(
        description=documentation, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scripts", nargs="*", type=pathlib.Path, metavar="SCRIPT",
                        help="a file of your own")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="some of tests/syscalls/")
    parser.add_argument("--against", metavar="COMMAND",
                        help="another server than redis-server; {port} in it stands for the port")
    parser.add_argument("--alone", action="store_true", help="this server only")
    parser.add_argument("--server", type=pathlib.Path, help="the binary, instead of building it")
    parser.add_argument("--check", action="store_true", help="say only what is over its budget")
    parser.add_argument("--page", type=pathlib.Path, help="where the page goes")
    parser.add_argument("--no-page", action="store_true", help="make none, and install nothing for it")
    return parser.parse_args()


def complain(options):
    """What is missing here and what to do, or nothing."""
    if sys.platform != "linux":
        return "strace is a program of Linux: run this there"
    if shutil.which("strace") is None:
        return "strace is not installed (Debian: apt-get install strace)"
    if not options.server and shutil.which("cargo") is None:
        return "cargo is not installed (https://rustup.rs), and no --server was given"
    if options.server and shutil.which(options.server.resolve()) is None:
        return f"--server {options.server} is no program"
    try:
        other = stage.words_of(options.against)[0] if options.against is not None else "redis-server"
    except (ValueError, IndexError):
        return f"--against {options.against!r} is no command: a word is missing, or a quote"
    if not options.alone and shutil.which(other) is None:
        return f"{other} is not there: install it, name another with --against, or say --alone"
    return None


class Progress:
    """A line for each thing that is done, with the time since the start."""

    def __init__(self, is_silent):
        self.start = time.monotonic()
        self.is_silent = is_silent
        self.lock = threading.Lock()

    def __call__(self, line):
        with self.lock:
            if not self.is_silent:
                seconds = int(time.monotonic() - self.start)
                print(f"[{seconds // 60:2}:{seconds % 60:02}] {line}", file=sys.stderr, flush=True)


def chosen(root, options):
    """The files to play, in the order of the budgets."""
    directory = root / "tests" / "syscalls"
    order = list(budgets.read(directory / "budgets.toml"))
    names = options.only or ([] if options.scripts else order)
    unknown = [name for name in names if not (directory / f"{name}.script").exists()]
    if unknown:
        raise script.ScriptError(f"no script is called {unknown[0]}; there are: {' '.join(order)}")
    for path in options.scripts:
        if not path.is_file():
            raise script.ScriptError(f"{path} is not there, or no file")
    return [directory / f"{name}.script" for name in names] + options.scripts


def build(root):
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet"], check=True, cwd=root)
    return root / "target" / "release" / "squint-server"


def play_all(programs, paths, say):
    """(program, script) -> its lane; several at a time, the longest first."""
    def play(job):
        program, path = job
        lane = compare.Lane(program, stage.record(program, path))
        say(f"{path.stem} on {program.name}: {lane.total:,} calls")
        return lane

    jobs = [(program, path) for path in paths for program in programs]
    jobs.sort(key=lambda job: -script.read(job[1]).seconds)
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        lanes = list(pool.map(play, jobs))
    return {(program.name, path): lane for (program, path), lane in zip(jobs, lanes)}


def compare_all(programs, paths, say):
    """The first program beside the second, if there is one; others are played only."""
    lanes = play_all(programs, paths, say)
    left, right = programs[0], programs[1] if len(programs) > 1 else None
    return [compare.Comparison(script.read(path), lanes[left.name, path],
                               lanes[right.name, path] if right else None) for path in paths]


def quick(paths):
    return [path for path in paths if script.read(path).seconds <= SILENCE_MAX_S]


def judge(root, comparisons):
    """All that is wrong, a line each."""
    allowed = budgets.read(root / "tests" / "syscalls" / "budgets.toml")
    names = budgets.known(root / "docs" / "syscalls.md")
    wrong = []
    for comparison in comparisons:
        name, left = comparison.script.name, comparison.left
        if name in allowed:
            wrong += budgets.over(name, left.counts, allowed[name])
        wrong += budgets.unknown(name, left.recording.before + left.recording.calls, names)
        wrong += budgets.more_than(comparison) if comparison.right else []
    return wrong


def check(root, programs, paths, say):
    """Plays what is over its budget again: what is over by chance is not over each time."""
    for _ in range(ROUNDS):
        wrong = judge(root, compare_all(programs, paths, say))
        named = {line.partition(":")[0] for line in wrong}
        paths = [path for path in paths if path.stem in named]
        if not wrong:
            break
        say("once more: " + " ".join(path.stem for path in paths))
    print("\n".join(wrong or ["every script is within its budget"]))
    return 1 if wrong else 0


def main(root, documentation):
    options = parse(documentation)
    complaint = complain(options)
    if complaint:
        print(f"compare-syscalls: {complaint}", file=sys.stderr)
        return 1
    say = Progress(options.check)
    try:
        return compare_main(root, options, say)
    except (script.ScriptError, stage.StageError) as error:
        print(f"compare-syscalls: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def compare_main(root, options, say):
    paths = chosen(root, options)
    if not options.server:
        say("building for release")
    binary = options.server.resolve() if options.server else build(root)
    programs = [stage.Program.squint(binary)]
    if options.against:
        programs.append(stage.Program.other(options.against))
    elif not options.alone:
        programs.append(stage.Program.redis())
    if options.check:
        play_all([stage.Program.squint_behind_filter(binary)], quick(paths), say)
        return check(root, programs, paths, say)
    comparisons = compare_all(programs, paths, say)
    for comparison in comparisons:
        print(text.side_by_side(comparison))
    print(text.summary(comparisons))
    if not options.no_page:
        from . import page

        is_whole = not (options.only or options.scripts or options.against or options.alone)
        output = options.page or root / ("docs/syscalls.html" if is_whole else "target/syscalls.html")
        page.write(root, output, comparisons)
        say(f"written to {os.path.relpath(output)}")
    return 0
