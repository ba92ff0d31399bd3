"""All that a report rests on, gathered once: what was tried, what was measured, what was chosen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from etalon.analysis.balance import balanced_accuracy
from etalon.analysis.confidence import Confidence
from etalon.analysis.crossed import Interval, mean_accuracy
from etalon.analysis.curves import LearningCurves
from etalon.analysis.design import ONCE, Design
from etalon.analysis.predictions import Predictions
from etalon.analysis.published import scores as scores_by_seed
from etalon.analysis.recommend import Recommendation
from etalon.analysis.robustness import Robustness
from etalon.analysis.verdicts import Verdict, Verdicts
from etalon.data.audit import Audit
from etalon.data.balance import Balance, balance
from etalon.data.dataset import Dataset
from etalon.data.splits import Split
from etalon.locales import Text, _, choose, ngettext, number
from etalon.study.plan import Tally
from etalon.study.store import Opening
from etalon.study.variant import Candidate

if TYPE_CHECKING:
    from etalon.report.answered import Answered


@dataclass(frozen=True, eq=False)
class Scores:
    """What one variant is worth on one part.

    Attributes:
        accuracy: mean over seeds and images, with its interval.
        loss: mean over seeds of the mean log loss, -log p(true class).
        balanced: balanced accuracy, the mean of the recalls of the classes, mean over seeds.
    """

    predictions: Predictions
    accuracy: Interval
    loss: float
    balanced: float

    @classmethod
    def of(cls, predictions: Predictions, design: Design = ONCE) -> "Scores":
        """Score the predictions, allowing for the looks and the overlap of the design."""
        losses = [
            -np.log(np.maximum(p[np.arange(len(y)), y], 1e-7)).mean()
            for p, y in zip(predictions.probabilities, predictions.labels, strict=True)
        ]
        balanced = float(balanced_accuracy(predictions).mean())
        accuracy = mean_accuracy(predictions.correct(), design=design)
        return cls(predictions, accuracy, float(np.mean(losses)), balanced)


@dataclass(frozen=True, eq=False)
class Entry:
    """One variant: what it is, and what was measured of it.

    Attributes:
        fit_times: (k,) seconds of training and validation.
        verdict: against the reference, on test once it is open, else on validation; None for the reference.
        errors: of the trials that broke down.
        precisions: in which its trials computed, each once.
    """

    candidate: Candidate
    curves: LearningCurves
    fit_times: Sequence[float]
    validation: Scores
    test: Scores | None
    verdict: Verdict | None
    errors: Sequence[str] = ()
    precisions: Sequence[str] = ()

    @property
    def name(self) -> str:
        """The variant's name."""
        return self.candidate.name

    @property
    def because(self) -> str:
        """Why it was proposed, in the language in force."""
        return choose(self.candidate.variant.because)

    @property
    def fit_time(self) -> float:
        """Mean over seeds, in seconds."""
        return float(np.mean(self.fit_times))


@dataclass(frozen=True, eq=False)
class Evidence:
    """A study's results.

    Attributes:
        entries: the reference first; variants without a finished trial are in `lost`.
        verdicts: of all variants, on test once it is open, else on validation.
        recommendation: made on validation, whatever is open.
        openings: how often the test set was opened on this store, oldest first.
        lost: variants of which every trial broke down, and why.
        environment: versions and processor of the first run.
        robustness, confidence: of the models that a report shows, of the recommended one; None elsewhere.
        audit: what may be wrong with the images, for a report; None elsewhere.
        answered: the questions of the study, with their answers, for a report.
        notice: what every page must say (that this is but a first look).
        planned: trainings that the most seeds would have taken for every variant, where seeds were added only to the
            undecided; None where all variants have all the seeds.
        steps: of all variants, each against the one that it comes after; None where that is the reference for all.
    """

    title: Text
    context: Text
    dataset: Dataset
    split: Split
    seeds: Sequence[int]
    rope: float
    tally: Tally
    entries: Sequence[Entry]
    verdicts: Verdicts
    recommendation: Recommendation
    openings: Sequence[Opening]
    lost: Mapping[str, Sequence[str]]
    environment: Mapping[str, str]
    robustness: Robustness | None = None
    confidence: Confidence | None = None
    audit: Audit | None = None
    answered: "Sequence[Answered]" = ()
    notice: str = ""
    planned: int | None = None
    steps: Verdicts | None = None

    @property
    def later(self) -> Sequence[Verdict]:
        """The verdicts against their parents of the variants that come after another one than the reference."""
        steps = self.steps.items if self.steps else ()
        return [verdict for verdict in steps if self.parent(self[verdict.variant])]

    def parent(self, entry: Entry) -> str:
        """The variant that this one comes after; "" where that is the reference."""
        after = entry.candidate.after
        return "" if after == self.reference.name else after

    @property
    def trainings(self) -> int:
        """Those that came to an end."""
        return self.tally.trained + self.tally.cached

    @property
    def counted(self) -> str:
        """All the trainings, and how many of them broke down, in figures."""
        n, broken = self.trainings + self.tally.failed, self.tally.failed
        if not broken:
            return number(n, 0)
        return ngettext("{n}, of which one broke down", "{n}, of which {broken} broke down", broken).format(
            n=number(n, 0), broken=number(broken, 0)
        )

    @property
    def shared(self) -> str:
        """That accuracies and differences are over other seeds, in a sentence; empty where they are over the same."""
        reference = len(self.reference.fit_times)
        ks = [(e.verdict.comparison.k, len(e.fit_times)) for e in self.entries if e.verdict]
        if all(k == own == reference for k, own in ks):
            return ""
        return _(
            "Each accuracy is over all the seeds of its model, each difference over those that the model shares with "
            "the reference."
        )

    @property
    def spared(self) -> str:
        """How many trainings were enough, and why, in a sentence; empty where all variants have all the seeds."""
        if self.planned is None:
            return ""
        return _(
            "{n} trainings instead of {planned}: after each look at the verdicts on validation, only the undecided "
            "that more seeds had a chance to settle got more."
        ).format(n=number(self.trainings, 0), planned=number(self.planned, 0))

    @property
    def reference(self) -> Entry:
        """What the variants are compared with."""
        return self.entries[0]

    @property
    def chosen(self) -> Entry:
        """The recommended one."""
        return self[self.recommendation.chosen]

    @cached_property
    def balance(self) -> Balance:
        """Of the classes, in the training part."""
        return balance(self.dataset.counts("train"))

    @property
    def mixture(self) -> str:
        """That not all trials computed in one precision, in two sentences; empty where they did."""
        by_precision: dict[str, list[str]] = {}
        for entry in self.entries:
            for precision in entry.precisions:
                by_precision.setdefault(precision, []).append(entry.name)
        if len(by_precision) < 2:
            return ""
        each = [_("{what}: {told}").format(what=p, told=", ".join(names)) for p, names in by_precision.items()]
        return _(
            "Not all the models were trained in one precision ({told}): a part of the differences may come from it. "
            'Train all of them alike, with precision="float32" for instance, before trusting these verdicts.'
        ).format(told=_("; ").join(each))

    def __getitem__(self, name: str) -> Entry:
        return next(entry for entry in self.entries if entry.name == name)

    def to_json(self) -> dict[str, Any]:
        """What `etalon run --json` writes, without the report's path."""
        return {
            "study": choose(self.title),
            "data": {
                "name": self.dataset.name,
                "digest": self.dataset.digest,
                "test_digest": self.dataset.test_digest,
                "unbalanced": self.balance.unbalanced,
            },
            "seeds": list(self.seeds),
            "reference": self.reference.name,
            "recommended": self.recommendation.chosen,
            "rope": self.rope,
            "trials": vars(self.tally),
            "auto": None if self.planned is None else self._auto_json(self.planned),
            "environment": dict(self.environment),
            "openings": [opening.opened.isoformat() for opening in self.openings],
            "mixture": self.mixture,
            "variants": [_variant_json(entry) for entry in self.entries],
            "lost": {name: list(errors) for name, errors in self.lost.items()},
            "verdicts": self.verdicts.to_json(),
            "recommendation": self.recommendation.to_json(),
        }

    def _auto_json(self, planned: int) -> dict[str, Any]:
        return {"looks": list(self.verdicts.design.looks), "trainings": self.trainings, "instead_of": planned}


def _variant_json(entry: Entry) -> dict[str, Any]:
    parts = {"validation": entry.validation, **({"test": entry.test} if entry.test else {})}
    found: dict[str, Any] = {
        "name": entry.name,
        "because": entry.because,
        "factors": [factor.sentence() for factor in entry.candidate.factors],
        "weights": entry.candidate.weights.total,
        "accuracy": {part: _interval_json(scores.accuracy) for part, scores in parts.items()},
        "balanced_accuracy": {part: scores.balanced for part, scores in parts.items()},
        "loss": {part: scores.loss for part, scores in parts.items()},
        "gap": entry.curves.overfitting.gap,
        "fit_time": entry.fit_time,
        "seeds": len(entry.fit_times),
        "seed_numbers": list(entry.validation.predictions.seeds),
        "errors": list(entry.errors),
        "precisions": list(entry.precisions),
        "epochs": entry.candidate.recipe.epochs,
        "by_seed": {part: _by_seed(parts[part]) for part in parts},
        "best_epochs": entry.curves.overfitting.best_epochs.tolist(),
    }
    if entry.verdict:
        found |= {
            "verdict": entry.verdict.verdict,
            "difference": {
                "mean": entry.verdict.difference,
                "low": entry.verdict.low_simultaneous,
                "high": entry.verdict.high_simultaneous,
                "simultaneous": True,
            },
            "p_adjusted": entry.verdict.p_adjusted,
        }
    else:
        found |= {"verdict": "reference", "difference": None, "p_adjusted": None}
    return found


def _by_seed(one: Scores) -> dict[str, list[float]]:
    """Each score, seed after seed."""
    return {name: each.tolist() for name, each in scores_by_seed(one.predictions).items()}


def _interval_json(interval: Interval) -> dict[str, float]:
    return {"mean": interval.value, "low": interval.low, "high": interval.high}
