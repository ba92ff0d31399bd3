"""What a network does to the size of an image, on its way to the classes."""

from collections.abc import Callable, Sequence
from typing import Any

from etalon.analysis.findings import Finding
from etalon.errors import ModelError
from etalon.locales import _, number
from etalon.models.checks import guard
from etalon.models.weights import LayerWeights, WeightsTable, weights


def shapes(table: WeightsTable, image_shape: Sequence[int], variant: str = "") -> Finding:
    """From the image to the classes: the sizes of the maps, what a value of the last one sees, what is classified.

    Args:
        image_shape: (h, w, c).
    """
    maps = _maps(table)
    if not maps:
        text = _("{name}: no layer looks at the neighbours of a pixel; the image is read as a line of {n} values.")
        values = int(image_shape[0]) * int(image_shape[1]) * int(image_shape[2])
        return Finding("architecture", text.format(name=variant, n=number(values, 0)), {"values": values}, variant)
    last = maps[-1]
    assert last.output_shape
    assert last.receptive_field
    sizes = [tuple(image_shape[:2]), *(layer.output_shape[:2] for layer in maps if layer.output_shape)]
    steps = [size for k, size in enumerate(sizes) if k == 0 or size != sizes[k - 1]]
    values = 1
    for size in last.output_shape:
        values *= size or 0
    text = _(
        "{name}: convolutions and poolings take the image from {path}. A value of the last map depends on {field} "
        "pixels of {image}; there are {values} of them ({shape}), from which the dense layers tell the class."
    ).format(
        name=variant,
        path=_(" to ").join(map(_size, steps)),
        field=_size(last.receptive_field),
        image=_size(tuple(image_shape[:2])),
        values=number(values, 0),
        shape=_size(last.output_shape),
    )
    numbers = {"values": float(values), "field": float(last.receptive_field[0])}
    return Finding("architecture", text, numbers, variant)


def buildable(build: Callable[[], Any], image_shape: Sequence[int]) -> Finding:
    """Whether the network of `build` can be built for these images, or what stands in the way.

    Args:
        build: returns a Keras model.
        image_shape: (h, w, c).
    """
    try:
        table = weights(guard(build, image_shape), image_shape=image_shape)
    except ModelError as refusal:
        text = _("It cannot be built: {received}: {why}. {remedy}").format(
            received=refusal.received, why=refusal.why, remedy=refusal.remedy
        )
        return Finding("architecture", text, {"buildable": 0.0})
    last = next((layer for layer in reversed(_maps(table)) if layer.output_shape), None)
    text = _("It can be built: {total} weights, a last map of {size}.").format(
        total=number(table.total, 0), size=_size(last.output_shape) if last and last.output_shape else "—"
    )
    return Finding("architecture", text, {"buildable": 1.0, "weights": float(table.total)})


def _maps(table: WeightsTable) -> list[LayerWeights]:
    """The layers whose output is still a map."""
    return [layer for layer in table.layers if layer.receptive_field and layer.output_shape]


def _size(shape: Sequence[int | None]) -> str:
    return " × ".join("?" if size is None else str(size) for size in shape)
