"""One measured number beside Redis's and the goal."""

import dataclasses
from typing import Optional


@dataclasses.dataclass
class Figure:
    """Absent numbers were not measured, or do not exist: the reader sees a dash."""

    section: str
    name: str
    unit: str
    squint: Optional[float]
    redis: Optional[float]
    goal: Optional[float] = None
    # Most goals are a most; throughput has a least.
    goal_is_least: bool = False
    note: str = ""

    @property
    def ratio(self):
        """Squint's part of Redis's: a quarter is 0.25. A difference may be lost in the noise, and
        then come out below nothing: no ratio."""
        if self.squint is None or self.redis is None or self.redis <= 0 or self.squint < 0:
            return None
        return self.squint / self.redis

    @property
    def is_met(self):
        if self.squint is None or self.goal is None:
            return None
        return self.squint >= self.goal if self.goal_is_least else self.squint <= self.goal


def median(numbers):
    """The middle one; of an even count the lower, so that it is one that was measured."""
    ordered = sorted(numbers)
    return ordered[(len(ordered) - 1) // 2] if ordered else None
