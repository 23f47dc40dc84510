"""Builds the server as it is and with one part taken out, and lays the two side by side."""

import argparse
import hashlib
import os
import shutil
import subprocess
import tempfile

from . import gains, servers
from .run import Progress
from .servers import Program


class Workshop:
    """A copy of the last commit in target/without/, in which patches are applied and built."""

    def __init__(self, root):
        self.patches = root / "scripts" / "bench_parts" / "patches"
        self.home = root / "target" / "without"
        self.tree = self.home / "tree"
        self.commit = git(root, "rev-parse", "HEAD").stdout.strip()
        shutil.rmtree(self.tree, ignore_errors=True)
        self.tree.mkdir(parents=True)
        with tempfile.TemporaryFile() as archive:
            subprocess.run(["git", "-C", root, "archive", "HEAD"], check=True, stdout=archive)
            archive.seek(0)
            subprocess.run(["tar", "-x", "-C", self.tree], check=True, stdin=archive)

    def program(self, name, patch=None):
        """The server with a part taken out, or as it is."""
        binary = self.home / (patch or "unchanged")
        text = (self.patches / f"{patch}.patch").read_text() if patch else ""
        source = hashlib.sha256((self.commit + text).encode()).hexdigest()
        stamp = binary.with_suffix(".source")
        if not (binary.exists() and stamp.exists() and stamp.read_text() == source):
            self.build(binary, text)
            stamp.write_text(source)
        return Program(name, lambda port: [str(binary), *servers.arguments(port)])

    def build(self, binary, patch):
        if patch:
            self.apply(patch)
        command = ["cargo", "build", "--release", "--locked", "--quiet", "--bin", "squint-server"]
        environment = {**os.environ, "CARGO_TARGET_DIR": str(self.home / "build"),
                       # A part that is not used any more is what this is about.
                       "RUSTFLAGS": "--cap-lints=allow"}
        subprocess.run(command, check=True, cwd=self.tree, env=environment)
        shutil.copy2(self.home / "build" / "release" / "squint-server", binary)
        if patch:
            self.apply(patch, "--reverse")

    def apply(self, patch, *options):
        # The copy lies in the repository's own directory and yet is not a part of it.
        environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(self.home)}
        subprocess.run(["git", "apply", *options, "-"], check=True, cwd=self.tree,
                       env=environment, input=patch, text=True)


def git(root, *words):
    return subprocess.run(["git", "-C", str(root), *words], check=True, capture_output=True, text=True)


def shown(number):
    if number is None:
        return "-"
    return f"{number:,.0f}" if abs(number) >= 100 or number == 0 else f"{number:.3g}"


HEADINGS = ["part", "measured", "unit", "Redis", "without the part", "Squint"]


def row(gain, found):
    numbers = [found.get(name) for name in ("redis", "without", "squint")]
    return [gain.part, gain.what, gain.unit, *map(shown, numbers)]


def table(rows):
    """As Markdown, numbers to the right."""
    lines = [HEADINGS, ["---"] * 3 + ["---:"] * 3, *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def main(root, documentation):
    parser = argparse.ArgumentParser(
        description=documentation, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = list(dict.fromkeys(gain.patch for gain in gains.GAINS))
    parser.add_argument("parts", nargs="*", metavar="PART", choices=[[], *names], default=[],
                        help=f"some of: {' '.join(names)}")
    chosen = parser.parse_args().parts or names
    say = Progress()
    say("building the server as it is")
    workshop = Workshop(root)
    programs = {"redis": Program.redis(), "squint": workshop.program("squint")}
    rows = []
    for gain in gains.GAINS:
        if gain.patch not in chosen:
            continue
        say(f"without {gain.part}")
        without = workshop.program("without", gain.patch)
        rows.append(row(gain, gain.measure({**programs, "without": without})))
        say("  " + ", ".join(rows[-1][1:3]) + ": " + " / ".join(rows[-1][3:]))
    text = f"Commit {workshop.commit[:7]}, Redis {servers.redis_version()}.\n\n{table(rows)}"
    (workshop.home / "results.md").write_text(text)
    print(text)
    say(f"written to {workshop.home / 'results.md'}")
    return 0
