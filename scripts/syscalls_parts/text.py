"""The comparison on a terminal."""

WIDTH = 52
LEGEND = """
Marks between the columns: < only the left server, > only the right one, | another number of times.
A timer's calls are those that come whether or not anybody is there."""


def cell(row):
    if row is None:
        return ""
    text = (f"{row.times:>5} x " if row.times > 1 else " " * 8) + row.text
    return text if len(text) <= WIDTH else text[:WIDTH - 3].rstrip(".") + "..."


def side_by_side(comparison):
    """One script: the traces, then the counts."""
    script, names = comparison.script, [lane.program.name for lane in comparison.lanes]
    lines = ["", f"== {script.name}: {script.title}", "", line(names[0], " ", *names[1:])]
    lines += [line(cell(pair.left), pair.mark if names[1:] else "", cell(pair.right))
              for pair in comparison.pairs]
    return "\n".join([*lines, "", *counts(comparison)])


def line(left, mark, right=""):
    return f"  {left:<{WIDTH}} {mark} {right}".rstrip()


def counts(comparison):
    """How often each call was made, and the difference."""
    lanes, requests = comparison.lanes, comparison.script.requests
    lines = [figures(name, [lane.counts.get(name, 0) for lane in lanes]) for name in comparison.names]
    lines.append(figures("total", [lane.total for lane in lanes]))
    if any(lane.of_timer for lane in lanes):
        lines.append(figures("  without a timer's", [lane.total_without_timer for lane in lanes]))
    if requests > 1:
        each = "".join(f"{lane.total / requests:>9.2f}" for lane in lanes)
        lines.append(f"    {'for each request':<20}{each}   of {requests:,}")
    return lines


def figures(name, numbers):
    difference = numbers[0] - numbers[-1]
    shown = f"{difference:+,}" if difference else ""
    return f"    {name:<20}{''.join(f'{number:>9,}' for number in numbers)}   {shown}".rstrip()


def summary(comparisons):
    """All scripts in one table."""
    names = "".join(f"{lane.program.name:>14}" for lane in comparisons[0].lanes)
    lines = [LEGEND, "", f"  {'script':<24}{names}"]
    for comparison in comparisons:
        totals = "".join(f"{lane.total:>14,}" for lane in comparison.lanes)
        of_timer = sum(len(lane.of_timer) for lane in comparison.lanes)
        lines.append(f"  {comparison.script.name:<24}{totals}"
                     + (f"   {of_timer:,} of them a timer's" if of_timer else ""))
    return "\n".join(lines)
