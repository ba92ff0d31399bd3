import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageDraw

from etalon.data.dataset import Part
from etalon.data.framing import LARGEST, framing, prepare
from etalon.data.images import MOST, decode
from etalon.errors import DataError


def drawings(n: int = 40, ground: int = 0, ink: int = 255) -> Part:
    """As MNIST is: a mark of 20 pixels whose centre of mass is in the middle of 28 x 28."""
    rng = np.random.default_rng(0)
    x = np.full((n, 28, 28, 1), ground, np.uint8)
    for image in x:
        mark = np.zeros((20, rng.integers(6, 21)), bool)
        mark[: rng.integers(3, 8)] = True
        mark[:, : rng.integers(2, 5)] = True
        rows, columns = np.nonzero(mark)
        top, left = round(13.5 - rows.mean()), round(13.5 - columns.mean())
        top, left = min(top, 8), min(left, 28 - mark.shape[1])
        image[top : top + 20, left : left + mark.shape[1]][mark] = ink
    return Part(x, np.arange(n) % 2)


def test_the_layout_is_read_in_the_images():
    found = framing(drawings(300))
    assert found is not None
    assert (found.ground, found.box, found.by) == (0, (20, 20), "mass")
    assert found.centre == pytest.approx((13.5, 13.5), abs=0.7)
    light = framing(drawings(ground=255, ink=0))
    assert light is not None
    assert light.ground == 255


def test_photographs_and_colours_have_none():
    rng = np.random.default_rng(0)
    y = np.arange(20) % 2
    assert framing(Part(rng.integers(0, 256, (20, 16, 16, 1), np.uint8), y)) is None
    assert framing(Part(np.zeros((20, 16, 16, 3), np.uint8), y)) is None
    assert framing(Part(np.zeros((20, 16, 16, 1), np.uint8), y)) is None


def test_an_image_of_the_set_stays_what_it_is():
    part = drawings()
    for image in part.x[:10]:
        made = prepare(image, (28, 28, 1), framing(part))
        np.testing.assert_array_equal(made.image, image)
        assert [step.name for step in made.steps] == ["received"]


@pytest.mark.parametrize("ground", [0, 255])
def test_one_that_was_enlarged_photographed_and_inverted_comes_back(ground):
    part = drawings(ground=ground, ink=255 - ground)
    layout = framing(part)
    for image in part.x[:10]:
        large = np.kron(image[..., 0], np.ones((9, 9), np.uint8)).astype(float)
        sheet = np.pad(large, ((40, 200), (120, 10)), constant_values=ground)
        photograph = np.clip(240 - sheet * 0.7, 0, 255).astype(np.uint8)[..., None]  # grey on grey, the other way
        made = prepare(np.repeat(photograph, 3, axis=-1), (28, 28, 1), layout)
        assert np.abs(made.image.astype(int) - image).mean() < 8
        steps = [step.name for step in made.steps if step.name != "thickened"]  # the finest of the set may be
        assert steps == ["received", "grey", "inverted", "contrast", "framed"]


def test_the_drawing_fits_the_box_and_its_mass_is_where_the_set_has_it():
    sheet = Image.new("L", (500, 300), 255)
    ImageDraw.Draw(sheet).line([(100, 60), (130, 60), (130, 250)], fill=0, width=12)
    layout = framing(drawings())
    assert layout is not None
    made = prepare(np.asarray(sheet)[..., None], (28, 28, 1), layout).image[..., 0].astype(float)
    rows = np.flatnonzero((made > 16).any(axis=1))
    assert rows[-1] - rows[0] + 1 in (20, 21)
    assert made.sum(axis=1) @ np.arange(28) / made.sum() == pytest.approx(layout.centre[0], abs=0.51)
    assert made.sum(axis=0) @ np.arange(28) / made.sum() == pytest.approx(layout.centre[1], abs=0.51)


def test_an_empty_sheet_and_odd_shapes():
    layout = framing(drawings())
    for shape in ((1, 1), (1, 500), (300, 2), (28, 28)):
        for level in (0, 130, 255):
            made = prepare(np.full((*shape, 1), level, np.uint8), (28, 28, 1), layout)
            assert made.image.shape == (28, 28, 1)
            assert made.image.dtype == np.uint8


def test_without_a_layout_it_is_only_resized():
    photograph = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    made = prepare(photograph, (32, 32, 3), None)
    assert [step.name for step in made.steps] == ["received", "resized"]
    assert made.image.shape == (32, 32, 3)
    grey = prepare(photograph[..., :1], (32, 32, 3), None)
    assert [step.name for step in grey.steps] == ["received", "grey", "resized"]
    assert (grey.image[..., 0] == grey.image[..., 2]).all()


def test_a_large_picture_is_reduced_first():
    made = prepare(np.zeros((10, LARGEST + 500, 3), np.uint8), (28, 28, 1), None)
    assert made.steps[1].name == "reduced"
    assert max(made.steps[1].image.shape) == LARGEST


def test_a_file_that_announces_too_many_pixels_is_refused_unread():
    file = BytesIO()
    Image.new("1", (1, 1)).save(file, "PNG")
    data = bytearray(file.getvalue())
    side = int((MOST + 1) ** 0.5) + 1
    data[16:24] = side.to_bytes(4, "big") * 2  # the size, in the first chunk
    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    with pytest.raises(DataError, match="more than 50 million"):
        decode(bytes(data), "bomb.png", None)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_as_its_camera_says(orientation: int) -> None:
    upright = np.zeros((16, 24, 3), np.uint8)
    upright[:8, :12] = (250, 20, 20)  # a red corner, at the top left
    upright[8:, :12] = (20, 20, 250)
    ways = {  # what the camera stores, for each orientation of the EXIF standard
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: np.rot90(upright, 1),
        7: np.rot90(upright, 2).swapaxes(0, 1),
        8: np.rot90(upright, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = BytesIO()
    Image.fromarray(np.ascontiguousarray(ways[orientation])).save(file, "PNG", exif=exif)
    np.testing.assert_array_equal(decode(file.getvalue(), "photograph.png", None), upright)
