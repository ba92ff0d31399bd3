import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import torch
from pydantic import TypeAdapter
from torch import Tensor

from etalon.data import transforms as tr
from etalon.data.transforms import Augmentation, FillMode, Interpolation
from etalon.errors import RecipeError

SHAPES = [(3, 9, 12), (1, 8, 8)]  # (c, h, w)
FILLS: list[FillMode] = ["reflect", "constant", "nearest", "wrap"]


def batch(shape: tuple[int, int, int], n: int = 4, seed: int = 0) -> Tensor:
    return torch.rand((n, *shape), generator=torch.Generator().manual_seed(seed))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def keras_answer(layer: Any, x: Tensor) -> Tensor:
    """The layer's training output, channels first."""
    answer: Tensor = layer(x.permute(0, 2, 3, 1).contiguous(), training=True)
    return answer.permute(0, 3, 1, 2).cpu()


def full(value: float, n: int = 4) -> Tensor:
    return torch.full((n,), value)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fill_mode", FILLS)
@pytest.mark.parametrize("factor", [0.1, -0.37])
def test_rotation_is_keras(shape: tuple[int, int, int], fill_mode: FillMode, factor: float) -> None:
    from keras import layers

    x = batch(shape)
    layer = layers.RandomRotation((factor, factor), fill_mode=fill_mode, fill_value=0.3)
    ours = tr.rotate(x, full(2 * math.pi * factor), fill_mode=fill_mode, fill_value=0.3)
    torch.testing.assert_close(ours, keras_answer(layer, x), rtol=0, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fill_mode", FILLS)
@pytest.mark.parametrize(("height", "width"), [(0.2, 0.2), (-0.3, 0.45), (0.9, -0.5)])
def test_zoom_is_keras(shape: tuple[int, int, int], fill_mode: FillMode, height: float, width: float) -> None:
    from keras import layers

    x = batch(shape)
    layer = layers.RandomZoom((height, height), (width, width), fill_mode=fill_mode, fill_value=0.3)
    ours = tr.zoom(x, full(1 + height), full(1 + width), fill_mode=fill_mode, fill_value=0.3)
    torch.testing.assert_close(ours, keras_answer(layer, x), rtol=0, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fill_mode", FILLS)
@pytest.mark.parametrize(("down", "right"), [(0.1, 0.2), (-0.33, 0.7)])
def test_translation_is_keras(shape: tuple[int, int, int], fill_mode: FillMode, down: float, right: float) -> None:
    from keras import layers

    x = batch(shape)
    layer = layers.RandomTranslation((down, down), (right, right), fill_mode=fill_mode, fill_value=0.3)
    ours = tr.shift(x, full(down * shape[1]), full(right * shape[2]), fill_mode=fill_mode, fill_value=0.3)
    torch.testing.assert_close(ours, keras_answer(layer, x), rtol=0, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fill_mode", FILLS)
def test_shear_about_the_corner_is_keras(shape: tuple[int, int, int], fill_mode: FillMode) -> None:
    from keras import layers

    x = batch(shape)
    layer = layers.RandomShear((0.3, 0.3), (0.2, 0.2), fill_mode=fill_mode, seed=1)
    factors = layer.get_random_transformation(x.permute(0, 2, 3, 1), training=True, seed=5)["shear_factor"]
    images = x.permute(0, 2, 3, 1).contiguous()
    oracle = layer.transform_images(images, {"shear_factor": factors, "input_shape": images.shape})
    matrix = tr.shear_matrix(factors[:, 0].cpu(), factors[:, 1].cpu(), corner_of=shape[1:])
    ours = tr.affine(x, matrix, fill_mode=fill_mode)
    assert len({float(f) for f in factors[:, 0]}) == 2  # Keras draws the sign
    torch.testing.assert_close(ours, oracle.permute(0, 3, 1, 2).cpu(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_interpolation_is_keras(interpolation: Interpolation) -> None:
    from keras import layers

    x = batch((3, 9, 12))
    layer = layers.RandomRotation((0.07, 0.07), fill_mode="nearest", interpolation=interpolation)
    ours = tr.rotate(x, full(2 * math.pi * 0.07), fill_mode="nearest", interpolation=interpolation)
    torch.testing.assert_close(ours, keras_answer(layer, x), rtol=0, atol=1e-4)


def test_brightness_and_contrast_are_keras() -> None:
    from keras import layers

    x = batch((3, 9, 12)) * 255
    brighter = layers.RandomBrightness((0.3, 0.3))
    torch.testing.assert_close(tr.brightness(x, full(0.3 * 255)), keras_answer(brighter, x))
    stronger = layers.RandomContrast((0.0, 0.5), seed=3)
    factor = stronger.get_random_transformation(x.permute(0, 2, 3, 1), training=True, seed=9)["contrast_factor"]
    oracle = stronger.transform_images(x.permute(0, 2, 3, 1), {"contrast_factor": factor})
    ours = tr.contrast(x, factor.flatten().cpu())
    torch.testing.assert_close(ours, oracle.permute(0, 3, 1, 2).cpu(), rtol=0, atol=1e-3)


@pytest.mark.parametrize("mode", ["horizontal", "vertical", "horizontal_and_vertical"])
def test_flip_is_keras(mode: str) -> None:
    from keras import layers

    x = batch((3, 9, 12), n=8)
    layer = layers.RandomFlip(mode, seed=2)
    images = x.permute(0, 2, 3, 1)
    drawn = layer.get_random_transformation(images, training=True, seed=4)
    oracle = layer.transform_images(images, drawn).permute(0, 3, 1, 2).cpu()
    mask = drawn["flips"].flatten().cpu()
    assert 0 < mask.sum() < 8
    none = torch.zeros_like(mask)
    ours = tr.flip(x, mask if "horizontal" in mode else none, mask if "vertical" in mode else none)
    assert torch.equal(ours, oracle)


def test_affine_is_scipys() -> None:
    x = batch((1, 11, 7), n=1)
    matrix = torch.tensor([[[0.9, 0.3, 0.7], [-0.2, 1.1, -1.3]]])
    linear = matrix[0, :, :2].flip(0, 1).double().numpy()  # scipy counts (y, x), from the corner
    centre = np.array([5.0, 3.0])
    offset = matrix[0, :, 2].flip(0).double().numpy() + centre - linear @ centre
    modes: list[tuple[FillMode, Any]] = [("reflect", "reflect"), ("nearest", "nearest"), ("constant", "grid-constant")]
    for ours, theirs in modes:
        oracle = scipy.ndimage.affine_transform(x[0, 0].numpy(), linear, offset, order=1, mode=theirs)
        got = tr.affine(x, matrix, fill_mode=ours)
        np.testing.assert_allclose(got[0, 0].numpy(), oracle, atol=1e-5)


def test_a_composition_does_the_work_of_its_steps_in_order() -> None:
    angle, factor = full(0.4), full(0.8)
    smooth = torch.linspace(0, 1, 40)[None, None, :, None] * torch.linspace(0, 1, 30)
    x = smooth.expand(4, 1, 40, 30)
    steps = tr.shift(tr.rotate(x, angle, fill_mode="nearest"), full(3.0), full(-2.0), fill_mode="nearest")
    matrix = tr.compose(tr.rotation_matrix(angle), tr.translation_matrix(full(3.0), full(-2.0)))
    once = tr.affine(x, matrix, fill_mode="nearest")
    centre = (slice(None), slice(None), slice(12, 28), slice(10, 20))
    torch.testing.assert_close(once[centre], steps[centre], rtol=0, atol=2e-3)
    three = tr.compose(tr.rotation_matrix(angle), tr.zoom_matrix(factor, factor), tr.rotation_matrix(-angle))
    torch.testing.assert_close(three, tr.zoom_matrix(factor, factor), rtol=0, atol=1e-6)


ALL: list[Augmentation] = [
    tr.Rotation(),
    tr.Zoom(),
    tr.Flip(),
    tr.Noise(sigma=0.05),
    tr.Shift(fill="reflect"),
    tr.Shear(degrees=8, fill="nearest"),
    tr.Cutout(),
    tr.Brightness(),
    tr.Contrast(),
]


@pytest.mark.parametrize("spec", ALL, ids=lambda spec: spec.kind)
def test_every_augmentation_changes_images_and_keeps_shape_and_range(spec: Augmentation) -> None:
    x = batch((3, 12, 10), n=16) * 255
    y = tr.augment(x, [spec], generator())
    assert y.shape == x.shape
    assert y.dtype == torch.float32
    assert 0 <= y.min() <= y.max() <= 255.001
    assert not torch.equal(x, y)
    if spec.kind != "flip":
        assert len({float((a - b).abs().mean()) for a, b in zip(x, y, strict=True)}) > 8  # a draw for each image


def test_augment_is_a_function_of_the_generator_to_the_bit() -> None:
    x = batch((3, 12, 10), n=16) * 255
    first, again = (tr.augment(x, ALL, generator(5)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, tr.augment(x, ALL, generator(6)))
    running = generator(5)
    tr.augment(x, ALL, running)
    assert not torch.equal(first, tr.augment(x, ALL, running))


def test_geometry_does_not_depend_on_the_batch_to_the_bit() -> None:
    x, angle = batch((3, 12, 10), n=16), torch.linspace(-1, 1, 16)
    assert torch.equal(tr.rotate(x, angle)[3:5], tr.rotate(x[3:5], angle[3:5]))


def test_consecutive_geometry_is_one_sampling(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    affine: Callable[..., Tensor] = tr.affine

    def counted(x: Tensor, matrix: Tensor, **sampling: Any) -> Tensor:
        calls.append(sampling["fill_mode"])
        return affine(x, matrix, **sampling)

    monkeypatch.setattr(tr, "affine", counted)
    x = batch((1, 8, 8)) * 255
    tr.augment(x, [tr.Rotation(), tr.Flip(), tr.Zoom(), tr.Shift()], generator())
    assert calls == ["constant"]
    calls.clear()
    tr.augment(x, [tr.Rotation(), tr.Noise(), tr.Zoom(), tr.Shift(fill="reflect")], generator())
    assert calls == ["constant", "constant", "reflect"]
    calls.clear()
    tr.augment(x, [tr.Flip(), tr.Flip(horizontal=False, vertical=True)], generator())
    assert calls == []


def test_flips_alone_move_pixels_without_interpolating() -> None:
    x = batch((1, 8, 8), n=64) * 255
    y = tr.augment(x, [tr.Flip(vertical=True)], generator())
    candidates = torch.stack([x, x.flip(-1), x.flip(-2), x.flip(-1, -2)])
    same = (candidates == y).flatten(2).all(-1)  # (4, 64)
    assert same.any(0).all()
    assert same.any(1).all()


def test_cutout_blackens_the_rectangle_asked_for() -> None:
    x = torch.ones(2, 1, 8, 8)
    y = tr.cutout(x, torch.tensor([2, -1]), torch.tensor([3, 6]), 3, 4)
    assert (y[0] == 0).sum() == 12
    assert (y[0, 0, 2:5, 3:7] == 0).all()
    assert (y[1] == 0).sum() == 2 * 2
    shares = (tr.augment(torch.ones(500, 1, 8, 8), [tr.Cutout(size=0.5)], generator()) == 0).sum((1, 2, 3))
    assert shares.max() == 16
    assert shares.min() >= 4


def test_noise_has_the_deviation_asked_for() -> None:
    x = torch.full((50, 1, 20, 20), 127.5)
    y = tr.augment(x, [tr.Noise(sigma=0.1)], generator())
    assert float((y - x).std()) == pytest.approx(25.5, rel=0.02)


def test_settings_go_through_json() -> None:
    adapter: TypeAdapter[list[Augmentation]] = TypeAdapter(list[Augmentation])
    assert adapter.validate_json(adapter.dump_json(ALL)) == ALL


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: tr.Rotation(degrees=-3),
            r"Rotation\(degrees=-3\): more than 0 is needed\. Rotation takes degrees, fill",
        ),
        (lambda: tr.Rotation(10), r"Rotation\(10\): its values are given by name\. Write Rotation\(degrees=10\)"),
        (lambda: tr.Rotation(angle=10), r"Rotation\(angle=10\): there is no such setting"),
        (lambda: tr.Zoom(amount=1.5), "Zoom\\(amount=1.5"),
        (lambda: tr.Noise(sigmas=0.1), "Noise takes sigma"),  # type: ignore[call-arg]
        (lambda: tr.Shift(fill="mirror"), "Shift\\(fill='mirror'"),  # type: ignore[arg-type]
    ],
)
def test_a_setting_without_meaning_is_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        make()


def test_settings_are_frozen() -> None:
    with pytest.raises(Exception, match="frozen"):
        tr.Rotation().degrees = 3
