"""Two servers in one script, side by side."""

import dataclasses
import difflib
import itertools

from . import folding, naming, tally


class Lane:
    """What one server did."""

    def __init__(self, program, recording):
        self.program = program
        self.recording = recording
        self.named = naming.name_all(recording)
        self.counts = tally.counts(self.named)
        self.of_timer = tally.by_timer(self.named)
        self.rows = folding.fold(self.named)

    @property
    def total(self):
        return len(self.named)

    @property
    def total_without_timer(self):
        return self.total - len(self.of_timer)


@dataclasses.dataclass
class Pair:
    """A row of each server; one may be missing."""

    left: object
    right: object

    @property
    def mark(self):
        if self.right is None:
            return "<"
        if self.left is None:
            return ">"
        return " " if self.left.times == self.right.times else "|"


class Comparison:
    """A script on the left server and on the right one, which may be missing."""

    def __init__(self, script, left, right):
        self.script = script
        self.left = left
        self.right = right
        self.pairs = pairs(left.rows, right.rows if right else [])
        names = itertools.chain(left.counts, right.counts if right else [])
        self.names = list(dict.fromkeys(names))

    @property
    def lanes(self):
        return [lane for lane in (self.left, self.right) if lane]


def pairs(left, right):
    """Both lists of rows in one, alike beside alike."""
    keys = [[row.key for row in rows] for rows in (left, right)]
    matcher = difflib.SequenceMatcher(None, *keys, autojunk=False)
    found = []
    for _, left_from, left_to, right_from, right_to in matcher.get_opcodes():
        block = left[left_from:left_to], right[right_from:right_to]
        if keys[0][left_from:left_to] == keys[1][right_from:right_to]:
            found += [Pair(*both) for both in zip(*block)]
        else:
            found += [Pair(row, None) for row in block[0]] + [Pair(None, row) for row in block[1]]
    return found
