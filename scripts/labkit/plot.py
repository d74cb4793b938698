# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""A picture of a `failover` run: where the time went, trial by trial and as distributions."""
from .errors import LabError

_SHOWN = (("detect_ms", "detection"), ("switch_ms", "new primary"), ("client_gap_ms", "client gap"))


def draw(result, path):
    try:
        import matplotlib
    except ImportError:
        raise LabError("--plot needs python3-matplotlib; scripts/setup installs it") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot
    dead_ms = result["interval_ms"] * result["lost"]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.5), constrained_layout=True)
    for key, label in _SHOWN:
        points = [(number, trial[key]) for number, trial in enumerate(result["trials"], 1) if trial[key] is not None]
        if not points:
            continue
        left.plot(*zip(*points), ".", label=label)
        ordered = sorted(point[1] for point in points)
        percent = [100 * (rank + 1) / len(ordered) for rank in range(len(ordered))]
        right.step(ordered, percent, where="post", label=label)
    left.axhline(dead_ms, color="grey", linestyle="--", linewidth=1)
    right.axvline(dead_ms, color="grey", linestyle="--", linewidth=1, label=f"dead interval, {dead_ms} ms")
    left.set(xlabel="trial", ylabel="ms from the fault", ylim=(0, None))
    right.set(xlabel="ms", ylabel="% of trials", xlim=(0, None), ylim=(0, 101))
    right.legend(loc="best")
    figure.suptitle(f"{len(result['trials'])} x {result['how']}, {result['interval_ms']} ms x {result['lost']}"
                    f"{', CPU stress' if result['stress'] else ''}; {result['false_failovers']} false failovers")
    figure.savefig(path, dpi=120)
