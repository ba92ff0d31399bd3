"""Keras's losses, from the probabilities that it would see, are the oracle."""

import keras
import numpy as np
import pytest
import torch

from etalon.errors import RecipeError
from etalon.train.losses import NAMES, loss_function, probabilities

HEADS = {
    "categorical_crossentropy": "softmax",
    "sparse_categorical_crossentropy": "softmax",
    "kl_divergence": "softmax",
    "binary_crossentropy": "sigmoid",
    "mean_squared_error": "softmax",
    "mean_absolute_error": "sigmoid",
    "categorical_hinge": "linear",
}


SMOOTHED = [("categorical_crossentropy", 0.1), ("binary_crossentropy", 0.1)]


@pytest.mark.parametrize(("name", "smoothing"), [*((name, 0.0) for name in NAMES), *SMOOTHED])
def test_each_loss_is_that_of_keras(name: str, smoothing: float) -> None:
    rng = np.random.default_rng(0)
    logits = torch.tensor(rng.normal(size=(32, 5)).astype("float32"))
    y = rng.integers(0, 5, 32)
    ours = loss_function(name, HEADS[name], 5, smoothing)(logits, torch.tensor(y)).numpy()
    answer = probabilities(logits, HEADS[name]).numpy()
    target = y if name.startswith("sparse") else np.eye(5, dtype="float32")[y]
    options = {"label_smoothing": smoothing} if smoothing else {}
    theirs = keras.ops.convert_to_numpy(getattr(keras.losses, name)(target, answer, **options))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_unknown_loss_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"'poisson'.*Use one of"):
        loss_function("poisson", "softmax", 5)
