# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""A picture of a `failover` run: where the time went, trial by trial and as distributions."""
from .errors import LabError

_SHOWN = (("detect_ms", "detection"), ("switch_ms", "new primary"), ("client_gap_ms", "client gap"))


def _pyplot():
    try:
        import matplotlib
    except ImportError:
        raise LabError("--plot needs python3-matplotlib; scripts/setup installs it") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot
    return pyplot


def _steps(axes, values, label, **style):
    """An empirical distribution; nothing when nobody has the figure."""
    ordered = sorted(value for value in values if value is not None)
    if ordered:
        percent = [100 * (rank + 1) / len(ordered) for rank in range(len(ordered))]
        axes.step([ordered[0], *ordered], [0, *percent], where="post", label=f"{label} (n = {len(ordered)})", **style)


def draw(result, path):
    pyplot = _pyplot()
    dead_ms = result["interval_ms"] * result["lost"]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.5), constrained_layout=True)
    for key, label in _SHOWN:
        points = [(number, trial[key]) for number, trial in enumerate(result["trials"], 1) if trial[key] is not None]
        if not points:
            continue
        left.plot(*zip(*points), ".", label=label)
        _steps(right, [trial[key] for trial in result["trials"]], label)
    left.axhline(dead_ms, color="grey", linestyle="--", linewidth=1)
    right.axvline(dead_ms, color="grey", linestyle="--", linewidth=1, label=f"dead interval, {dead_ms} ms")
    left.set(xlabel="trial", ylabel="ms from the fault", ylim=(0, None))
    right.set(xlabel="ms", ylabel="% of trials", xlim=(0, None), ylim=(0, 101))
    right.legend(loc="best")
    figure.suptitle(f"{len(result['trials'])} x {result['how']}, {result['interval_ms']} ms x {result['lost']}"
                    f"{', CPU stress' if result['stress'] else ''}; {result['false_failovers']} false failovers")
    figure.savefig(path, dpi=120)


def compare(results, path):
    """Systole and the programs beside it, struck by the same faults: a row for each fault, detection and client gap.
    A cut by itself leaves the client where it is; what it feels is the heal, when one of two primaries must yield."""
    pyplot = _pyplot()
    figure, rows = pyplot.subplots(len(results), 2, figsize=(12, 4.2 * len(results)), constrained_layout=True,
                                   squeeze=False)
    for (left, right), result in zip(rows, results):
        dead_ms = result["interval_ms"] * result["lost"]
        is_cut = result["how"] == "cut"
        for axes, key in ((left, "detect_ms"), (right, "heal_gap_ms" if is_cut else "client_gap_ms")):
            _steps(axes, [trial[key] for trial in result["trials"]], "Systole", linewidth=2.2, color="black")
            for name, peer in result["peers"].items():
                _steps(axes, [trial["peers"][name][key] for trial in result["trials"]],
                       f"{peer['title']}, {peer['dead_ms']:g} ms")
            axes.axvline(dead_ms, color="grey", linestyle="--", linewidth=1, label=f"{dead_ms} ms")
            axes.set(ylabel="% of trials", xlim=(0, None), ylim=(0, 101))
        left.set(title=f"{result['how']}: detection", xlabel="ms from the fault")
        right.set(title=f"{result['how']}: client gap{' after the heal' * is_cut}",
                  xlabel="longest time without a reply, ms")
        if is_cut:
            right.set(xscale="log", xlim=(0.5, 20_000))
        for axes in (left, right):
            axes.legend(loc="best", fontsize="small")
    figure.suptitle(f"The same faults in the same run, {results[0]['interval_ms']} ms x {results[0]['lost']}")
    figure.supxlabel("detection: Systole's peer-lost; the others' first frame that says so. Client gap: Systole and "
                     "keepalived move addresses;\nBFD only detects, so FRR and BIRD have none. keepalived's dead "
                     "interval is three advertisements and the skew.", fontsize="small")
    figure.savefig(path, dpi=120)


def draw_soak(result, path):
    """A group of bars for each load: how near it was, how often it was too much, what it cost."""
    pyplot = _pyplot()
    loads = result["loads"]
    rows = [("Systole", [load["systole"] for load in loads], ("role_changes", "members_lost"))]
    rows += [(loads[0]["peers"][name]["title"], [load["peers"][name] for load in loads], ("changes",))
             for name in loads[0]["peers"]]
    figure, panels = pyplot.subplots(1, 3, figsize=(15, 4.6), constrained_layout=True)
    width = 0.8 / len(rows)
    for place, (title, figures, changes) in enumerate(rows):
        at = [index + (place - (len(rows) - 1) / 2) * width for index in range(len(loads))]
        cpu = [max(one["cpu_percent"] for one in entry["usage"].values()) for entry in figures]
        for axes, heights in zip(panels, ([entry["longest_gap_ms"] or 0 for entry in figures],
                                          [sum(entry[key] for key in changes) for entry in figures], cpu)):
            axes.bar(at, heights, width, label=title)
            for x, height in zip(at, heights):
                axes.annotate(f"{height:.0f}" if height >= 100 else f"{height:.3g}", (x, height), ha="center",
                              va="bottom", fontsize=5.5)
    for axes, title in zip(panels, ("longest gap between heartbeats, ms", "changes and losses without a cause",
                                    "CPU of the busier member, % of a core")):
        axes.set_xticks(range(len(loads)), [f"{load['load']}\n{load['ordinary_wait_ms']:.0f} ms" for load in loads])
        axes.set_title(title)
    panels[0].set_yscale("log")
    panels[0].axhline(result["interval_ms"] * result["lost"], color="grey", linestyle="--", linewidth=1)
    panels[0].legend(fontsize="small")
    figure.supxlabel("below each load: how long an ordinary program that wants to wake every 10 ms waited at worst",
                     fontsize="small")
    figure.suptitle(f"{result['seconds']} s of each load, {result['interval_ms']} ms x {result['lost']}, one run")
    figure.savefig(path, dpi=120)
