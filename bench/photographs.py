"""`python -m bench.photographs`: how well a model reads digits of its test set once they are photographed on paper.

A digit of MNIST is drawn with a pen, finer or thicker, on a sheet of 600 to 2,000 pixels: paper with its grain, ruled
or not, lit by a lamp on one side, in the vignette of a lens, across the edge of a shadow; then blurred, noisy, and
compressed as a telephone does. The photograph is prepared as the page "Try" and `etalon predict` do. The answer to the
original image tells what the model is worth: what is lost from there is the preparation's.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table
from scipy.ndimage import distance_transform_edt, gaussian_filter, zoom

import etalon
from bench.machine import provenance
from bench.networks import cnn
from etalon.data.dataset import Dataset, Images
from etalon.data.framing import framing, prepare
from etalon.data.images import decode

IMAGES, SEED = 100, 0  # of test for each scene, drawn at random; of all that is drawn
TRAIN, EPOCHS = 20_000, 3  # images and epochs of the model
SIDES = (600, 2000)  # pixels of a photograph, the least and the most
THIN = 168  # pixels: the square in which the middle line of a digit is sought
AROUND = ((1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1))  # clockwise, from the north

Floats = NDArray[np.float64]
Predictor = Callable[[Images], NDArray[np.floating]]


@dataclass(frozen=True)
class Scene:
    """How a sheet is lit and photographed; all is drawn at random between nothing and what is said here.

    Attributes:
        gradient: of the light, lost from one side to the other, share.
        vignette: light lost in the corners, share.
        shadow: light lost behind the edge of a shadow, share.
        ruled: whether the paper has lines.
        pen: thickness of the strokes, share of the square of the digit, the least and the most.
        ink: what the ink reflects, the least and the most.
        noise: standard deviation, grey levels.
        blur: standard deviation, thousandths of the side.
    """

    gradient: float = 0.0
    vignette: float = 0.0
    shadow: float = 0.0
    ruled: bool = False
    pen: tuple[float, float] = (0.05, 0.12)
    ink: tuple[float, float] = (0.05, 0.35)
    noise: float = 5.0
    blur: float = 1.5


SCENES: Mapping[str, Scene] = {
    "even light": Scene(),
    "lamp on one side": Scene(gradient=0.65),
    "vignette": Scene(vignette=0.6),
    "edge of a shadow": Scene(shadow=0.6),
    "ruled paper": Scene(ruled=True),
    "fine pen": Scene(pen=(0.015, 0.03)),
    "all of it": Scene(0.5, 0.4, 0.5, ruled=True, pen=(0.02, 0.12), noise=8.0),
}


def photograph(digit: Images, scene: Scene, rng: np.random.Generator) -> bytes:
    """A JPEG file: the digit, uint8 (28, 28, 1), light on dark, as ink on a sheet of paper."""
    h, w = rng.integers(*SIDES, 2)
    side = min(h, w)
    drawn = _stroke(digit, round(side * rng.uniform(0.35, 0.8)), rng.uniform(*scene.pen))
    ink = np.zeros((h, w))
    rows, columns = drawn.shape
    top, left = rng.integers(0, h - rows + 1), rng.integers(0, w - columns + 1)
    ink[top : top + rows, left : left + columns] = drawn
    paper = _paper(h, w, scene, rng)
    reflected = paper * (1 - ink * (1 - rng.uniform(*scene.ink) * (1 + 0.1 * rng.normal(size=(h, w)))))
    seen = reflected * _light(h, w, scene, rng) * rng.uniform(0.75, 1.0)
    seen = gaussian_filter(seen, rng.uniform(0.3, 1) * scene.blur * side / 1000)
    tint = 1 - np.array([0.0, 0.04, 0.12]) * rng.uniform(-0.5, 1)
    levels = 255 * np.clip(seen[..., None] * tint, 0, 1) ** (1 / 2.2)
    levels += rng.normal(0, scene.noise * rng.uniform(0.3, 1), levels.shape)
    file = BytesIO()
    pixels = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(file, "JPEG", quality=int(rng.integers(60, 96)))
    return file.getvalue()


def _stroke(digit: Images, size: int, pen: float) -> Floats:
    """Where there is ink, 0..1: the digit in a square of so many pixels, its middle line followed by a pen.

    Args:
        pen: its thickness, share of the square.
    """
    large = zoom(digit[..., 0].astype(float), THIN / digit.shape[0], order=3) > 127.5
    away = distance_transform_edt(~thinned(large)) / THIN  # from the line, share of the square
    return np.clip((pen / 2 - zoom(away, size / THIN, order=1)) * size + 0.5, 0, 1)


def thinned(ink: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The middle lines of what is drawn, a pixel wide (Zhang & Suen 1984, doi 10.1145/357994.358023)."""
    ink = np.pad(ink, 1)
    while True:
        before = ink.copy()
        for turn in (0, 2):
            around = np.stack([np.roll(ink, shift, (0, 1)) for shift in AROUND])
            changes = (~around & np.roll(around, -1, axis=0)).sum(axis=0)
            north, east, south, west = np.roll(around[::2], turn, axis=0)
            thick = (around.sum(axis=0) >= 2) & (around.sum(axis=0) <= 6) & (changes == 1)
            ink = ink & ~(thick & ~(north & east & south) & ~(east & south & west))
        if np.array_equal(ink, before):
            return ink[1:-1, 1:-1]


def _paper(h: int, w: int, scene: Scene, rng: np.random.Generator) -> Floats:
    """What the bare sheet reflects."""
    grain = gaussian_filter(rng.normal(size=(h, w)), 1.5)
    paper = rng.uniform(0.8, 0.95) + 0.01 * grain / grain.std()
    if scene.ruled:
        step, tilt = min(h, w) * rng.uniform(0.08, 0.16), rng.uniform(-0.03, 0.03)
        at = (np.arange(h)[:, None] + tilt * np.arange(w)) % step
        paper -= rng.uniform(0.1, 0.3) * np.clip(min(h, w) * rng.uniform(0.002, 0.004) - at + 0.5, 0, 1)
    return paper


def _light(h: int, w: int, scene: Scene, rng: np.random.Generator) -> Floats:
    """The light that reaches the sensor, 1 where nothing is lost."""
    y, x = np.ogrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]  # type: ignore[misc]

    def across(angle: float) -> Floats:
        """-1..1 along a direction."""
        found = y * np.sin(angle) + x * np.cos(angle)
        return np.asarray(found / (abs(np.sin(angle)) + abs(np.cos(angle))))

    light = 1 - rng.uniform(0.5, 1) * scene.gradient * (1 + across(rng.uniform(0, 2 * np.pi))) / 2
    light = light * (1 - rng.uniform(0.5, 1) * scene.vignette * (x**2 + y**2) / 2)
    behind = across(rng.uniform(0, 2 * np.pi)) - rng.uniform(-0.5, 0.5)
    return light * (1 - rng.uniform(0.5, 1) * scene.shadow / (1 + np.exp(-behind / rng.uniform(0.01, 0.1))))


def trained(data: Dataset, store: Path) -> Predictor:
    """The network of the mini-project after a short training; nothing is trained again in the same store."""
    study = etalon.Study("Photographs of digits", data=data, seeds=1, epochs=EPOCHS, store=store)
    study.reference(lambda: cnn())
    return study.run(workers=0, progress=False).reference.predictor()


def measure(
    data: Dataset, model: Predictor, scenes: Mapping[str, Scene] = SCENES, n: int = IMAGES, seed: int = SEED
) -> list[dict[str, Any]]:
    """A line a scene: how often the model is right on `n` images, on photographs of them resized, and prepared."""
    layout, lines = framing(data.train), []
    for scene_number, (name, scene) in enumerate(scenes.items()):
        rng = np.random.default_rng([seed, scene_number])
        chosen = np.sort(rng.choice(len(data.test), min(n, len(data.test)), replace=False))
        images, labels = np.asarray(data.test.x[chosen]), data.test.y[chosen]
        files = [photograph(image, scene, rng) for image in images]
        began = time.perf_counter()
        made = np.stack([prepare(decode(file, name, None), data.image_shape, layout).image for file in files])
        seconds = (time.perf_counter() - began) / len(files)
        plain = np.stack([prepare(decode(file, name, None), data.image_shape, None).image for file in files])
        original, resized, prepared = (model(x).argmax(axis=1) for x in (images, plain, made))
        lines.append(
            {
                "scene": name,
                "n": len(files),
                "original": float(np.mean(original == labels)),
                "resized": float(np.mean(resized == labels)),
                "prepared": float(np.mean(prepared == labels)),
                "agreement": float(np.mean(prepared == original)),
                "seconds": seconds,
            }
        )
    return lines


def main() -> None:
    """Train, photograph, prepare, read, say."""
    parser = argparse.ArgumentParser(prog="python -m bench.photographs", description=__doc__)
    parser.add_argument("--json", action="store_true", help="a line a scene, and one for the machine")
    parser.add_argument("--store", type=Path, help="a folder where the model is kept, to be used again")
    parser.add_argument("--images", type=int, default=IMAGES, help="photographs of each scene")
    parser.add_argument("--seed", type=int, default=SEED, help="of the choice of images and of all that is drawn")
    options = parser.parse_args()
    data = etalon.load("mnist").take(train=TRAIN)
    with tempfile.TemporaryDirectory() as scratch:
        model = trained(data, options.store or Path(scratch))
        lines = measure(data, model, n=options.images, seed=options.seed)
    if options.json:
        for line in (*lines, provenance()):
            print(json.dumps(line))
        return
    shares = ("original", "resized", "prepared", "agreement")
    table = Table("scene", "n", *(f"{share} (%)" for share in shares), "ms each")
    for line in lines:
        told = (f"{100 * line[share]:.1f}" for share in shares)
        table.add_row(line["scene"], str(line["n"]), *told, f"{1000 * line['seconds']:.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
