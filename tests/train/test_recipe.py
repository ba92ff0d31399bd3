"""A recipe keeps what `compile` and `fit` were told, and refuses what has no meaning."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
import pytest
import torch
from keras import callbacks, losses, optimizers
from keras.optimizers import schedules

from etalon import EarlyStopping as Stopping
from etalon import Recipe, Rotation
from etalon.errors import RecipeError
from etalon.train.losses import NAMES
from etalon.train.optimizers import RULES
from etalon.train.recipe import describe_callback, keras_callbacks
from tests.conftest import stable_id


def model(**compiled: Any) -> keras.Model:
    made = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    if compiled:
        made.compile(**compiled)
    return made


def recipe(**settings: Any) -> Recipe:
    return Recipe.of(model(), settings)


class TestCompiled:
    """What the model itself says."""

    def test_defaults_are_those_of_keras(self) -> None:
        bare, compiled = recipe(), Recipe.of(model(loss="categorical_crossentropy"), {})
        assert (bare.optimizer.class_name, bare.learning_rate, bare.batch_size) == ("Adam", 0.001, 32)
        assert (compiled.optimizer.class_name, compiled.learning_rate) == ("RMSprop", 0.001)  # that of `compile()`
        assert (bare.loss, bare.from_logits, bare.scale) == ("categorical_crossentropy", False, 1 / 255)

    def test_a_torch_module_has_the_same_defaults_as_a_model_never_compiled(self) -> None:
        assert Recipe.of(torch.nn.Linear(4, 3), {}) == recipe()

    def test_settings_are_kept(self) -> None:
        optimizer = optimizers.SGD(0.05, momentum=0.9, nesterov=True, clipnorm=1.0)
        kept = Recipe.of(model(optimizer=optimizer, loss=losses.SparseCategoricalCrossentropy(from_logits=True)), {})
        assert (kept.optimizer.class_name, kept.learning_rate) == ("SGD", 0.05)
        assert {"momentum": 0.9, "nesterov": True, "clipnorm": 1.0}.items() <= kept.optimizer.config.items()
        assert not {"learning_rate", "name"} & kept.optimizer.config.keys()
        assert (kept.loss, kept.from_logits) == ("sparse_categorical_crossentropy", True)

    def test_settings_are_overridden(self) -> None:
        made = model(optimizer=optimizers.SGD(0.05, momentum=0.9), loss="categorical_crossentropy")
        slower = Recipe.of(made, {"learning_rate": 0.01})
        assert (slower.optimizer, slower.learning_rate) == (Recipe.of(made, {}).optimizer, 0.01)
        other = Recipe.of(made, {"optimizer": "rmsprop", "loss": "mean_squared_error", "epochs": 9})
        assert (other.optimizer.class_name, other.learning_rate, other.loss) == ("RMSprop", 0.001, "mean_squared_error")
        assert other.epochs == 9

    def test_the_rate_is_the_one_that_was_typed(self) -> None:
        for rate in (0.001, 3e-3, 1e-4, 0.1, 1, np.float32(0.02), np.float64(0.3)):
            assert recipe(learning_rate=rate).learning_rate == float(str(rate))
            assert recipe(optimizer=optimizers.Adam(float(rate))).learning_rate == float(str(rate))


class TestNamesAndObjects:
    """What Keras accepts is accepted."""

    @pytest.mark.parametrize("name", RULES)
    def test_optimizers(self, name: str) -> None:
        made = getattr(optimizers, name)(0.01)
        assert recipe(optimizer=name.lower(), learning_rate=0.01) == recipe(optimizer=made)
        assert recipe(optimizer=name).optimizer.class_name == name

    @pytest.mark.parametrize("name", NAMES)
    def test_losses(self, name: str) -> None:
        function = getattr(losses, name)
        kind = next(
            k for k in vars(losses).values() if isinstance(k, type) and getattr(_made(k), "fn", None) is function
        )
        for given in (name, function, kind(), kind(name="mine")):
            assert (recipe(loss=given).loss, recipe(loss=given).label_smoothing) == (name, 0)

    def test_options_of_losses(self) -> None:
        smoothed = recipe(loss=losses.CategoricalCrossentropy(label_smoothing=0.1))
        assert smoothed == recipe(loss="categorical_crossentropy", label_smoothing=0.1)
        assert recipe(loss=losses.CategoricalCrossentropy(label_smoothing=0.1), label_smoothing=0.2) == recipe(
            label_smoothing=0.2
        )

    def test_keras_schedules(self) -> None:
        made = schedules.ExponentialDecay(0.01, 100, 0.9)
        kept = recipe(learning_rate=made)
        assert kept == recipe(optimizer=optimizers.Adam(made)) == recipe(learning_rate=schedules.serialize(made))
        assert isinstance(kept.learning_rate, dict)
        assert "name" not in kept.learning_rate["config"]
        again = schedules.deserialize(kept.learning_rate)
        assert float(again(50)) == pytest.approx(0.01 * 0.9**0.5)

    def test_schedules_by_name(self) -> None:
        assert recipe(schedule="cosine").schedule == "cosine"
        assert recipe(schedule="linear", learning_rate=0.1).learning_rate == 0.1

    def test_augmentation(self) -> None:
        assert recipe(augmentation=[Rotation(degrees=5)]) == recipe(augmentation=[{"kind": "rotation", "degrees": 5}])


def _made(kind: type) -> Any:
    try:
        return kind()
    except Exception:
        return None


class TestEarlyStopping:
    """A number, an object of ours, or Keras's callback."""

    def test_a_number_is_the_patience(self) -> None:
        assert recipe(early_stopping=3) == recipe(early_stopping=Stopping(patience=3))
        assert recipe(early_stopping=3) == recipe(early_stopping={"patience": 3})
        assert recipe().early_stopping is None

    def test_the_callback_of_keras(self) -> None:
        given = callbacks.EarlyStopping(
            monitor="val_accuracy", patience=4, min_delta=0.01, baseline=0.5, start_from_epoch=2, mode="max"
        )
        assert recipe(callbacks=[given]).early_stopping == Stopping(
            monitor="val_accuracy",
            patience=4,
            min_delta=0.01,
            baseline=0.5,
            start_from_epoch=2,
            restore_best_weights=False,
        )
        assert recipe(callbacks=[callbacks.EarlyStopping()]).early_stopping == Stopping(
            patience=0, restore_best_weights=False
        )

    def test_it_is_kept_apart_from_the_others(self) -> None:
        stopping, plateau = callbacks.EarlyStopping(patience=1), callbacks.ReduceLROnPlateau()
        given = {"callbacks": [stopping, plateau]}
        assert keras_callbacks(given) == (plateau,)
        assert [c["class_name"] for c in Recipe.of(model(), given).callbacks] == ["ReduceLROnPlateau"]
        assert keras_callbacks({}) == keras_callbacks({"callbacks": None}) == ()

    def test_what_is_said_in_the_settings_goes_first(self) -> None:
        assert recipe(early_stopping=7, callbacks=[callbacks.EarlyStopping(patience=1)]).early_stopping == Stopping(
            patience=7
        )


class TestRefusals:
    """Each says what was received, why it is refused, and what to do."""

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            (
                {"epoch": 3},
                r"setting epoch: a recipe has no such setting\. Use augmentation, batch_size, callbacks",
            ),
            ({"from_logits": True}, r"setting from_logits: a recipe has no such setting"),
            ({"epochs": 0}, r"epochs=0: at least 1 is needed\. help\(etalon\.Recipe\) says"),
            ({"epochs": 2.5}, r"epochs=2\.5: a whole number is expected"),
            ({"batch_size": -1}, r"batch_size=-1: "),
            ({"label_smoothing": 1}, r"label_smoothing=1: less than 1 is taken"),
            ({"class_weight": "even"}, r"class_weight='even': 'balanced' is expected or a dictionary is expected"),
            ({"precision": "float16"}, r"precision='float16': one of 'auto', 'float32', 'bfloat16' is expected"),
            (
                {"early_stopping": -1},
                r"EarlyStopping\(patience=-1\): at least 0 is needed\. EarlyStopping takes patience, monitor",
            ),
            (
                {"early_stopping": {"monitor": "val_f1", "patience": 1}},
                r"EarlyStopping\(monitor='val_f1'\): one of 'val_loss', 'val_accuracy'",
            ),
            ({"augmentation": [{"kind": "twirl"}]}, r"augmentation=\[\{'kind': 'twirl'\}\]: this value is not taken"),
            ({"early_stopping": "yes"}, r"early_stopping='yes': a number of epochs or an etalon\.EarlyStopping is exp"),
            ({"augmentation": 3}, r"augmentation=3: a list is expected"),
            ({"callbacks": callbacks.TerminateOnNaN()}, r"callbacks come in a list\. Write callbacks=\[TerminateOnN"),
            ({"learning_rate": 0}, r"learning_rate=0\.0: a learning rate must be positive"),
            ({"learning_rate": -0.1}, r"learning_rate=-0\.1: a learning rate must be positive"),
            ({"learning_rate": float("nan")}, r"learning_rate=nan: a learning rate must be positive"),
            ({"learning_rate": "fast"}, r"learning_rate='fast': it is neither a number nor a schedule"),
            ({"schedule": "exponential"}, r"schedule='exponential': "),
            ({"optimizer": "sdg"}, r"optimizer 'sdg': Keras knows none of this name"),
            ({"optimizer": "adadelta"}, r"optimizer Adadelta: it is not among .* Use one of SGD, RMSprop"),
            ({"optimizer": optimizers.Adam(amsgrad=True)}, r"Adam\(amsgrad=True\): this option is not supported"),
            ({"optimizer": optimizers.SGD(use_ema=True)}, r"SGD\(use_ema=True\): .* Leave use_ema out"),
            ({"loss": "poisson"}, r"loss='poisson': not among the losses that Étalon trains with: categorical_cro"),
            ({"loss": "hing"}, r"loss 'hing': Keras knows none of this name"),
            ({"loss": lambda y, p: p}, r"loss='<lambda>': not among the losses"),
            (
                {"loss": losses.MeanSquaredError(reduction="sum")},
                r"MeanSquaredError\(reduction='sum', ignore_class",
            ),
            (
                {"loss": losses.SparseCategoricalCrossentropy(ignore_class=1)},
                r"ignore_class=1\): Étalon takes the",
            ),
            ({"callbacks": ["early"]}, r"callback 'early': it has no on_epoch_end"),
            ({"callbacks": [callbacks.EarlyStopping(), callbacks.EarlyStopping()]}, r"two EarlyStopping callbacks"),
            (
                {"callbacks": [callbacks.EarlyStopping(monitor="val_accuracy", mode="min")]},
                r"EarlyStopping\(monitor='val_accuracy', mode='min'\): it would stop when .* Say mode='max'",
            ),
            (
                {"schedule": "cosine", "learning_rate": schedules.CosineDecay(0.1, 10)},
                r"schedule='cosine': the learning rate is a schedule already: keep one of them",
            ),
        ],
        ids=stable_id,
    )
    def test_it(self, settings: dict[str, Any], message: str) -> None:
        with pytest.raises(RecipeError, match=message):
            recipe(**settings)


class TestJson:
    """A recipe as it enters a trial's key."""

    def test_it_is_plain_and_comes_back(self) -> None:
        made = recipe(
            optimizer=optimizers.SGD(schedules.CosineDecay(0.1, 10)),
            augmentation=[Rotation()],
            class_weight={0: 1.0, 2: 3.0},
            early_stopping=2,
            callbacks=[callbacks.ReduceLROnPlateau(patience=2)],
        )
        assert Recipe.model_validate(json.loads(json.dumps(made.to_json()))) == made

    def test_two_equal_recipes_have_the_same(self) -> None:
        assert (
            recipe(optimizer="adam").to_json() == recipe().to_json() == Recipe.of(model(optimizer="adam"), {}).to_json()
        )

    def test_it_is_frozen(self) -> None:
        with pytest.raises(ValueError, match="frozen"):
            recipe().epochs = 3


def decay(epoch: int, rate: float, factor: float = 0.5) -> float:
    """A schedule in a file."""
    return rate * factor


def closed(factor: float) -> Callable[[int, float], float]:
    return lambda epoch, rate: rate * factor


class Mine(callbacks.Callback):  # type: ignore[misc]
    """A user's own."""

    def __init__(self, strength: float = 1.0, thing: Any = None) -> None:
        super().__init__()
        self.strength, self.thing = strength, thing


class Twice:
    def __call__(self, epoch: int, rate: float) -> float:
        return rate * 2


def scheduled(function: Any) -> dict[str, Any]:
    return describe_callback(callbacks.LearningRateScheduler(function))


class TestCallbacks:
    """A callback is described by what it is and holds: two that act differently never share a key."""

    def test_parameters(self) -> None:
        described = describe_callback(callbacks.ReduceLROnPlateau(monitor="loss", factor=0.2))
        assert {"class_name": "ReduceLROnPlateau", "monitor": "loss", "factor": 0.2}.items() <= described.items()
        assert not {"model", "params", "_model"} & described.keys()

    @pytest.mark.parametrize(
        "make",
        [
            lambda: callbacks.ModelCheckpoint("best.keras", save_best_only=True),
            lambda: callbacks.LearningRateScheduler(decay),
            lambda: callbacks.LearningRateScheduler(partial(decay, factor=0.1)),
            lambda: callbacks.LearningRateScheduler(closed(0.1)),
            lambda: callbacks.LearningRateScheduler(Twice()),
            lambda: Mine(thing=object()),
            lambda: Mine(thing=[closed(1.0), {"a": 2}]),
        ],
    )
    def test_two_alike_are_described_alike(self, make: Callable[[], Any]) -> None:
        assert describe_callback(make()) == describe_callback(make())
        assert " at 0x" not in json.dumps(describe_callback(make()))

    def test_functions_that_differ_are_told_apart(self) -> None:
        functions = [decay, closed(0.1), closed(0.2), partial(decay, factor=0.1), partial(decay, factor=0.2), Twice()]
        functions += [lambda epoch, rate, k=k: rate * k for k in (1, 2)]
        assert len({json.dumps(scheduled(function)) for function in functions}) == len(functions)

    def test_so_are_those_typed_in_a_console(self) -> None:
        typed = [eval(f"lambda epoch: {value}") for value in ("0.1", "0.2", "abs(0.1)")]
        assert len({json.dumps(scheduled(function)) for function in typed}) == 3
        assert scheduled(typed[0]) == scheduled(eval("lambda epoch: 0.1"))

    def test_a_class_of_ones_own_is_described_by_its_source(self) -> None:
        assert describe_callback(Mine(2.0)).keys() == {"class_name", "strength", "source"}
        assert describe_callback(Mine(2.0)) != describe_callback(Mine(3.0))

        class Mine_(callbacks.Callback):  # type: ignore[misc]  # noqa: N801
            """Another one."""

        Mine_.__name__ = "Mine"
        assert describe_callback(Mine_())["source"] != describe_callback(Mine())["source"]
