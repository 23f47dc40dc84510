"""The comparison as one page of HTML that needs nothing but itself: page.html.j2 is its shape."""

import dataclasses
import datetime
import itertools
import pathlib
import platform
import subprocess

from . import folding, kqueue, phases

# A lane of chips is for the eye; all rows are in the table below it.
CHIPS_MAX = 48
ROWS_OPEN_MAX = 30
# The strip of time: its width, and the least that a call is drawn with.
STRIP_WIDTH = 1000
CALL_WIDTH_MIN = 1.6
# A call in the picture of the order: how wide at most, and from which width on with a gap.
CELL_WIDTH_MAX = 30
CELL_WIDTH_APART = 5
LABELS_MAX = 6
LABEL_WIDTH = 150


@dataclasses.dataclass
class Chip:
    """One call, or many alike."""

    phase: str
    text: str
    times: int = 1


@dataclasses.dataclass
class Group:
    """Chips that are repeated together so many times; mostly one chip, once."""

    times: int
    chips: list


def phase_of_row(row, lane):
    return phases.phase_of(row.first, lane.of_timer)


def groups(rows, phase_of):
    found = []
    for _, members in itertools.groupby(rows, key=lambda row: row.block):
        members = list(members)
        if len(members) == 1:
            row = members[0]
            found.append(Group(1, [Chip(phase_of(row), row.text, row.times)]))
        else:
            found.append(Group(members[0].times, [Chip(phase_of(row), row.text) for row in members]))
    return found


def lane_of(lane, seconds, larger):
    """What the template needs of one server."""
    found = groups(lane.rows, lambda row: phase_of_row(row, lane))
    return {"name": lane.program.name, "total": lane.total, "of_timer": len(lane.of_timer),
            "groups": found[:CHIPS_MAX], "more": max(0, len(found) - CHIPS_MAX),
            "strip": strip(lane, seconds), "cells": cells(lane, larger), "counts": lane.counts}


def cells(lane, most):
    """Each call a cell of the same width, in the order in which they were made."""
    width = min(CELL_WIDTH_MAX, STRIP_WIDTH / most)
    found, at = [], 0
    for phase, calls in itertools.groupby(phases.phase_of(named, lane.of_timer) for named in lane.named):
        count = len(list(calls))
        # Few are drawn apart; of many only the colours can be seen.
        if width >= CELL_WIDTH_APART:
            found += [(round((at + index) * width, 1), round(width - 2, 1), phase)
                      for index in range(count)]
        else:
            found.append((round(at * width, 1), round(count * width, 2), phase))
        at += count
    return found


def strip(lane, seconds):
    """What a lane did, at the time at which it did: rectangles, and bars for sleep."""
    calls, sleeps = [], []
    scale = STRIP_WIDTH / seconds
    for named in lane.named:
        start = (named.call.start - lane.recording.begin) * scale
        took = named.call.took
        phase = phases.phase_of(named, lane.of_timer)
        is_wait = named.name == "epoll_wait"
        lasts = took if took is not None else seconds if is_wait else 0
        end = min(STRIP_WIDTH, start + lasts * scale)
        if is_wait and end - start > CALL_WIDTH_MIN:
            sleeps.append((round(start, 1), round(end - start, 1)))
        # A wait is a moment and then sleep; so is what another thread does.
        width = CALL_WIDTH_MIN if is_wait or named.call.thread else max(CALL_WIDTH_MIN, end - start)
        # Those that would cover each other are one.
        if calls and calls[-1][2] == phase and start - sum(calls[-1][:2]) < 0:
            width = max(calls[-1][1], start + width - calls[-1][0])
            start = calls.pop()[0]
        calls.append((round(start, 1), round(width, 1), phase))
    # Asleep from the beginning until the first call, for that is when counting begins.
    first = calls[0][0] if calls else STRIP_WIDTH
    return {"calls": calls, "sleeps": [(0, first), *sleeps]}


def marks(recording, seconds):
    """What the clients did, as far as there is room for words."""
    found, last = [], -LABEL_WIDTH
    for when, text in recording.actions:
        x = (when - recording.begin) / seconds * STRIP_WIDTH
        if x < 0:
            continue
        has_room = x - last >= LABEL_WIDTH and x < STRIP_WIDTH - LABEL_WIDTH / 2
        if has_room and sum(1 for _, label in found if label) < LABELS_MAX:
            last = x
            found.append((round(x, 1), text))
        else:
            found.append((round(x, 1), ""))
    return found


def axis(seconds):
    """Round moments on the strip of time."""
    step = next(step for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10) if seconds / step <= 8)
    moments = [index * step for index in range(int(seconds / step) + 1)]
    unit = "s" if step >= 1 else "ms"
    return [(round(moment / seconds * STRIP_WIDTH, 1), f"{moment * (1 if unit == 's' else 1000):g} {unit}")
            for moment in moments]


def section(comparison, planned, source):
    """What the template needs of one script."""
    lanes = comparison.lanes
    seconds = max(lane.recording.end - lane.recording.begin for lane in lanes)
    larger = max([1, *(lane.total for lane in lanes)])
    return {
        "script": comparison.script,
        "source": source,
        "lanes": [lane_of(lane, seconds, larger) for lane in lanes],
        "marks": marks(comparison.left.recording, seconds),
        "axis": axis(seconds),
        "names": comparison.names,
        "rows": [(pair, pair.left and phase_of_row(pair.left, comparison.left),
                  pair.right and phase_of_row(pair.right, comparison.right)) for pair in comparison.pairs],
        "is_open": len(comparison.pairs) <= ROWS_OPEN_MAX,
        "kqueue": groups(folding.fold(planned), lambda row: "planned")[:CHIPS_MAX],
        "kqueue_total": len(planned),
        "larger": larger,
    }


def redis_version():
    words = subprocess.run(["redis-server", "--version"], capture_output=True, text=True).stdout.split()
    return next((word[2:] for word in words if word.startswith("v=")), "")


def write(root, output, comparisons):
    import jinja2

    program = kqueue.build(root)
    here = pathlib.Path(__file__).parent
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(here), autoescape=True,
                                     trim_blocks=True, lstrip_blocks=True)
    sections = [section(comparison, kqueue.calls(program, comparison.left),
                        comparison.script.path.read_text()) for comparison in comparisons]
    names = [lane["name"] for lane in sections[0]["lanes"]]
    text = environment.get_template("page.html.j2").render(
        sections=sections, names=names, phases=phases.PHASES, width=STRIP_WIDTH,
        versions={"Redis": redis_version()}, kernel=platform.release().split("-")[0],
        date=datetime.date.today().isoformat())
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text)
