"""Whether the known label errors of MNIST's test part are found: `python -m bench.labels [--store FOLDER] [--json]`.

The known ones are those of Northcutt, Athalye and Mueller 2021, *Pervasive label errors in test sets destabilize
machine learning benchmarks* (NeurIPS Datasets and Benchmarks): of the labels that confident learning doubted, those in
which fewer than three of five readers believed. The votes are in `mturk/mnist_mturk.json` of cleanlab/label-errors.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import etalon
from bench import machine
from etalon.data.mislabelled import LabelErrors

# image -> published label, what the authors' network guessed, how many of five readers saw the label, the guess
KNOWN = {
    947: (8, 9, 0, 5),
    1621: (0, 6, 2, 3),
    1901: (9, 4, 2, 3),
    2130: (4, 9, 2, 2),
    2462: (2, 0, 0, 4),
    2597: (5, 3, 0, 4),
    2654: (6, 1, 0, 2),
    3520: (6, 4, 2, 0),
    3558: (5, 0, 1, 4),
    5937: (5, 3, 1, 3),
    6651: (0, 6, 0, 5),
    6783: (1, 6, 2, 3),
    8527: (4, 9, 2, 2),
    9679: (6, 3, 2, 0),
    9729: (5, 6, 2, 3),
}
AGREED = tuple(at for at, (_given, _guess, seen, guessed) in KNOWN.items() if guessed > 2 > seen)  # on the guess
TOPS = (5, 10, 15, 20, 30, 50)


def ranks(found: LabelErrors) -> dict[int, int | None]:
    """Where each of the known errors stands in the list of test, from 1; None if it is not there."""
    places = {suspect.at: rank for rank, suspect in enumerate(found.test, 1)}
    return {at: places.get(at) for at in KNOWN}


def among_the_first(n: int, at: Sequence[int], places: dict[int, int | None]) -> int:
    """How many of these stand among the n first."""
    return sum((places[one] or n + 1) <= n for one in at)


def measure(store: Path | None) -> dict[str, Any]:
    """Train what is not in the store yet, and compare the list with what is known."""
    started = time.perf_counter()
    found = etalon.label_errors("mnist", store=store)
    places = ranks(found)
    return {
        "seconds": round(time.perf_counter() - started, 1),
        "agreement": {part: round(share, 4) for part, share in found.agreement.items()},
        "contradicted": {"train": len(found.train), "test": len(found.test)},
        "likely": {part: sum(s.likely for s in getattr(found, part)) for part in ("train", "test")},
        "known": len(KNOWN),
        "listed": sum(rank is not None for rank in places.values()),
        "among_the_first": {n: among_the_first(n, tuple(KNOWN), places) for n in TOPS},
        "agreed_by_readers": list(AGREED),
        "agreed_among_the_first": {n: among_the_first(n, AGREED, places) for n in TOPS},
        "ranks": places,
        "first_of_train": [suspect.at for suspect in found.train[:30]],
        "provenance": machine.provenance(),
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.labels", description=__doc__)
    parser.add_argument("--store", type=Path, help="where the five trainings are kept, and looked for")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    options = parser.parse_args()
    measured = measure(options.store)
    if options.json:
        print(json.dumps(measured))
        return
    for name, value in measured.items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
