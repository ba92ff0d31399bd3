"""Time of a study against the number of images, trials, weights and cores, one of them varied at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np

from bench.contest import Contender, play, say
from bench.fits import images
from bench.machine import cores
from bench.results import Figure, Result, Spread

GRID = {
    "images": (3_750, 7_500, 15_000, 30_000, 60_000),
    "trials": (1, 2, 4, 8, 16),
    "weights": (1, 2, 4, 8, 16),  # width of the network, in units of 8 and 16 filters
}
STILL = {"images": 7_500, "trials": 2, "weights": 4}
QUICK, QUICK_STILL = (
    {"images": (600, 1_200), "trials": (1, 2), "weights": (1, 2)},
    {"images": 600, "trials": 1, "weights": 1},
)
EPOCHS = 2
GRID_POINT = Contender("Étalon", "etalon_grid")


def scaling(quick: bool = False, n: int | None = None) -> Result:
    """Every point of every axis in turn, n times over; then the slope of each curve in logarithms."""
    n = n or (1 if quick else 3)
    still = {**(QUICK_STILL if quick else STILL), "cores": cores()}
    grid: Mapping[str, Sequence[int]] = {**(QUICK if quick else GRID), "cores": _powers(cores())}
    points = [(axis, value) for axis, values in grid.items() for value in values]
    seconds: dict[tuple[str, int], list[float]] = {point: [] for point in points}
    weights: dict[int, int] = {}
    for number in range(n):
        for axis, value in points:
            at = {**still, axis: value}
            said = play(GRID_POINT, _job(at)).said
            seconds[axis, value].append(said["seconds"])
            weights[at["weights"]] = said["weights"]
            say(f"  round {number + 1} of {n}: {axis} {value}, {said['seconds']:.1f} s")
    figures, curves = [], {}
    for axis, values in grid.items():
        shown = [weights[value] for value in values] if axis == "weights" else list(values)
        curves[axis] = [(x, *astuple(Spread.of(seconds[axis, v]))) for x, v in zip(shown, values, strict=True)]
        if len(values) > 1:
            slopes = [_slope(shown, [seconds[axis, value][number] for value in values]) for number in range(n)]
            figures.append(Figure(f"slope against {axis}", "log s / log n", Spread.of(slopes)))
    return Result(
        id="scaling",
        work="time against images, trials, weights and cores",
        conditions=f"MNIST, reference CNN, {EPOCHS} epochs, the start of the processes that train included; "
        f"what does not vary: {still['images']:,} images before division, {still['trials']} trials, "
        f"{weights[still['weights']]:,} weights, {still['cores']} cores",
        n=n,
        figures=figures,
        facts={"curves": curves},
    )


def draw(result: Result, path: Path) -> None:
    """One panel an axis, both scales logarithmic, the spread over the rounds as bars."""
    from etalon.figures.style import PALETTE, label, panels, style, svg, whole

    cells = panels(1, len(result.facts["curves"]), 11, 2.8)
    with style():
        for ax, (axis, curve) in zip(cells, result.facts["curves"].items(), strict=True):
            x, middle, low, high = (np.array(column, float) for column in zip(*curve, strict=True))
            ax.errorbar(x, middle, [middle - low, high - middle], marker="o", capsize=3, color=PALETTE[0])
            ax.plot(x, middle[0] * x / x[0], linestyle=":", color=PALETTE[1], label="in proportion")
            ax.set_xscale("log", base=2)
            ax.set_yscale("log")
            label(ax, title=f"against {axis}", xlabel=axis, ylabel="seconds")
        cells[0].legend()
    path.write_text(svg(whole(cells[0])), encoding="utf-8")


def _job(at: Mapping[str, int]) -> dict[str, Any]:
    still = {"trials": at["trials"], "width": at["weights"], "cores": at["cores"], "epochs": EPOCHS}
    return {**images("mnist", at["images"]), **still}


def _powers(most: int) -> list[int]:
    """1, 2, 4... and the last."""
    return sorted({*(2**k for k in range(most.bit_length()) if 2**k <= most), most})


def _slope(x: Sequence[float], y: Sequence[float]) -> float:
    return float(np.polyfit(np.log(x), np.log(y), 1)[0]) if len(x) > 1 else 0.0
