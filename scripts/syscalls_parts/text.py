"""The comparison on a terminal."""

WIDTH = 52
LEGEND = ("Marks between the columns: < only the left server, > only the right one, | another number of "
          "times.\nA timer's calls are those that come whether or not anybody is there.")


def times(row):
    return f"{row.times:>5} x " if row.times > 1 else " " * 8


def cell(row):
    if row is None:
        return ""
    text = times(row) + row.text
    return text if len(text) <= WIDTH else text[:WIDTH - 3] + "..."


def per_request(total, requests):
    return f"{total / requests:.2f} a request" if requests else ""


def side_by_side(comparison):
    """One script: the traces, then the counts."""
    left, right = comparison.left, comparison.right
    script = comparison.script
    lines = ["", f"== {script.name}: {script.title}", ""]
    lines += [line(left.program.name, " ", right.program.name if right else "")]
    lines += [line(cell(pair.left), pair.mark, cell(pair.right)) for pair in comparison.pairs]
    return "\n".join([*lines, "", *counts(comparison)])


def line(left, mark, right):
    return f"  {left:<{WIDTH}} {mark} {right}".rstrip()


def counts(comparison):
    left, right = comparison.left, comparison.right
    lines = []
    for name in comparison.names:
        ours, theirs = left.counts.get(name, 0), right.counts.get(name, 0) if right else 0
        lines.append(f"    {name:<20} {ours:>7,} {theirs:>7,}   {'' if ours == theirs else f'{ours - theirs:+,}'}")
    requests = comparison.script.requests
    theirs = right.total if right else 0
    lines.append(f"    {'total':<20} {left.total:>7,} {theirs:>7,}   {left.total - theirs:+,}")
    if right and right.of_timer:
        lines.append(f"    {'  without its timer':<20} {'':>7} {right.total_without_timer:>7,}   "
                     f"{comparison.difference:+,}")
    if requests:
        lines.append(f"    {'for each request':<20} {left.total / requests:>7.2f} {theirs / requests:>7.2f}"
                     f"   of {requests:,}")
    return lines


def summary(comparisons):
    """All scripts in one table."""
    first = comparisons[0]
    names = first.left.program.name, first.right.program.name if first.right else ""
    lines = ["", LEGEND, "", f"  {'script':<24} {names[0]:>9} {names[1]:>9} {'of its timer':>13}"]
    for comparison in comparisons:
        left, right = comparison.left, comparison.right
        lines.append(f"  {comparison.script.name:<24} {left.total:>9,} {right.total if right else 0:>9,} "
                     f"{len(right.of_timer) if right else 0:>13,}")
    return "\n".join(lines)
