"""Initial weights that two variants share, so that a seed is the same start for both.

Keras draws a layer's weights in the order in which layers are made: one Dropout more and all that follow begin
elsewhere. Here a weight's values depend on the seed, its shape, its initializer, and how many of the same came
before it in the model; so two models begin alike wherever they are alike.
"""

import hashlib
import json
from collections import Counter
from typing import Any

import numpy as np

APART = {"depthwise_kernel": "depthwise", "pointwise_kernel": "pointwise", "recurrent_kernel": "recurrent"}


def draw(model: Any, seed: int) -> list[np.ndarray]:
    """The initial values of a Keras model's weights for a seed, in the order and shapes of `model.weights`.

    Drawn again are the weights that still hold what their layer's random initializer gave them, where the user
    fixed no seed for it; they follow the same distribution. Others are returned as they are: zeros and ones,
    weights loaded from elsewhere, initializers with a seed.

    Args:
        model: a built Keras model; it is not changed.
        seed: any integer.
    """
    initializers = _initializers(model)
    seen: Counter[str] = Counter()
    values = []
    for variable in model.weights:
        value = _numpy(variable)
        initializer = initializers.get(id(variable))
        if initializer is not None and _is_free(initializer, value, variable.dtype):
            kind = json.dumps([value.shape, _name(initializer), initializer.get_config()], sort_keys=True, default=str)
            seen[kind] += 1
            value = _redraw(initializer, _derived(seed, kind, seen[kind]), value.shape, variable.dtype)
        values.append(value)
    return values


def kept(model: Any) -> str:
    """The sha256 (hex) of the weights that no seed changes: loaded ones, and those of a seeded initializer.

    Zeros and ones that constant initializers put are left out; a model without other weights than fresh ones
    has the digest of nothing, whenever it is built.
    """
    initializers = _initializers(model)
    content = hashlib.sha256()
    for place, variable in enumerate(model.weights):
        value = _numpy(variable)
        initializer = initializers.get(id(variable))
        if initializer is not None and _is_fresh(initializer, value, variable.dtype):
            continue
        content.update(f"{place} {value.shape} {value.dtype.str} ".encode())
        content.update(np.ascontiguousarray(value).tobytes())
    return content.hexdigest()


def _initializers(model: Any) -> dict[int, Any]:
    """The initializer of each variable (by id), found on its layer as `<variable>_initializer`."""
    found: dict[int, Any] = {}
    for layer in model._flatten_layers():  # the only way to the layers inside a wrapper or an RNN
        for variable in layer.weights:
            names = (variable.name, APART.get(variable.name, ""), "depthwise" if variable.name == "kernel" else "")
            given = (getattr(layer, f"{name}_initializer", None) for name in names if name)
            initializer = next((one for one in given if hasattr(one, "get_config")), None)
            if initializer is not None:
                found.setdefault(id(variable), initializer)
    return found


def _is_free(initializer: Any, value: np.ndarray, dtype: str) -> bool:
    """Whether the values are still those of a random initializer whose seed nobody fixed."""
    config = initializer.get_config()
    return "seed" in config and config["seed"] is None and _untouched(initializer, value, dtype)


def _is_fresh(initializer: Any, value: np.ndarray, dtype: str) -> bool:
    return initializer.get_config().get("seed") is None and _untouched(initializer, value, dtype)


def _untouched(initializer: Any, value: np.ndarray, dtype: str) -> bool:
    return np.array_equal(_numpy(initializer(value.shape, dtype=dtype)), value)


def _redraw(initializer: Any, seed: int, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    seeded = type(initializer).from_config({**initializer.get_config(), "seed": seed})
    return _numpy(seeded(shape, dtype=dtype))


def _derived(seed: int, kind: str, occurrence: int) -> int:
    """A seed of 31 bits for one weight."""
    text = f"{seed} {occurrence} {kind}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def _name(initializer: Any) -> str:
    return f"{type(initializer).__module__}.{type(initializer).__qualname__}"


def _numpy(tensor: Any) -> np.ndarray:
    """A copy of a Keras variable or of a tensor of any backend."""
    value = getattr(tensor, "value", tensor)
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    return np.asarray(value).copy()
