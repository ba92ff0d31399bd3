"""How to train: everything that `compile` and `fit` would have been told, as one frozen, serialisable record."""

import hashlib
import inspect
import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal, Self, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from etalon.data.augmentation import Augmentation
from etalon.data.settings import Setting, refused
from etalon.errors import RecipeError
from etalon.locales import _
from etalon.train.losses import NAMES
from etalon.train.optimizers import check_supported
from etalon.train.precision import Asked

DERIVED = {"callbacks", "from_logits"}  # fields that are read off Keras objects, never typed


class EarlyStopping(Setting):
    """Keras's EarlyStopping; by default the weights of the best epoch are restored, which Keras leaves off."""

    patience: int = Field(ge=0)
    monitor: Literal["val_loss", "val_accuracy", "loss", "accuracy"] = "val_loss"
    min_delta: float = Field(default=0.0, ge=0)
    baseline: float | None = None
    start_from_epoch: int = Field(default=0, ge=0)
    restore_best_weights: bool = True


class OptimizerSpec(BaseModel):
    """A Keras optimizer: its class and its `get_config()` without the learning rate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    class_name: str
    config: dict[str, Any]


class Recipe(BaseModel):
    """How a variant is trained. Defaults are those of Keras's `compile` and `fit`, but for `epochs`.

    These settings are given to `etalon.Study(...)`, for all variants, or to `@study.variant(...)`, for one.

    Attributes:
        optimizer: a Keras optimizer, or its name: "adam", "sgd"...
        learning_rate: a number, or a Keras schedule; by default the optimizer's.
        schedule: "cosine" or "linear" takes the learning rate down to 0 over the whole training.
        loss: a Keras loss, or its name.
        from_logits: read off the loss, never given.
        label_smoothing: from 0, as in Keras, to 1 excluded.
        epochs: 1 or more; 5 by default.
        batch_size: images in a batch, 1 or more; 32 by default.
        scale: multiplies the 0..255 pixels; None leaves them as they are; 1/255 by default.
        augmentation: a list such as [etalon.Rotation(degrees=10), etalon.Shift(amount=0.1)].
        class_weight: "balanced", or weights by class number, {0: 1.0, 1: 2.5}.
        resample: "balanced" draws each epoch's images with equal chances for every class.
        early_stopping: an `etalon.EarlyStopping(...)`, or its patience: 3 is short for `EarlyStopping(patience=3)`.
        callbacks: a list of Keras callbacks.
        precision: "float32", "bfloat16", or "auto", which takes the faster one that the processor has.
        gradient_norms: record the norm of each layer's gradient at each epoch.
        test_curves: measure the test part after each epoch too, which changes nothing in the training and stays sealed
            until the choice is made.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    optimizer: OptimizerSpec
    learning_rate: float | dict[str, Any]
    schedule: Literal["cosine", "linear"] | None = None
    loss: str
    from_logits: bool = False
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    epochs: int = Field(default=5, ge=1)
    batch_size: int = Field(default=32, ge=1)
    scale: float | None = 1 / 255
    augmentation: tuple[Augmentation, ...] = ()
    class_weight: Literal["balanced"] | dict[int, float] | None = None
    resample: Literal["balanced"] | None = None
    early_stopping: EarlyStopping | None = None
    callbacks: tuple[dict[str, Any], ...] = ()
    precision: Asked = "auto"
    gradient_norms: bool = False
    test_curves: bool = False

    @field_validator("loss")
    @classmethod
    def _known_loss(cls, loss: str) -> str:
        if loss not in NAMES:
            raise ValueError(_("not among the losses that Étalon trains with: {names}").format(names=", ".join(NAMES)))
        return loss

    @field_validator("learning_rate")
    @classmethod
    def _positive(cls, rate: float | dict[str, Any]) -> float | dict[str, Any]:
        if isinstance(rate, float) and not rate > 0:
            raise ValueError(_("a learning rate must be positive"))
        return rate

    @field_validator("schedule")
    @classmethod
    def _one_schedule(cls, schedule: str | None, known: ValidationInfo) -> str | None:
        if schedule and isinstance(known.data.get("learning_rate"), dict):
            raise ValueError(_("the learning rate is a schedule already: keep one of them"))
        return schedule

    @field_validator("early_stopping", mode="before")
    @classmethod
    def _patience(cls, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            return {"patience": value}
        if not isinstance(value, EarlyStopping | Mapping | None):
            raise ValueError(_("a number of epochs or an etalon.EarlyStopping is expected"))
        return value

    @classmethod
    def of(cls, model: Any, settings: Mapping[str, Any]) -> Self:
        """The recipe of `model`: its own compile settings, overridden by `settings`.

        Args:
            model: a Keras model, compiled or not, or anything else (then Adam and crossentropy are the defaults).
            settings: names of the fields, with what Keras accepts for them: an optimizer's name or object, a loss's
                name or object, a schedule object, callback objects.

        Raises:
            RecipeError: a setting that is unknown, has no meaning, or is not supported.
        """
        unknown = set(settings) - set(cls.model_fields) | set(settings) & (DERIVED - {"callbacks"})
        if unknown:
            known = sorted(set(cls.model_fields) - DERIVED | {"callbacks"})
            raise RecipeError(
                _("setting {names}").format(names=", ".join(sorted(unknown))),
                _("a recipe has no such setting"),
                _("Use {names}.").format(names=", ".join(known)),
            )
        compiled = bool(getattr(model, "compiled", False))
        given = dict(settings)
        optimizer = given.pop("optimizer", None) or (model.optimizer if compiled else "adam")
        spec, rate = _optimizer(optimizer)
        rate = _rate(given.pop("learning_rate")) if given.get("learning_rate") is not None else rate
        loss = given.pop("loss", None) or (model.loss if compiled else None) or "categorical_crossentropy"
        stopping, others = _split_callbacks(given.pop("callbacks", None))
        if stopping is not None:
            given.setdefault("early_stopping", stopping)
        fields = {**_loss(loss), **{k: v for k, v in given.items() if k != "learning_rate"}}
        try:
            return cls(
                optimizer=spec,
                learning_rate=rate,
                callbacks=tuple(describe_callback(c) for c in others),
                **fields,
            )
        except ValidationError as error:
            received, why = refused(error, {**fields, "learning_rate": rate})
            raise RecipeError(received, why, _("help(etalon.Recipe) says what each setting means.")) from error

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, the same for two equal recipes: it is part of a trial's key.

        `test_curves` is named only where it is asked for: a training without them has the key that it always had.
        """
        return self.model_dump(mode="json", exclude=None if self.test_curves else {"test_curves"})


def keras_callbacks(settings: Mapping[str, Any]) -> tuple[Any, ...]:
    """The callback objects among `settings` that training must call (EarlyStopping is part of the recipe)."""
    return _split_callbacks(settings.get("callbacks"))[1]


def describe_callback(callback: Any) -> dict[str, Any]:
    """A callback's class and parameters; functions, and a class that is not Keras's, by a digest of their source."""
    kind = type(callback)
    parameters = {
        name: value
        for name, value in vars(callback).items()
        if not name.startswith("_") and name not in ("params", "model") and value is not None
    }
    if not kind.__module__.startswith("keras."):
        parameters["source"] = _source_digest(kind)
    described: dict[str, Any] = json.loads(json.dumps({"class_name": kind.__name__, **parameters}, default=_described))
    return described


def _described(value: Any) -> str:
    """What JSON cannot hold, as a text that is the same in every process."""
    if callable(value):
        return _source_digest(value)
    text = repr(value)
    return type(value).__qualname__ if text == object.__repr__(value) else text  # which holds an address


def _source_digest(item: Any) -> str:
    """Of the text of a function or class, and of the plain values that it holds; of its bytecode if it has no text."""
    inner = item.func if isinstance(item, partial) else item
    try:
        source = inspect.getsource(inner)
    except (OSError, TypeError):
        code = getattr(inner, "__code__", None)
        plain = [value for value in code.co_consts if _is_plain(value)] if code else []
        source = repr((code.co_code, code.co_names, plain)) if code else _name(inner)
    held = [value for value in _held(item) if _is_plain(value)]
    return hashlib.sha256(f"{source}{held or ''}".encode()).hexdigest()[:16]


def _held(item: Any) -> list[Any]:
    """What a function closes over, its defaults, the arguments of a partial: they decide what it returns."""
    if isinstance(item, partial):
        return [*item.args, *item.keywords.items(), *_held(item.func)]
    cells = [cell.cell_contents for cell in getattr(item, "__closure__", None) or ()]
    return [*cells, *(getattr(item, "__defaults__", None) or ())]


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def _name(item: Any) -> str:
    named = item if hasattr(item, "__qualname__") else type(item)
    return f"{named.__module__}.{named.__qualname__}"


def _split_callbacks(callbacks: Sequence[Any] | None) -> tuple[EarlyStopping | None, tuple[Any, ...]]:
    """Keras's EarlyStopping becomes ours, so that a resumed training knows its state; the others stay as they are."""
    if not isinstance(callbacks, list | tuple | None):
        name = f"{type(callbacks).__name__}(...)"
        raise RecipeError(
            f"callbacks={name}", _("callbacks come in a list"), _("Write callbacks=[{name}].").format(name=name)
        )
    stopping, others = None, []
    for callback in callbacks or ():
        if type(callback).__name__ == "EarlyStopping":
            _check_stopping(callback, stopping)
            stopping = EarlyStopping(
                patience=callback.patience,
                monitor=callback.monitor,
                min_delta=abs(callback.min_delta),
                baseline=callback.baseline,
                start_from_epoch=callback.start_from_epoch,
                restore_best_weights=callback.restore_best_weights,
            )
        elif not hasattr(callback, "on_epoch_end"):
            raise RecipeError(
                _("callback {callback!r}").format(callback=callback),
                _("it has no on_epoch_end"),
                _("Give objects of keras.callbacks, or a subclass."),
            )
        else:
            others.append(callback)
    return stopping, tuple(others)


def _check_stopping(callback: Any, other: EarlyStopping | None) -> None:
    if other is not None:
        raise RecipeError(_("two EarlyStopping callbacks"), _("one of them would never be heard"), _("Keep one."))
    figures = get_args(EarlyStopping.model_fields["monitor"].annotation)
    if callback.monitor not in figures:
        raise RecipeError(
            f"EarlyStopping(monitor={callback.monitor!r})",
            _("the training knows no such figure"),
            _("Use one of {names}.").format(names=", ".join(figures)),
        )
    natural = {"accuracy": "max", "loss": "min"}.get(callback.monitor.removeprefix("val_"), callback.mode)
    if callback.mode not in ("auto", natural):
        raise RecipeError(
            f"EarlyStopping(monitor={callback.monitor!r}, mode={callback.mode!r})",
            _("it would stop when the training goes well"),
            _("Say mode={natural!r}, or leave it out.").format(natural=natural),
        )


def _optimizer(given: Any) -> tuple[OptimizerSpec, float | dict[str, Any]]:
    import keras

    try:
        optimizer = keras.optimizers.get(given)
    except (ValueError, TypeError) as error:
        raise RecipeError(
            _("optimizer {given!r}").format(given=given),
            _("Keras knows none of this name"),
            _("Give a name such as 'adam' or an object."),
        ) from error
    config = optimizer.get_config()
    rate = config.pop("learning_rate")
    config.pop("name", None)
    check_supported(type(optimizer).__name__, config)
    return OptimizerSpec(class_name=type(optimizer).__name__, config=config), _rate(rate)


def _rate(given: Any) -> float | dict[str, Any]:
    import keras

    if isinstance(given, keras.optimizers.schedules.LearningRateSchedule):
        given = keras.optimizers.schedules.serialize(given)
    if isinstance(given, Mapping):
        config = {k: v for k, v in given["config"].items() if k != "name"}
        return {"class_name": given["class_name"], "config": config}
    try:
        return float(str(np.float32(given)))  # Keras holds 0.001 as 0.0010000000475: give back what was typed
    except (TypeError, ValueError) as error:
        raise RecipeError(
            f"learning_rate={given!r}",
            _("it is neither a number nor a schedule"),
            _("Give a number, or a Keras schedule."),
        ) from error


def _loss(given: Any) -> dict[str, Any]:
    """A loss by name, function or object -> the recipe's fields."""
    import keras

    try:
        loss = keras.losses.get(given)
    except (ValueError, TypeError) as error:
        raise RecipeError(
            _("loss {given!r}").format(given=given),
            _("Keras knows none of this name"),
            _("Use one of {names}.").format(names=", ".join(NAMES)),
        ) from error
    if not isinstance(loss, keras.losses.Loss):
        return {"loss": str(loss.__name__)}
    config = loss.get_config()
    reduction, ignored = config.get("reduction"), config.get("ignore_class")
    if reduction not in ("sum_over_batch_size", "mean") or ignored is not None:
        raise RecipeError(
            f"{type(loss).__name__}(reduction={reduction!r}, ignore_class={ignored!r})",
            _("Étalon takes the mean over all the images of a batch"),
            _("Leave these options out."),
        )
    function = getattr(loss, "fn", None)
    fields = {
        "loss": getattr(function, "__name__", config["name"]),
        "from_logits": bool(config.get("from_logits", False)),
    }
    return fields | ({"label_smoothing": config["label_smoothing"]} if config.get("label_smoothing") else {})
