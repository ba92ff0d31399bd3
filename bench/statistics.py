"""False alarms, coverage and power of Étalon's comparison, on studies that are simulated so that the truth is known.

The naive tools judge the same studies. `python -m bench statistics --keep` writes the figures of docs/statistics.md.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.contest import say
from bench.looks import gained, looked
from bench.published import GAINS, KS, keep_all
from bench.simulated import HARSH, SETTINGS, Answers, Line, Setting, simulate
from bench.splits import POOLS, splits
from etalon.analysis.crossed import Comparison, compare
from etalon.analysis.verdicts import ALPHA, holm

STUDIES, QUICK = 2000, 100


def proof(setting: str, studies: Iterator[Answers]) -> Line:
    """False alarms and coverage over studies in which nothing differs, and what the naive tools say of them."""
    alarms, covered, first_runs, accuracies = [], [], [], []
    for answers in studies:
        found = comparisons(answers)
        alarms.append(min(holm([one.p for one in found])) < ALPHA)
        covered.append([one.low <= 0 <= one.high for one in found])
        one = answers[:, 0]
        first_runs.append([(one[1:] & ~one[0]).sum(axis=1), (~one[1:] & one[0]).sum(axis=1)])
        accuracies.append(answers.mean(axis=2))
    return {
        "setting": setting,
        "studies": len(alarms),
        "false_alarms": float(np.mean(alarms)),
        "coverage": float(np.mean(covered)),
        "naive": naive(np.array(first_runs), np.array(accuracies)),
    }


def comparisons(answers: Answers) -> list[Comparison]:
    """Each variant against the reference."""
    scores = answers.astype(np.float64)
    return [compare(variant - scores[0]) for variant in scores[1:]]


def naive(discordant: NDArray[np.int64], accuracies: NDArray[np.float64]) -> Line:
    """Shares of false claims when nothing differs: in one comparison (alone), and in a study of seven (any).

    Args:
        discordant: (studies, 2, variants) images that only the variant, or only the reference, reads, first runs.
        accuracies: (studies, models, k).

    Returns:
        mcnemar: exact test on the first runs. t_test: paired, over seeds. best_run: a variant's best run is over the
        reference's best.
    """
    from scipy import stats

    won, lost = discordant[:, 0], discordant[:, 1]
    mcnemar = 2 * stats.binom.cdf(np.minimum(won, lost), won + lost, 0.5) < ALPHA
    moved = accuracies[:, 1:] - accuracies[:, :1]
    k = moved.shape[-1]
    spread = moved.std(axis=-1, ddof=1) / np.sqrt(k)
    reach = stats.t.ppf(1 - ALPHA / 2, k - 1) * spread
    t_test = np.abs(moved.mean(axis=-1)) > np.where(spread > 0, reach, np.inf)
    best = accuracies.max(axis=-1)
    best_run = best[:, 1:] > best[:, :1]
    claims = {"mcnemar": mcnemar, "t_test": t_test, "best_run": best_run}
    return {n: {"alone": float(c.mean()), "any": float(c.any(axis=1).mean())} for n, c in claims.items()}


def relabelled(correct: NDArray[Any], *, k: int = 5, times: int = 1000) -> Iterator[Answers]:
    """Real A/A: runs of one configuration dealt at random into a reference and variants of k runs each.

    Args:
        correct: (runs, n) right or wrong; 40 runs make a reference and seven variants of five.
    """
    rng = np.random.default_rng(0)
    models = len(correct) // k
    for _time in range(times):
        yield correct[rng.permutation(len(correct))[: models * k]].reshape(models, k, -1).astype(bool)


def real(study: Path, times: int) -> Line:
    """A real A/A from the trainings of the reference of a study, on its test images, which this opens."""
    import etalon

    outcome = etalon.open_study(study).result().test().reference
    correct = outcome.predictions.correct()
    return proof(f"{len(correct)} trainings of {outcome.name}, relabelled", relabelled(correct, times=times))


def power(k: int, gain: float, studies: int) -> Line:
    """How often one variant that is better by `gain` is found better: error rate 8 %, 10,000 images."""
    setting = Setting(k, 0.08, 0.05, 10_000)
    found = [comparisons(answers)[0] for answers in simulate(setting, studies, [gain])]
    shown = [one.p < ALPHA and one.difference > 0 for one in found]
    covered = [one.low <= gain <= one.high for one in found]
    found_so = {"power": float(np.mean(shown)), "coverage": float(np.mean(covered))}
    return {**found_so, "k": k, "gain": gain, "studies": studies}


PARTS: Mapping[str, Callable[[int], Iterator[Line]]] = {
    "setting": lambda n: (proof(str(setting), simulate(setting, n)) for setting in [*SETTINGS, *HARSH]),
    "power": lambda n: (power(k, gain, n // 5) for k in KS for gain in GAINS),
    "looks": lambda n: (looked(setting, n) for setting in [*SETTINGS, *HARSH]),
    "gained": lambda n: (gained(gain, n // 5) for gain in GAINS),
    "split": lambda n: (splits(pool, n // 2) for pool in POOLS),
}


def run(*, quick: bool, as_json: bool, keep: bool, study: Path | None = None, part: str | None = None) -> None:
    """Measure, print, and keep what is to be kept.

    Args:
        quick: the false alarms and the coverage alone, of few studies.
        part: one of `PARTS`, by default all.
        study: for a real A/A, instead.
    """
    if study is not None:
        tell(real(study, STUDIES // 2), as_json)
        return
    if quick:
        for setting in SETTINGS:
            tell(proof(str(setting), simulate(setting, QUICK)), as_json)
        return
    for name in [part] if part else PARTS:
        lines = []
        for line in PARTS[name](STUDIES):
            lines.append(line)
            tell(line, as_json)
        if keep:
            keep_all(name, lines)


def tell(line: Line, as_json: bool) -> None:
    """One line, for programs on standard output or for people."""
    if as_json:
        print(json.dumps(line), flush=True)
    else:
        say(", ".join(f"{name} {value}" for name, value in line.items()))
