"""The comparison on a terminal."""

WIDTH = 52
COLUMN = 9
SUMMED = 13
OF_TIMER_TITLE = "a timer's"
# Behind what a timer does.
OF_TIMER = " (timer)"
LEGEND = """
Marks between the columns: < only the left server, > only the right one, | another number of times.
A timer's calls are those that come whether or not anybody is there."""


def cell(row, lane):
    if row is None:
        return ""
    text = (f"{row.times:>5} x " if row.times > 1 else " " * 8) + row.text
    end = OF_TIMER if id(row.first) in lane.of_timer else ""
    room = WIDTH - len(end)
    return (text if len(text) <= room else text[:room - 3].rstrip(".") + "...") + end


def side_by_side(comparison):
    """One script: the traces, then the counts."""
    script, names = comparison.script, [lane.program.name for lane in comparison.lanes]
    lines = ["", f"== {script.name}: {script.title}", "", line(names[0], " ", *names[1:])]
    left, right = comparison.left, comparison.right
    lines += [line(cell(pair.left, left), pair.mark if right else "", cell(pair.right, right))
              for pair in comparison.pairs]
    return "\n".join([*lines, "", *counts(comparison)])


def line(left, mark, right=""):
    return f"  {left:<{WIDTH}} {mark} {right}".rstrip()


def counts(comparison):
    """How often each call was made, and the difference."""
    lanes, requests = comparison.lanes, comparison.script.requests
    names = "".join(f" {lane.program.name[:COLUMN - 1]:>{COLUMN - 1}}" for lane in lanes)
    lines = [f"    {'system call':<20}{names}" + ("   difference" if lanes[1:] else "")]
    lines += [figures(name, [lane.counts.get(name, 0) for lane in lanes]) for name in comparison.names]
    lines.append(figures("total", [lane.total for lane in lanes]))
    if any(lane.of_timer for lane in lanes):
        lines.append(figures("  without a timer's", [lane.total_without_timer for lane in lanes]))
    if requests > 0:
        each = "".join(f"{lane.total / requests:>{COLUMN}.2f}" for lane in lanes)
        lines.append(f"    {'for each request':<20}{each}   of {requests:,}")
    return lines


def figures(name, numbers):
    difference = numbers[0] - numbers[-1]
    shown = f"{difference:+,}" if difference else ""
    return f"    {name:<20}{''.join(f'{number:>{COLUMN},}' for number in numbers)}{shown:>13}".rstrip()


def summary(comparisons):
    """All scripts in one table."""
    lanes = comparisons[0].lanes
    names = "".join(f" {lane.program.name[:SUMMED - 1]:>{SUMMED - 1}}" for lane in lanes)
    head = f"  {'script':<20}{names}"
    if lanes[1:]:
        head += f"{'difference':>{SUMMED}}"
    lines = [LEGEND, "", f"{head}   {'for each request':<24}{OF_TIMER_TITLE}"]
    return "\n".join(lines + [summed(comparison) for comparison in comparisons])


def summed(comparison):
    """A script in one line: totals, the difference, and what a request costs."""
    lanes, requests = comparison.lanes, comparison.script.requests
    text = f"  {comparison.script.name:<20}" + "".join(f"{lane.total:>{SUMMED},}" for lane in lanes)
    if comparison.right:
        text += f"{lanes[0].total - lanes[1].total:>+{SUMMED},}"
    each = " : ".join(f"{lane.total / requests:.2f}" for lane in lanes) if requests else ""
    of_timer = sum(len(lane.of_timer) for lane in lanes)
    return f"{text}   {each:<24}{of_timer or '':>9}".rstrip()
