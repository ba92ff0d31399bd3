"""P7 and P8: what one network costs beside the same by hand, and what it costs to start."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from bench.contest import Contender, play
from bench.fits import PRECISIONS, versions
from bench.results import Bar, Figure, Result, Spread

IMPORT = "import time; t = time.perf_counter(); import etalon; print(time.perf_counter() - t)"
MILLISECONDS = 1000.0


def lowered(quick: bool = False, n: int | None = None) -> Result:
    """P7: forward and backward of a lowered network, over the time of the better of two ways to write it by hand."""
    n = n or (3 if quick else 21)
    figures, against = [], ""
    for network in ("cnn", "mlp", "cifar"):
        for precision in PRECISIONS:
            job = {"network": network, "precision": precision, "rounds": n, "steps": 2 if quick else 10}
            measure = play(Contender("Étalon", "lowered"), job)
            found = {way: [s * MILLISECONDS for s in seconds] for way, seconds in measure.said["seconds"].items()}
            mine = found.pop("lowered")
            best = min(found, key=lambda way: median(found[way]))
            ratios = [a / b for a, b in zip(mine, found[best], strict=True)]
            bar = Bar(1.05, most=True) if precision == "float32" else None
            what = f"{network}, {precision}, {measure.said['batch']} images; {best}"
            figures.append(Figure(what, "ms", Spread.of(mine), Spread.of(found[best]), Spread.of(ratios), bar))
            against = f"the same network by hand, the faster of two memory formats ({versions(measure)})"
    return Result(
        id="P7",
        work="one lowered network, forward and backward",
        against=against,
        conditions="random images, one process, in turn",
        n=n,
        figures=figures,
    )


def start(quick: bool = False, n: int | None = None) -> Result:
    """P8: seconds of `import etalon` in a fresh process, and of `etalon --help` as a whole process."""
    n = n or (3 if quick else 15)
    help_ = [str(Path(sys.executable).with_name("etalon")), "--help"]

    def imported() -> float:
        return float(_said([sys.executable, "-c", IMPORT]))

    def helped() -> float:
        started = time.perf_counter()
        _said(help_)
        return time.perf_counter() - started

    ways: list[Callable[[], float]] = [imported, helped]
    found = list(zip(*([way() for way in ways] for _ in range(n + 1)), strict=True))
    return Result(
        id="P8",
        work="import etalon; etalon --help",
        conditions="fresh processes, files in the system's cache",
        n=n,
        figures=[
            Figure("import etalon", "s", Spread.of(found[0][1:]), bar=Bar(0.15, True, "s")),
            Figure("etalon --help, whole process", "s", Spread.of(found[1][1:]), bar=Bar(0.4, True, "s")),
        ],
    )


def _said(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
