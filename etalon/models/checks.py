"""Mistakes in a model that can be known before training, each with its own message."""

import copy
import math
import re
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from etalon.errors import ModelError
from etalon.locales import _, ngettext
from etalon.models.describe import describe, is_keras
from etalon.models.shrunk import SHRUNK, refuse_empty_maps, shrunk
from etalon.models.steps import activation_of

SHAPE_HABIT = "Do not pass an `input_shape`/`input_dim` argument to a layer"
COUNTERS = "object_name_uids"  # where Keras keeps the numbers of its layers
TAKEN = re.compile("should have unique names|names should be unique")
PASSES = ("Flatten", "Reshape", "Dropout")  # what may follow the last activation without changing its meaning


def guard(build: Callable[[], Any], image_shape: Sequence[int]) -> Any:
    """What `build()` returns; a Keras model without an input shape is given that of the images.

    Keras's advice against `input_shape=` in a layer is not shown: models are commonly written so. Layers without a name
    are numbered from the start ("conv2d", "conv2d_1"), whatever was built before in this process.

    Args:
        build: the user's function; its own exceptions are left as they are.
        image_shape: (h, w, c).

    Raises:
        ModelError: a feature map shrinks to nothing; the message names the layer and the sizes.
    """
    with warnings.catch_warnings(), _full_tracebacks():
        warnings.filterwarnings("ignore", message=re.escape(SHAPE_HABIT), category=UserWarning)
        try:
            model = _numbered_apart(build)
            model = built(model, image_shape) if is_keras(model) else model
        except ValueError as error:
            if not SHRUNK.search(str(error)):
                raise
            raise shrunk(error) from error
    if is_keras(model):
        refuse_empty_maps(model)
    return model


def built(model: Any, image_shape: Sequence[int] | None) -> Any:
    """The model itself, once built for images of that shape if it was given none.

    Raises:
        ModelError: not a model, or no shape to build it for.
    """
    _refuse_non_models(model)
    if not is_keras(model) or model.built:
        return model
    if image_shape is None:
        raise ModelError(
            _("model {name}").format(name=model.name),
            _("it was given no input shape, so that its layers have no weights yet"),
            _("Begin it with keras.Input((28, 28, 1)), or pass image_shape=(28, 28, 1)."),
        )
    model.build((None, *image_shape))
    return model


def check(model: Any, image_shape: Sequence[int], n_classes: int, loss: str, from_logits: bool) -> None:
    """Refuse a model that cannot learn these classes from these images with this loss.

    Args:
        model: keras.Model or torch nn.Module; a module is tried on one black image, float32 (1, c, h, w).
        image_shape: (h, w, c).
        n_classes: number of classes.
        loss: Keras's name, "categorical_crossentropy" or "CategoricalCrossentropy".
        from_logits: whether the loss takes the output for logits; only Keras models are looked at for it.

    Raises:
        ModelError: with a message for each mistake.
    """
    model = built(model, image_shape)
    if is_keras(model):
        _check_input(model, image_shape)
        _check_output([tuple(tensor.shape[1:]) for tensor in model.outputs], n_classes)
        _check_weights(sum(math.prod(weight.shape) for weight in model.trainable_weights))
        _check_activation(last_activation(model), _snake(loss), from_logits)
        return
    _refuse_lazy(model)
    _check_weights(sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad))
    _check_output([tuple(_answer(model, image_shape).shape[1:])], n_classes)


def _refuse_non_models(model: Any) -> None:
    if model is None:
        raise ModelError(
            _("None instead of a model"),
            _("the function that makes the model returned nothing"),
            _("Did you forget `return model` on its last line?"),
        )
    if not is_keras(model) and not isinstance(model, nn.Module):
        raise ModelError(
            _("a {kind} instead of a model").format(kind=type(model).__name__),
            _("a variant must return a Keras model or a torch module"),
            _("Return a keras.Sequential, a functional keras.Model or a torch.nn.Module."),
        )
    if is_keras(model) and not (hasattr(model, "add") or hasattr(model, "inputs")):  # a Sequential has both
        raise ModelError(
            _("a model of class {kind}, a subclass of keras.Model").format(kind=type(model).__name__),
            _("its layers and the way they are joined cannot be read from it"),
            _("Return a keras.Sequential, a functional keras.Model or a torch.nn.Module."),
        )


def _refuse_lazy(model: nn.Module) -> None:
    lazy = [name for name, parameter in model.named_parameters() if is_lazy(parameter)]
    if lazy:
        raise ModelError(
            _("{kind}, whose {name} has no size yet").format(kind=type(model).__name__, name=lazy[0]),
            _("its initial weights would not be drawn with the others, from the seed"),
            _("Write Linear and Conv2d with their input sizes instead of their lazy forms."),
        )


def _check_input(model: Any, image_shape: Sequence[int]) -> None:
    if len(model.inputs) != 1:
        raise ModelError(
            _("a model with {n} inputs").format(n=len(model.inputs)),
            _("an image classifier reads one image"),
            _("Keep one keras.Input."),
        )
    shape = tuple(model.inputs[0].shape[1:])
    free = len(shape) == len(image_shape) and all(a in (None, b) for a, b in zip(shape, image_shape, strict=True))
    flat = None not in shape and len(shape) < 3 and math.prod(shape) == math.prod(image_shape)
    if free or flat:
        return
    raise ModelError(
        _("a model whose input has shape {shape}").format(shape=shape),
        _("the images have shape {shape}, {n} values").format(shape=tuple(image_shape), n=math.prod(image_shape)),
        _("Begin it with keras.Input({shape}).").format(shape=tuple(image_shape)),
    )


def _check_output(shapes: Sequence[tuple[int | None, ...]], n_classes: int) -> None:
    if len(shapes) != 1:
        raise ModelError(
            _("a model with {n} outputs").format(n=len(shapes)),
            _("an image classifier gives one answer, a score for each class"),
            _("Keep the output of the classifier only."),
        )
    shape = shapes[0]
    if len(shape) != 1:
        raise ModelError(
            _("a model whose output has shape {shape} for one image").format(shape=shape),
            _("one score for each class is expected, shape ({n},)").format(n=n_classes),
            _("Put a Flatten() or GlobalAveragePooling2D() ahead of the first Dense."),
        )
    if shape[0] != n_classes:
        raise ModelError(
            ngettext(
                "a model with one output for one image", "a model with {n} outputs for one image", shape[0] or 0
            ).format(n=shape[0]),
            _("the data have {n} classes, and each needs its own").format(n=n_classes),
            _("End the model with Dense({n}, activation='softmax').").format(n=n_classes),
        )


def _check_weights(trainable: int) -> None:
    if trainable == 0:
        raise ModelError(
            _("a model without a weight to train"),
            _("training could not change it"),
            _("Add a layer with weights (Dense, Conv2D), or leave `trainable` true on one."),
        )


def _check_activation(last: str, loss: str, from_logits: bool) -> None:
    """Refuse a last activation that contradicts the loss."""
    if "crossentropy" not in loss:
        return
    received = _("a last activation {activation} with loss {loss}").format(activation=last, loss=loss)
    if from_logits:
        received = _("a last activation {activation} with loss {loss} and from_logits=True").format(
            activation=last, loss=loss
        )
    good = "sigmoid" if loss.startswith("binary") else "softmax"
    other = "softmax" if good == "sigmoid" else "sigmoid"
    logits = _("End the model with Dense(…) without activation, or set from_logits=False.")
    proper = _("End the model with activation='{good}'.").format(good=good)
    if last == other and good == "softmax":
        why = _("sigmoid scores each class alone, while this loss wants probabilities that add up to 1")
        raise ModelError(received, why, proper)
    if last == other:
        why = _("softmax makes the classes share 1, while this loss judges each class alone")
        remedy = _("Use categorical_crossentropy, or end the model with activation='sigmoid'.")
        raise ModelError(received, why, remedy)
    if last == good and from_logits:
        why = _("the loss would apply {good} a second time, to probabilities").format(good=good)
        raise ModelError(received, why, logits)
    if last == "linear" and not from_logits:
        why = _("the loss takes logits for probabilities: they are neither positive nor do they add up to 1")
        remedy = _("End the model with activation='{good}', or use a loss with from_logits=True.")
        raise ModelError(received, why, remedy.format(good=good))
    if last not in (good, "linear"):
        why = _("{activation} gives neither probabilities nor free scores").format(activation=last)
        raise ModelError(received, why, logits if from_logits else proper)


def last_activation(model: Any) -> str:
    """The activation that the model ends with: a Keras name, "linear" where there is none."""
    layers = (description := describe(model)).layers
    place = description.outputs[0]
    while layers[place].kind in PASSES and len(layers[place].inputs) == 1 and layers[place].inputs[0] >= 0:
        place = layers[place].inputs[0]
    activation = activation_of(layers[place])
    return str(activation["function"]) if activation else "linear"


def _answer(model: nn.Module, image_shape: Sequence[int]) -> torch.Tensor:
    """What a torch module answers to one black image; the module itself is left as it is."""
    h, w, c = image_shape
    trial = copy.deepcopy(model).eval()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            answer = trial(torch.zeros(1, c, h, w))
    except Exception as error:
        if SHRUNK.search(str(error)):
            raise shrunk(error) from error
        raise ModelError(
            _("{kind} on one image, float32 (1, {c}, {h}, {w})").format(kind=type(model).__name__, c=c, h=h, w=w),
            _("it fails: {error}").format(error=error),
            _("Make its forward accept batches of images with the channels first."),
        ) from error
    if not isinstance(answer, torch.Tensor):
        raise ModelError(
            _("{kind}, whose forward returns a {answer}").format(
                kind=type(model).__name__, answer=type(answer).__name__
            ),
            _("an image classifier gives one tensor of logits"),
            _("Return logits of shape (batch, classes)."),
        )
    return answer


def _numbered_apart(build: Callable[[], Any]) -> Any:
    """What `build()` returns, its layers numbered from the start.

    Keras counts layers through the whole process, and has no public way to do otherwise.
    """
    from keras.src.backend.common import global_state

    counted = global_state.get_global_attribute(COUNTERS)
    global_state.set_global_attribute(COUNTERS, defaultdict(int))
    try:
        return build()
    except ValueError as error:
        if not TAKEN.search(str(error)):
            raise
    finally:
        global_state.set_global_attribute(COUNTERS, counted)
    return build()  # it uses a layer made outside of it, which has one of these names


@contextmanager
def _full_tracebacks() -> Iterator[None]:
    """Let Keras's exceptions keep the frames in which the failing layer is found."""
    import keras

    filtered = keras.config.is_traceback_filtering_enabled()
    keras.config.disable_traceback_filtering()
    try:
        yield
    finally:
        if filtered:
            keras.config.enable_traceback_filtering()


def _snake(loss: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", loss).lower()
