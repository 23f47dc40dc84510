"""The plots, as SVG. The same names and colours everywhere: Redis grey, Squint blue, goals red."""

import matplotlib

matplotlib.use("svg")
# Without these two an SVG differs at every run, even if nothing else does.
matplotlib.rcParams["svg.hashsalt"] = "squint"
METADATA = {"Date": None}

import matplotlib.pyplot as pyplot  # noqa: E402: the backend is chosen first

REDIS = "#9a9a9a"
SQUINT = "#2b6cb0"
ECHO = "#c9b458"
GOAL = "#c53030"
BAR = 0.38


def save(figure, directory, name):
    figure.tight_layout()
    figure.savefig(directory / f"{name}.svg", metadata=METADATA)
    pyplot.close(figure)
    return name


def bars(directory, name, title, unit, rows):
    """Two bars a row, Redis and Squint, and a mark where the goal is, on a logarithmic axis."""
    figure, axes = pyplot.subplots(figsize=(8, 0.42 * len(rows) + 1.4))
    places = range(len(rows))
    # What is below nothing is noise; a logarithm needs something.
    positive = [(label, max(redis or 0, 1), max(squint or 0, 1), goal) for label, redis, squint, goal
                in rows]
    axes.barh([place - BAR / 2 for place in places], [row[1] for row in positive], BAR, color=REDIS,
              label="Redis")
    axes.barh([place + BAR / 2 for place in places], [row[2] for row in positive], BAR, color=SQUINT,
              label="Squint")
    goals = [(place, row[3]) for place, row in zip(places, positive) if row[3] is not None]
    if goals:
        axes.scatter([goal for _, goal in goals], [place + BAR / 2 for place, _ in goals], color=GOAL,
                     marker="|", s=160, linewidths=2, zorder=3, label="goal")
    axes.set_yticks(list(places), [row[0] for row in rows])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel(unit)
    axes.set_title(title)
    axes.legend()
    return save(figure, directory, name)


def section_bars(directory, figures, section, name, title, unit):
    rows = [(figure.name, figure.redis, figure.squint, figure.goal)
            for figure in figures if figure.section == section]
    return [bars(directory, name, title, unit, rows)] if rows else []


def growing(directory, curves):
    """The worst batch of each slice of the run, as the keyspace grows."""
    figure, axes = pyplot.subplots(figsize=(8, 4))
    for name, color in (("redis", REDIS), ("squint", SQUINT), ("echo", ECHO)):
        curve = curves[name]
        size = curve["batches_per_slice"] * 100
        millions = [number * size / 1e6 for number in range(len(curve["worst_per_slice_us"]))]
        axes.plot(millions, curve["worst_per_slice_us"], color=color, linewidth=0.9,
                  label=name.capitalize())
    axes.axhline(500, color=GOAL, linewidth=0.9, linestyle="--", label="goal for p99.99")
    axes.set_yscale("log")
    axes.set_xlabel("million keys")
    axes.set_ylabel("us, worst batch of 100 SETs in each slice")
    axes.set_title("Latency while growing")
    axes.legend()
    return [save(figure, directory, "growing")]


def draw(directory, results):
    """All plots for which there are figures; their names."""
    directory.mkdir(parents=True, exist_ok=True)
    figures = results["figures"]
    names = section_bars(directory, figures, "Speed: own CPU", "own-cpu",
                         "Own CPU per operation", "ns, logarithmic")
    names += section_bars(directory, figures, "Speed: throughput", "throughput",
                          "Throughput", "operations per second, logarithmic")
    names += section_bars(directory, figures, "Memory per item", "memory",
                          "Resident memory per item", "bytes, logarithmic")
    if results.get("growing"):
        names += growing(directory, results["growing"])
    return names
