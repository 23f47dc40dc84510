"""Repetition made short: `read write read write read write` is three times `read write`."""

import dataclasses
import re

NUMBERED = re.compile(r"client (\d+)")
PERIOD_MAX = 16


@dataclasses.dataclass
class Row:
    """One call, or one of a few that are repeated together."""

    first: object
    last: object
    times: int
    # Rows of the same number are repeated together.
    block: int

    @property
    def key(self):
        return self.first.key

    @property
    def text(self):
        """Of many alike the first; with numbered clients, from whom to whom."""
        first, last = (NUMBERED.search(call.text) for call in (self.first, self.last))
        if not first or not last or first[0] == last[0]:
            return self.first.text
        return NUMBERED.sub(f"{first[0]}..{last[1]}", self.first.text, count=1)


def fold(calls):
    """Rows in order. At each place the repetition that covers most is taken."""
    rows, at, block = [], 0, 0
    keys = [call.key for call in calls]
    while at < len(calls):
        period, times = best(keys, at)
        for place in range(at, at + period):
            last = place + (times - 1) * period
            rows.append(Row(calls[place], calls[last], times, block))
        at += period * times
        block += 1
    return rows


def best(keys, at):
    """The period, and how often it comes: once and of length one if nothing is repeated."""
    found = (1, 1)
    for period in range(1, PERIOD_MAX + 1):
        times = repeats(keys, at, period)
        if times > 1 and period * times > found[0] * found[1]:
            found = (period, times)
    return found


def repeats(keys, at, period):
    times, pattern = 1, keys[at:at + period]
    while keys[at + times * period:at + (times + 1) * period] == pattern:
        times += 1
    return times
