"""False alarms, coverage and power of Étalon's comparison, on studies that are simulated so that the truth is known.

The naive tools judge the same studies. `python -m bench statistics --keep` writes the figures of docs/statistics.md.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.contest import say
from bench.machine import ROOT, provenance
from bench.report import table
from etalon.analysis.crossed import Comparison, compare
from etalon.analysis.verdicts import ALPHA, holm

Answers = NDArray[np.bool_]  # (models, k, n) right or wrong, the reference first
Line = dict[str, Any]

VARIANTS, IMAGES = 7, 2000
SHARED, OWN = 2.0, 1.0  # standard deviations of an image's difficulty, on the logistic scale: for all, for one model
STUDIES, QUICK = 2000, 100
DOCUMENT = ROOT / "docs" / "statistics.md"
KEPT, CURVES = DOCUMENT.with_suffix(".jsonl"), DOCUMENT.with_name("power.svg")
BEGIN, END = "<!-- figures -->\n", "<!-- end of the figures -->\n"


@dataclass(frozen=True)
class Setting:
    """Studies of one kind.

    Attributes:
        k: seeds.
        error: mean error rate of every model over the population of images.
        effect: standard deviation of what a training moves, on the logistic scale.
        n: images.
    """

    k: int
    error: float
    effect: float
    n: int = IMAGES

    def __str__(self) -> str:
        return f"{self.k} seeds, error {self.error:.0%}, seed effect {self.effect:g}"


SETTINGS = tuple(Setting(k, error, effect) for k in (5, 10) for error in (0.01, 0.08) for effect in (0.0, 0.05))
HARSH = tuple(Setting(k, 0.08, 0.2) for k in (5, 10))  # a training moves the accuracy by a whole point


def simulate(setting: Setting, studies: int, gains: Sequence[float] = (0.0,) * VARIANTS) -> Iterator[Answers]:
    """Studies in which each model is better than the reference by `gains` of accuracy over the population.

    An image has a difficulty for all models and one for each; a training moves all the odds of its model.
    """
    rng = np.random.default_rng(0)
    errors = setting.error - np.array([0.0, *gains])
    centres = np.array([[[centre(error, setting.effect)]] for error in errors], np.float32)
    models, k, n = len(errors), setting.k, setting.n
    for _study in range(studies):
        difficulty = SHARED * rng.standard_normal(n, np.float32) + OWN * rng.standard_normal((models, 1, n), np.float32)
        moved = rng.normal(0, setting.effect, (models, k, 1)).astype(np.float32)
        odds = np.exp(centres + moved - difficulty)
        yield rng.random((models, k, n), np.float32) * (1 + odds) < odds


def centre(error: float, effect: float) -> float:
    """The log-odds around which the mean error rate over images and trainings is `error`."""
    from scipy.optimize import brentq
    from scipy.special import expit

    nodes, weights = np.polynomial.hermite_e.hermegauss(201)
    spread = np.sqrt(SHARED**2 + OWN**2 + effect**2)
    found = brentq(lambda c: float(weights @ expit(-c - spread * nodes)) / weights.sum() - error, 0, 50)
    return float(found)


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
    return {"power": float(np.mean(shown)), "coverage": float(np.mean(covered)), "k": k, "gain": gain, "n": studies}


def draw(curves: Sequence[Line], path: Path = CURVES) -> None:
    """The power curves."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot as plt

    figure, ax = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
    for k in sorted({line["k"] for line in curves}):
        some = [line for line in curves if line["k"] == k]
        ax.plot([100 * line["gain"] for line in some], [line["power"] for line in some], "o-", label=f"{k} seeds")
    ax.axhline(0.8, color="0.7", linewidth=0.8)
    ax.set(xlabel="true difference of accuracy (points)", ylabel="share of studies that say better", ylim=(0, 1.02))
    ax.legend()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def run(*, quick: bool, as_json: bool, keep: bool, study: Path | None) -> None:
    """Measure, print, and keep what is to be kept."""
    studies = QUICK if quick else STUDIES
    if study is not None:
        tell(real(study, studies // 2), as_json)
        return
    lines = []
    for setting in [*SETTINGS, *(() if quick else HARSH)]:
        lines.append(proof(str(setting), simulate(setting, studies)))
        tell(lines[-1], as_json)
    if quick:
        return
    gains = (0.0, 0.001, 0.002, 0.003, 0.004, 0.006, 0.008)
    curves = [power(k, gain, studies // 5) for k in (3, 5, 10) for gain in gains]
    for curve in curves:
        tell(curve, as_json)
    if keep:
        KEPT.write_text("".join(json.dumps(line) + "\n" for line in [*lines, *curves, provenance()]))
        draw(curves)
        before, rest = DOCUMENT.read_text(encoding="utf-8").split(BEGIN)
        after = rest.split(END)[1]
        DOCUMENT.write_text(f"{before}{BEGIN}{written()}{END}{after}", encoding="utf-8")


def tell(line: Line, as_json: bool) -> None:
    """One line, for programs on standard output or for people."""
    if as_json:
        print(json.dumps(line), flush=True)
    else:
        say(", ".join(f"{name} {value}" for name, value in line.items()))


def written(path: Path = KEPT) -> str:
    """The figures kept, in Markdown."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    where = lines.pop()
    proofs, curves = [x for x in lines if "setting" in x], [x for x in lines if "power" in x]
    ours = [[x["setting"], share(x["false_alarms"]), share(x["coverage"])] for x in proofs]
    naively = [
        [x["setting"], share(x["false_alarms"])]
        + [" / ".join(share(x["naive"][name][how]) for how in ("alone", "any")) for name in ("mcnemar", "t_test")]
        + [share(x["naive"]["best_run"]["any"])]
        for x in proofs
    ]
    ks, gains = sorted({x["k"] for x in curves}), sorted({x["gain"] for x in curves})
    told = {(x["k"], x["gain"]): f"{share(x['power'])} ({share(x['coverage'])})" for x in curves}
    by_gain = [[f"{100 * gain:g}", *(told[k, gain] for k in ks)] for gain in gains]
    parts = [
        f"Measured: {where['date']}, {where['machine']}, numpy {where['versions']['numpy']}, Étalon "
        f"{where['revision']}. n = {proofs[0]['studies']:,} studies a setting, {curves[0]['n']} a point of power.\n",
        table(("setting", "studies with a false alarm", "95 % intervals that cover"), ours),
        "What the naive tools claim of the same studies:\n",
        table(
            ("setting", "Étalon, any", "McNemar, alone / any", "t test over seeds, alone / any", "best run"), naively
        ),
        "Power against the true difference, with the coverage of the intervals:\n",
        table(("points", *(f"{k} seeds" for k in ks)), by_gain),
    ]
    return "\n".join(parts)


def share(value: float) -> str:
    """A share, in percent."""
    return f"{100 * value:.1f} %"
