"""Keras's losses, computed from logits.

Keras computes them from probabilities, clipped to [1e-7, 1 - 1e-7]; from logits they are exact, and the two agree to
float32 precision wherever the clipping does nothing.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from etalon.errors import RecipeError
from etalon.locales import _

Loss = Callable[[Tensor, Tensor], Tensor]


def loss_function(name: str, head: str, n_classes: int, label_smoothing: float = 0.0) -> Loss:
    """The loss of each image: (logits float32 (b, n_classes), labels int64 (b,)) -> float32 (b,).

    Args:
        name: Keras's name: categorical_crossentropy, sparse_categorical_crossentropy (the same thing here, where labels
            are always integers), binary_crossentropy, mean_squared_error, mean_absolute_error, categorical_hinge,
            kl_divergence.
        head: the network's final activation, kept apart from its logits: softmax, sigmoid or linear.
        label_smoothing: in [0, 1), as in Keras.

    Raises:
        RecipeError: another loss.
    """
    if name in ("categorical_crossentropy", "sparse_categorical_crossentropy", "kl_divergence"):
        if name == "kl_divergence" and label_smoothing:
            raise RecipeError(
                _("kl_divergence with label_smoothing"), _("Keras has no such thing"), _("Leave one of them out.")
            )
        from etalon.kernels.crossentropy import cross_entropy  # numba takes half a second

        return lambda logits, y: cross_entropy(logits, y, label_smoothing)
    if name not in LOSSES:
        raise RecipeError(
            _("loss {name!r}").format(name=name),
            _("it is not among those that Étalon trains with"),
            _("Use one of {names}.").format(names=", ".join(NAMES)),
        )
    formula, smoothed_classes = LOSSES[name], 2 if name == "binary_crossentropy" else n_classes

    def loss(logits: Tensor, y: Tensor) -> Tensor:
        target = (y.unsqueeze(1) == torch.arange(n_classes, device=y.device)).to(logits.dtype)  # (b, n_classes)
        target = target * (1 - label_smoothing) + label_smoothing / smoothed_classes
        return formula(logits, target, head)

    return loss


def probabilities(logits: Tensor, head: str) -> Tensor:
    """What the user's own model would answer: its final activation applied to the logits."""
    if head == "softmax":
        return torch.softmax(logits, dim=1)
    return torch.sigmoid(logits) if head == "sigmoid" else logits


def _binary_crossentropy(logits: Tensor, target: Tensor, head: str) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, target, reduction="none").mean(1)


def _mean_squared_error(logits: Tensor, target: Tensor, head: str) -> Tensor:
    return (probabilities(logits, head) - target).square().mean(1)


def _mean_absolute_error(logits: Tensor, target: Tensor, head: str) -> Tensor:
    return (probabilities(logits, head) - target).abs().mean(1)


def _categorical_hinge(logits: Tensor, target: Tensor, head: str) -> Tensor:
    answer = probabilities(logits, head)
    right, wrong = (target * answer).sum(1), ((1 - target) * answer).max(1).values
    return (wrong - right + 1).clamp(min=0)


LOSSES: dict[str, Callable[[Tensor, Tensor, str], Tensor]] = {
    "binary_crossentropy": _binary_crossentropy,
    "mean_squared_error": _mean_squared_error,
    "mean_absolute_error": _mean_absolute_error,
    "categorical_hinge": _categorical_hinge,
}
NAMES = ("categorical_crossentropy", "sparse_categorical_crossentropy", "kl_divergence", *LOSSES)
