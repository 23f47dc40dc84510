"""The table: on the terminal, as Markdown, CSV and JSON."""

import csv
import dataclasses
import json

DASH = "-"


def number(value):
    """Three digits that matter, and thousands apart."""
    if value is None:
        return DASH
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}".rstrip("0").rstrip(".")


def cells(figure):
    goal = number(figure.goal)
    if figure.goal is not None:
        goal = f"{'>=' if figure.goal_is_least else '<='} {goal}"
    ratio = DASH if figure.ratio is None else f"{figure.ratio:.2f}"
    verdict = {None: "", True: "yes", False: "NO"}[figure.is_met]
    return [figure.name, figure.unit, number(figure.redis), number(figure.squint), ratio, goal,
            verdict, figure.note]


HEADINGS = ["", "unit", "Redis", "Squint", "ratio", "goal", "met", "note"]
IS_NUMBER = [False, False, True, True, True, True, False, False]


def sections(figures):
    """Figures by section, both in the order in which they were measured."""
    found = {}
    for figure in figures:
        found.setdefault(figure.section, []).append(figure)
    return found


def summary(figures):
    met = [figure for figure in figures if figure.is_met]
    with_goal = [figure for figure in figures if figure.is_met is not None]
    return f"{len(met)} of {len(with_goal)} goals are met."


def text(figures):
    """One table in columns, for the terminal."""
    rows = [HEADINGS]
    for section, members in sections(figures).items():
        rows.append([section])
        rows.extend(["  " + row[0], *row[1:]] for row in map(cells, members))
    whole = [row for row in rows if len(row) > 1]
    widths = [max(len(row[column]) for row in whole) for column in range(len(HEADINGS))]
    lines = []
    for row in rows:
        if len(row) == 1:
            lines += ["", row[0]]
            continue
        padded = [cell.rjust(width) if right else cell.ljust(width)
                  for cell, width, right in zip(row, widths, IS_NUMBER)]
        lines.append("  ".join(padded).rstrip())
    return "\n".join([*lines, "", summary(figures)])


def table(headings, numeric, rows):
    """A Markdown table."""
    lines = ["| " + " | ".join(headings) + " |",
             "|" + "|".join("---:" if right else "---" for right in numeric) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return lines


def speed_details(details):
    """What stands behind the own CPU: user and system as sampled, total as counted."""
    headings = ["workload", "pipeline", "echo", "Redis user + sys", "Redis total", "Redis own",
                "Squint user + sys", "Squint total", "Squint own"]
    rows = []
    for row in details:
        cells_of = [row["name"], str(row["pipeline"]), number(row["echo_ns"])]
        for name in ("redis", "squint"):
            part = row[name]
            cells_of += [f"{number(part['user_ns'])} + {number(part['system_ns'])}",
                         number(part["cpu_ns"]), number(part["own_ns"])]
        rows.append(cells_of)
    return table(headings, [False] + [True] * 8, rows)


def markdown(results):
    figures = results["figures"]
    lines = ["# Squint beside Redis", ""]
    lines += ["Written by `scripts/bench`; do not edit. All figures are of one run on one machine, and "
              "mean something beside each other only.", ""]
    lines += [f"- {name}: {value}" for name, value in results["about"].items()]
    lines += ["", summary(figures)]
    for section, members in sections(figures).items():
        lines += ["", f"## {section}", ""]
        lines += table(HEADINGS, IS_NUMBER, [cells(figure) for figure in members])
    if results.get("speed"):
        lines += ["", "## Speed in detail", "",
                  "Nanoseconds per operation. Total is exact, user and sys are samples. Own is the total "
                  "less the echo server's.", ""]
        lines += speed_details(results["speed"])
    if results["plots"]:
        lines += ["", "## Plots", ""]
        lines += [f"![{name}]({name}.svg)" for name in results["plots"]]
    return "\n".join(lines) + "\n"


def write(directory, results):
    """results.md, results.csv and results.json."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "results.md").write_text(markdown(results))
    plain = dict(results, figures=[dataclasses.asdict(figure) for figure in results["figures"]])
    (directory / "results.json").write_text(json.dumps(plain, indent=1) + "\n")
    with open(directory / "results.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["section", "name", "unit", "redis", "squint", "ratio", "goal", "met"])
        for figure in results["figures"]:
            writer.writerow([figure.section, figure.name, figure.unit, figure.redis, figure.squint,
                             figure.ratio, figure.goal, figure.is_met])
