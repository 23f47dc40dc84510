"""What each script may cost: tests/syscalls/budgets.toml, and what is over it."""

import tomllib


def read(path):
    """Script -> call -> how often at most. The order is that in which scripts are shown."""
    with open(path, "rb") as file:
        return tomllib.load(file)


def known(path):
    """The names in the first column of the table in docs/syscalls.md: all that the server may call."""
    names = set()
    for line in path.read_text().splitlines():
        cells = line.split("|")
        if len(cells) > 4 and cells[1].strip().startswith("`"):
            names |= set(cells[1].replace("`", " ").replace("(", " ").replace(")", " ").split())
    return names


def over(script, counts, budget):
    """A line for each call that is made too often."""
    return [f"{script}: {name} {count:,} times, the budget is {budget.get(name, 0):,}"
            for name, count in counts.items() if count > budget.get(name, 0)]


def unknown(script, calls, names):
    found = sorted({call.name for call in calls} - names)
    return [f"{script}: {name} is not in the list of docs/syscalls.md" for name in found]


def more_than(comparison):
    """A line if the left server makes more calls than the right one."""
    left, right = comparison.left, comparison.right
    theirs = right.total if comparison.script.passes_time else right.total_without_timer
    if left.total <= theirs:
        return []
    return [f"{comparison.script.name}: {left.program.name} makes {left.total:,} calls, "
            f"{right.program.name} {theirs:,}"]
