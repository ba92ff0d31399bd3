"""`seeds="auto"` beside a fixed number of seeds: on simulated studies, and on the trainings of a real one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.simulated import Line, Setting, simulate
from etalon.analysis.crossed import Comparison, compare
from etalon.analysis.design import Auto, Design
from etalon.analysis.looks import further
from etalon.analysis.verdicts import Verdict, Verdicts, judge


def look_by_look(answers: NDArray[Any], auto: Auto) -> tuple[Verdicts, dict[str, int]]:
    """What `seeds="auto"` would have made of trainings that are all there.

    Args:
        answers: (models, at least auto.most, n) right or wrong, the reference first.

    Returns:
        The verdicts, and how many seeds each model would have had; models are named by their numbers.
    """
    scores = np.asarray(answers, np.float64)
    taken = {str(model): auto.start for model in range(len(scores))}
    known: dict[tuple[str, int], Comparison] = {}
    while True:
        for place in list(taken.items())[1:]:
            if place not in known:
                name, k = place
                known[place] = compare(scores[int(name), :k] - scores[0, :k])
        found = {name: known[name, k] for name, k in list(taken.items())[1:]}
        judged = judge(found, design=Design(looks=auto.looks))
        wanted = further(judged, taken, "0")
        if wanted == taken:
            return judged, taken
        taken = wanted


def looked(setting: Setting, studies: int) -> Line:
    """What is said under `seeds="auto"`, with at most the seeds of the setting, of studies in which nothing differs.

    Returns:
        false_alarms: share of studies with one. coverage, uncorrected: shares of the intervals that cover 0, as they
        are shown, and as they would be if they did not allow for the looks. trainings: share of those of all seeds.
    """
    auto = Auto(most=setting.k)
    alarms, covered, uncorrected, trainings = [], [], [], []
    for answers in simulate(setting, studies):
        judged, taken = look_by_look(answers, auto)
        alarms.append(any(v.verdict in ("better", "worse") for v in judged.items))
        covered += [v.low <= 0 <= v.high for v in judged.items]
        uncorrected += [v.comparison.low <= 0 <= v.comparison.high for v in judged.items]
        trainings.append(sum(taken.values()) / (setting.k * len(answers)))
    return {
        "looks": str(setting),
        "studies": studies,
        "false_alarms": float(np.mean(alarms)),
        "coverage": float(np.mean(covered)),
        "uncorrected": float(np.mean(uncorrected)),
        "trainings": float(np.mean(trainings)),
    }


def gained(gain: float, studies: int, most: int = 10) -> Line:
    """What is said of one variant that is better by `gain`, with `most` seeds and under `seeds="auto"`.

    Error rate 8 %, 10,000 images; "equivalent" is wrong from a gain of 0.002 on.
    """
    fixed, auto, trainings = [], [], []
    for answers in simulate(Setting(most, 0.08, 0.05, 10_000), studies, [gain]):
        scores = answers.astype(np.float64)
        fixed += judge({"1": compare(scores[1] - scores[0])}).items
        judged, taken = look_by_look(answers, Auto(most=most))
        auto += judged.items
        trainings.append(sum(taken.values()) / (2 * most))
    said = {"fixed": _said(fixed, gain), "auto": _said(auto, gain)}
    return {"gained": gain, "studies": studies, **said, "trainings": float(np.mean(trainings))}


def _said(found: Sequence[Verdict], gain: float) -> Line:
    """Shares of verdicts that say better, that say equivalent, and of intervals that cover the truth."""
    return {
        "power": float(np.mean([v.verdict == "better" for v in found])),
        "equivalent": float(np.mean([v.verdict == "equivalent" for v in found])),
        "coverage": float(np.mean([v.low <= gain <= v.high for v in found])),
    }


def spared(study: Path, data: str | None, most: int) -> Line:
    """The verdicts of a study with `most` seeds for all, and with seeds where they matter, on the same trainings.

    Trains nothing, and opens no test image.

    Raises:
        StudyError: not all the trainings are in the store.
    """
    import etalon

    opened = etalon.open_study(study).with_(**({"data": data} if data else {}))
    fixed = opened.with_(seeds=most).result()
    auto = opened.with_(seeds=Auto(most=most)).result()
    before, after = fixed.verdicts(), auto.verdicts()
    words = {v.variant: [v.verdict, after[v.variant].verdict, after[v.variant].comparison.k] for v in before.items}
    trainings, planned = len(set(auto.plan.keys.values())), len(set(fixed.plan.keys.values()))
    return {
        "study": study.stem,
        "data": fixed.dataset.name,
        "looks": list(after.design.looks),
        "trainings": trainings,
        "instead_of": planned,
        "share": trainings / planned,
        "same": sum(one == other for one, other, _k in words.values()),
        "of": len(words),
        "recommended": [fixed.recommend().chosen, auto.recommend().chosen],
        "verdicts": words,
    }
