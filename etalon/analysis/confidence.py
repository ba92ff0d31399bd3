"""How far the confidence of the answers can be trusted, and which images to leave to a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from etalon.analysis.calibration import Calibration, Labels, calibrate, head_of
from etalon.analysis.predictions import PartName, Predictions, predictions
from etalon.analysis.selective import Kept, RiskCoverage, images_needed, kept, promised, risk_coverage
from etalon.errors import StudyError
from etalon.figures import confidence as figures
from etalon.locales import _, ngettext, number, percent

if TYPE_CHECKING:
    import pandas as pd

    from etalon.figures.style import Axes, Figure
    from etalon.study.run import Run

RISKS = (0.02, 0.01, 0.005, 0.001)
GRID = np.arange(1, 201) / 200  # coverages at which curves of several seeds are compared


@dataclass(frozen=True)
class Threshold:
    """The confidence from which the answers of one seed are kept, chosen on its validation images.

    Attributes:
        value: of the confidence, as `Predictions` gives it; None where none can be promised.
        validation, test: what it keeps there; None without a value, or while the test is sealed.
    """

    seed: int
    value: float | None
    validation: Kept | None
    test: Kept | None


@dataclass(frozen=True)
class Promise:
    """An error rate that the images kept must not exceed, and the threshold of each seed.

    Attributes:
        risk: the error rate promised, each with 95 % confidence for itself.
        needed: the least number of validation images that could show it, were all the answers right.
        images: the least number that a seed has.
        thresholds: (k,) one a seed.
    """

    risk: float
    needed: int
    images: int
    thresholds: tuple[Threshold, ...]

    @property
    def found(self) -> tuple[Threshold, ...]:
        """The thresholds of the seeds for which there is one."""
        return tuple(t for t in self.thresholds if t.value is not None)

    def kept(self, part: PartName) -> tuple[Kept, ...]:
        """What those keep of a part."""
        each = [t.validation if part == "validation" else t.test for t in self.found]
        return tuple(k for k in each if k is not None)

    @property
    def text(self) -> str:
        """What it asks of a person, in the language in force."""
        return _promise(self)


@dataclass(frozen=True, eq=False)
class Confidence:
    """What the confidence of a variant is worth, on one part.

    Attributes:
        part: where the probabilities and the curves are measured; thresholds are chosen on validation.
        seeds: (k,).
        calibration: None where the outputs of the model are no probabilities.
        curves: (k,) errors against coverage, for the confidence as the model gives it.
        promises: one for each error rate.
    """

    variant: str
    part: PartName
    seeds: tuple[int, ...]
    calibration: Calibration | None
    curves: tuple[RiskCoverage, ...]
    promises: tuple[Promise, ...]

    def __repr__(self) -> str:
        return f"Confidence({self.variant!r}, {self.part}, {len(self.seeds)} seeds)"

    def __str__(self) -> str:
        return "\n".join([self.calibrated, self.ranked, *(promise.text for promise in self.promises)])

    @property
    def calibrated(self) -> str:
        """What the probabilities are worth, before and after temperature scaling, in the language in force."""
        return _calibrated(self)

    @property
    def ranked(self) -> str:
        """How well confidence tells right answers from wrong ones, in the language in force."""
        return _("Area under the risk-coverage curve: AURC {aurc}, AUGRC {augrc}; without errors both are 0.").format(
            aurc=percent(float(np.mean([c.aurc for c in self.curves])), 3),
            augrc=percent(float(np.mean([c.augrc for c in self.curves])), 3),
        )

    @property
    def strictest(self) -> Promise | None:
        """Of the promises that every seed can make, that of the fewest errors; None if there is none."""
        whole = [promise for promise in self.promises if len(promise.found) == len(self.seeds)]
        return min(whole, key=lambda promise: promise.risk, default=None)

    def settings(self, seed: int) -> dict[str, float | None]:
        """What it takes to use one seed's answers: its temperature, and the threshold of the strictest promise.

        Returns:
            temperature, None where outputs are no probabilities; threshold and the risk that it promises, None where
            not every seed can promise one.
        """
        place, promise = self.seeds.index(seed), self.strictest
        return {
            "temperature": None if self.calibration is None else float(self.calibration.temperatures[place]),
            "threshold": None if promise is None else promise.thresholds[place].value,
            "risk": None if promise is None else promise.risk,
        }

    def frame(self) -> "pd.DataFrame":
        """A line a seed: temperature; log loss, Brier score and ECE before and after scaling; AURC and AUGRC."""
        import pandas as pd

        columns: dict[str, Any] = {}
        if self.calibration is not None:
            columns["temperature"] = self.calibration.temperatures
            for end, quality in (("", self.calibration.before), ("_scaled", self.calibration.after)):
                columns |= {f"{name}{end}": getattr(quality, name) for name in ("log_loss", "brier", "ece")}
        columns |= {name: [getattr(c, name) for c in self.curves] for name in ("aurc", "augrc")}
        return pd.DataFrame(columns, index=pd.Index(self.seeds, name="seed"))

    def thresholds(self) -> "pd.DataFrame":
        """A line for each promised error rate and seed: the threshold, then what it keeps of each part opened.

        `test_bound` is the upper limit at 95 % of the error rate that `test_error` estimates: nothing was chosen there.
        """
        import pandas as pd

        rows = []
        for promise in self.promises:
            for t in promise.thresholds:
                row: dict[str, Any] = {"risk": promise.risk, "seed": t.seed, "threshold": t.value}
                for name, part in (("val", t.validation), ("test", t.test)):
                    if part is not None:
                        row |= {f"{name}_coverage": part.coverage, f"{name}_error": part.error}
                if t.test is not None:
                    row["test_bound"] = t.test.bound
                rows.append(row)
        return pd.DataFrame(rows).astype({"threshold": np.float64})

    def plot_reliability(self, figure: "Figure | None" = None) -> "Figure":
        """Share of right answers against confidence, before and after temperature scaling, with the answers counted.

        Raises:
            StudyError: the outputs of the model are no probabilities.
        """
        if self.calibration is None:
            raise StudyError(
                _("the reliability diagram of {name}").format(name=self.variant),
                _("its outputs are no probabilities"),
                _("Draw plot_risk_coverage(), which needs none."),
            )
        panels = {_("As given"): self.calibration.before.bins, _("Scaled"): self.calibration.after.bins}
        return figures.reliability(
            {name: (b.count, b.confidence, b.accuracy) for name, b in panels.items()},
            seeds=len(self.seeds),
            figure=figure,
        )

    def plot_risk_coverage(self, ax: "Axes | None" = None) -> "Axes":
        """Error rate of the images kept against their share; the band goes from the best to the worst seed."""
        risks = np.array([curve.at(GRID) for curve in self.curves])
        points = {
            rate(promise.risk): (
                float(np.mean([k.coverage for k in promise.kept(self.part)])),
                float(np.mean([k.error for k in promise.kept(self.part)])),
            )
            for promise in self.promises
            if promise.kept(self.part)
        }
        return figures.risk_coverage(GRID, risks, points, ax=ax)


def confidence(
    runs: "Sequence[Run]",
    train_y: Labels,
    test_y: Labels | None = None,
    *,
    loss: str = "categorical_crossentropy",
    risks: Sequence[float] = RISKS,
) -> Confidence:
    """Judge the confidence of one variant.

    Args:
        runs: of the variant, one a seed.
        train_y: int64 (n,) labels of the train part, to which the validation images belong.
        test_y: int64 (n,) labels of the test part, which is then the part shown; None leaves it sealed, and shows
            validation: each half of it scaled by the temperature fitted on the other half.
        loss: that the variant was trained with; it says whether logits without a final activation are those of
            probabilities.
        risks: error rates to promise, each in (0, 1).

    Raises:
        StudyError: an error rate that is none.
    """
    for risk in risks:
        if not 0 < risk < 1:
            raise StudyError(
                _("a promised error rate of {risk}").format(risk=risk),
                _("it is a share of the images"),
                _("Give a number between 0 and 1, such as 0.01."),
            )
    validation = predictions(runs, train_y, "validation")
    test = None if test_y is None else predictions(runs, test_y, "test")
    head = head_of(runs[0].head, loss)
    calibration = None
    if head is not None:
        on_validation = [(run.validation_logits, y) for run, y in zip(runs, validation.labels, strict=True)]
        on_test = None if test_y is None else [(run.test_logits, test_y) for run in runs]
        calibration = calibrate(on_validation, on_test, head)
    shown = test or validation
    scores = [run.test_logits if test else run.validation_logits for run in runs]
    return Confidence(
        shown.variant,
        shown.part,
        shown.seeds,
        calibration,
        tuple(
            risk_coverage(_score(z, run.head), _right(shown, s))
            for s, (z, run) in enumerate(zip(scores, runs, strict=True))
        ),
        tuple(_promised(runs, validation, test, risk) for risk in risks),
    )


def _promised(runs: "Sequence[Run]", validation: Predictions, test: Predictions | None, risk: float) -> Promise:
    thresholds = []
    for s, run in enumerate(runs):
        sure, right = validation.confidence(s), _right(validation, s)
        value = promised(_score(run.validation_logits, run.head), sure, right, risk)
        on_validation = None if value is None else kept(sure, right, value)
        on_test = None if value is None or test is None else kept(test.confidence(s), _right(test, s), value)
        thresholds.append(Threshold(run.seed, value, on_validation, on_test))
    return Promise(risk, images_needed(risk), min(map(len, validation.labels)), tuple(thresholds))


def _right(answers: Predictions, s: int) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = answers.predicted(s) == answers.labels[s]
    return found


def _score(logits: NDArray[np.float32], head: str) -> NDArray[np.float64]:
    """(m,) the log-odds of the highest probability: the same order, without all that rounds to 1."""
    from scipy.special import logsumexp

    z = np.sort(np.asarray(logits, np.float64), axis=1)
    if head == "sigmoid":
        return z[:, -1]
    found: NDArray[np.float64] = z[:, -1] - logsumexp(z[:, :-1], axis=1)
    return found


def _calibrated(found: Confidence) -> str:
    made = found.calibration
    if made is None:
        return _(
            "{name} ends without softmax or sigmoid and is not trained by categorical cross-entropy: its outputs are "
            "no probabilities, so that there is nothing to calibrate. They still rank the images."
        ).format(name=found.variant)
    before, after, low, high = made.before, made.after, made.temperatures.min(), made.temperatures.max()
    leaning = (
        _("the model is too sure of itself on validation")
        if low > 1
        else _("the model is not sure enough of itself on validation")
        if high < 1
        else _("no validation image is misread, so that there is nothing to fit")
        if low == high
        else _("the seeds do not agree on whether the model is too sure of itself")
    )
    text = _(
        "Temperature {temperature}: {leaning}. Scaling takes the calibration error (ECE) from {ece} to {ece_scaled}, "
        "the log loss from {log_loss} to {log_loss_scaled}, the Brier score from {brier} to {brier_scaled}."
    ).format(
        temperature=spread(made.temperatures, 2),
        leaning=leaning,
        ece=spread(before.ece, 2, shares=True),
        ece_scaled=spread(after.ece, 2, shares=True),
        log_loss=spread(before.log_loss, 4),
        log_loss_scaled=spread(after.log_loss, 4),
        brier=spread(before.brier, 4),
        brier_scaled=spread(after.brier, 4),
    )
    if np.mean(after.log_loss) >= np.mean(before.log_loss):
        text += " " + _("By the log loss, scaling brings nothing here.")
    if made.crossed:
        text += " " + _("On validation, each half of the images is scaled by the temperature fitted on the other half.")
    return text


def spread(values: ArrayLike, digits: int, *, shares: bool = False) -> str:
    """Mean over seeds, with the least and the greatest where they differ."""
    write, each = percent if shares else number, np.asarray(values, np.float64)
    mean, low, high = (write(float(value), digits) for value in (each.mean(), each.min(), each.max()))
    return mean if low == high else _("{mean} ({low} to {high})").format(mean=mean, low=low, high=high)


def _promise(promise: Promise) -> str:
    told = {"risk": rate(promise.risk), "needed": number(promise.needed, 0), "images": number(promise.images, 0)}
    if promise.images < promise.needed:
        return _(
            "At most {risk} of errors: no threshold can promise it with {images} validation images; it would take "
            "{needed} of them, all read without error."
        ).format(**told)
    if not promise.found:
        return _(
            "At most {risk} of errors: no threshold promises it, because there are too many errors among the surest "
            "answers."
        ).format(**told)
    on_test = promise.kept("test")
    found = on_test or promise.kept("validation")
    told["part"] = _("test") if on_test else _("validation")
    told["sent"] = spread([1 - kept.coverage for kept in found], 1, shares=True)
    told["errors"] = spread([kept.error for kept in found], 2, shares=True)
    pattern = _(
        "At most {risk} of errors, with 95% confidence: send to a person the images whose confidence is under the "
        "threshold. On {part} these are {sent} of the images; of the others {errors} are misread."
    )
    if not any(threshold.value for threshold in promise.found):
        pattern = _(
            "At most {risk} of errors, with 95% confidence: no image need be sent to a person. On {part} {errors} are "
            "misread."
        )
    missing = len(promise.thresholds) - len(found)
    if missing:
        pattern += " " + ngettext(
            "With one seed of {k} there is no such threshold.",
            "With {missing} seeds of {k} there is no such threshold.",
            missing,
        )
    return pattern.format(**told, k=len(promise.thresholds), missing=missing)


def rate(risk: float) -> str:
    """A promised error rate, with the decimals that it has."""
    digits = next((d for d in range(6) if abs(round(100 * risk, d) - 100 * risk) < 1e-9), 6)
    return percent(risk, digits)
