"""The finished, frozen record of a trial."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

ARRAYS = ("validation_index", "validation_logits", "test_logits", "test_curves")


@dataclass(frozen=True, eq=False)
class Run:
    """One variant trained with one seed.

    history: per epoch: loss, accuracy, val_loss, val_accuracy, learning_rate, seconds, and gradient_norm/<layer> where
        asked for. `loss` and `accuracy` are Keras's running means over the epoch.
    best_epoch: from 1, the epoch whose weights were kept.
    fit_time: seconds of training and validation.
    train_accuracy, train_loss: of the kept weights, in inference mode, on as many training images as there are
        validation images, so that the gap to validation compares like with like.
    validation_index: int64 (m,), which images of the train part validated; validation_logits float32 (m, n_classes).
    test_logits: float32 (n, n_classes), sealed until the choice is made.
    test_curves: float64 (epochs, 2), loss and accuracy of the test part after each epoch, sealed likewise; None where
        nobody asked for them.
    recipe: how it was trained, as `Recipe.to_json` has it; split: the kind and the fields of the split that chose the
        validation images; weights: of the model, how many. None in runs that older versions wrote.
    """

    key: str
    study: str
    variant: str
    seed: int
    history: Mapping[str, tuple[float, ...]]
    best_epoch: int
    fit_time: float
    head: str
    train_accuracy: float
    train_loss: float
    validation_accuracy: float
    validation_loss: float
    validation_index: np.ndarray
    validation_logits: np.ndarray
    test_logits: np.ndarray
    environment: Mapping[str, str]
    test_curves: np.ndarray | None = None
    recipe: Mapping[str, Any] | None = None
    split: Mapping[str, Any] | None = None
    weights: int | None = None

    def __repr__(self) -> str:
        return f"Run({self.variant!r}, seed={self.seed}, val_accuracy={self.validation_accuracy:.4f})"

    def __str__(self) -> str:
        """The figures of every epoch, under the trial's name."""
        shown = ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
        lines = [f"{self.study} · {self.variant} · {self.seed}", self.key, "".join(f"{name:>15}" for name in shown)]
        for epoch in range(len(self.history["loss"])):
            kept = "  *" if epoch + 1 == self.best_epoch else ""
            lines.append("".join(f"{self.history[name][epoch]:15.5g}" for name in shown) + kept)
        return "\n".join(lines)

    def sealed(self) -> "Run":
        """The same without what was measured on test: no logits, no curves."""
        return replace(self, test_logits=np.empty((0, *self.test_logits.shape[1:]), np.float32), test_curves=None)

    def scalars(self) -> dict[str, Any]:
        """All but the arrays, as plain JSON."""
        return {k: v for k, v in asdict(self).items() if k not in ARRAYS}

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays that there are, by name."""
        return {name: array for name in ARRAYS if (array := getattr(self, name)) is not None}

    @classmethod
    def of(cls, scalars: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> "Run":
        """The reverse of `scalars` and `arrays`."""
        history = {k: tuple(v) for k, v in scalars["history"].items()}
        fields: dict[str, Any] = {**scalars, "history": history, **arrays}
        return cls(**fields)
