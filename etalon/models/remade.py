"""A Keras model from its description alone, without the function that built it.

Reading a Keras config runs what it names. Only the parts that Étalon carries over are let through: a description that
comes from elsewhere can build a network, and nothing more.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from etalon.errors import ModelError
from etalon.locales import _
from etalon.models.describe import is_keras
from etalon.models.lowering.graph import KerasModel, describe, revive
from etalon.models.lowering.layers import OPERATIONS, TABLE

KINDS = ("Sequential", "Model")
VALUES = ("__keras_tensor__", "__numpy__", "__tensor__")
PARTS = ("keras.constraints", "keras.initializers", "keras.regularizers")
OTHERS = {  # what else is built, by the module that Keras names
    "keras": {"DTypePolicy", "Functional", "Model", "Sequential"},
    "keras.layers": {"InputLayer", *TABLE},
    "keras.models": {"Model", "Sequential"},
    "keras.src.models.functional": {"Functional"},
    "keras.src.ops.numpy": set(OPERATIONS),
}


def described(model: Any) -> str | None:
    """The description of a built Keras model from which `remade` makes it again; None if that takes its code.

    It does for a torch module, and for layers or functions of the user's own.
    """
    if not is_keras(model):
        return None
    try:
        description = describe(model)
        _check(description)
    except (ModelError, NotImplementedError, TypeError, ValueError):
        return None
    return description


def remade(description: str) -> KerasModel:
    """The model that `described` described, built, with fresh weights; not compiled.

    Raises:
        ModelError: it is not such a description.
    """
    _check(description)
    return revive(description)


def _check(description: str) -> None:
    try:
        kind, config = json.loads(description)
        strange = [] if kind in KINDS else [str(kind)]
    except (TypeError, ValueError):
        strange, config = [description[:40]], None
    strange += [name for part in _parts(config) if (name := _strange(part))]
    if strange:
        raise ModelError(
            _("a model described with {name}").format(name=strange[0]),
            _("it is none of the parts of which Étalon makes a network without its code"),
            _("Build the model with the code that was trained."),
        )


def _parts(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every object that Keras would make of a config."""
    if isinstance(value, Mapping):
        if "class_name" in value:
            yield value
        for inner in value.values():
            yield from _parts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _parts(inner)


def _strange(part: Mapping[str, Any]) -> str:
    """The name of a part that may not be made; empty if it may."""
    module, name = part.get("module"), part["class_name"]
    if name in VALUES and module is None:
        return ""
    known = isinstance(name, str) and name[:1].isupper() and name.isidentifier()
    if known and (module in PARTS or name in OTHERS.get(str(module), ())):
        return ""
    return f"{module}.{name}"
