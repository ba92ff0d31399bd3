"""Whether the model hesitated where it took one class for another, or was sure and wrong."""

from collections.abc import Sequence

import numpy as np

from etalon.analysis.crossed import Interval, mean_accuracy
from etalon.analysis.findings import Finding, some_images
from etalon.analysis.mistakes import class_number
from etalon.analysis.predictions import Predictions
from etalon.locales import _, percent

NEAR = 0.5  # the right class has at least this share of the probability of the wrong one: a near tie
SURE = 0.9  # probability of an answer that is not doubted


def hesitation(predictions: Predictions, names: Sequence[str], true: int | str, predicted: int | str) -> Finding:
    """How sure the model was of the images of `true` that it took for `predicted`.

    Args:
        names: of the classes.
        true, predicted: numbers or names of classes.

    Raises:
        StudyError: an unknown class.
    """
    right, wrong = class_number(true, names), class_number(predicted, names)
    near = np.full((len(predictions.seeds), predictions.pool), np.nan)
    sure, second = near.copy(), near.copy()
    for s, y in enumerate(predictions.labels):
        rows = (y == right) & (predictions.predicted(s) == wrong)
        index, p = predictions.index[s][rows], predictions.probabilities[s][rows]
        near[s, index] = p[:, right] >= NEAR * p[:, wrong]
        sure[s, index] = p[:, wrong] >= SURE
        second[s, index] = p.argsort(axis=1)[:, -2] == right
    each = np.isfinite(near).sum(axis=1)
    told = {"name": predictions.variant, "true": names[right], "predicted": names[wrong]}
    told["images"] = some_images(float(each.mean()), mean=True)
    told["limit"] = percent(SURE, 0)
    numbers = {"images": float(each.mean())}
    if not each.any():
        text = _("{name}: no image of {true} is taken for {predicted}.")
        return Finding("hesitation", text.format(**told), numbers, predictions.variant)
    opening = _("{name}: {true} taken for {predicted}, {images} on average over seeds.")
    if each.max() < 2:
        text = f"{opening} " + _("They are too few to tell whether the model hesitates.")
        return Finding("hesitation", text.format(**told), numbers, predictions.variant)
    shares = {name: _share(matrix) for name, matrix in (("near", near), ("sure", sure), ("second", second))}
    for name, share in shares.items():
        told |= {name: percent(share.value, 0), f"{name}_low": percent(share.low, 0)}
        told[f"{name}_high"] = percent(share.high, 0)
        numbers |= {name: share.value, f"{name}_low": share.low, f"{name}_high": share.high}
    measured = _(
        "In {near} of them (95% interval {near_low} to {near_high}) the model hesitates: it gives {true} at least half "
        "the probability of {predicted}. In {sure} ({sure_low} to {sure_high}) it is sure and wrong, at {limit} or "
        "more. The right class comes second in {second} ({second_low} to {second_high})."
    )
    text = " ".join([opening, measured, _concluded(shares["near"], shares["sure"])]).format(**told)
    return Finding("hesitation", text, numbers, predictions.variant)


def _share(matrix: np.ndarray) -> Interval:
    """Of the images, over the seeds that have two at least."""
    return mean_accuracy(matrix[np.isfinite(matrix).sum(axis=1) > 1])


def _concluded(near: Interval, sure: Interval) -> str:
    if near.low > 0.5:
        return _("Most of these errors are near ties between two classes that look alike.")
    if sure.low > 0.5:
        return _("Most of these errors are not hesitations: to the model, these images are of the other class.")
    return _("Neither near ties nor sure errors are shown to be the most of them.")
