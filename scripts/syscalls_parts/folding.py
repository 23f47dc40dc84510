"""Repetition made short: `read write read write read write` is three times `read write`."""

import dataclasses

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
        first, last = self.first.whose, self.last.whose
        if first != last and first.startswith("client ") and last.startswith("client "):
            return self.first.text.replace(first, f"{first}..{last.split()[1]}", 1)
        return self.first.text


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
