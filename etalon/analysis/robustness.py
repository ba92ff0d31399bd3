"""How accuracy falls when the images are degraded."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from etalon.analysis.printed import Printed
from etalon.data.corruptions import CORRUPTIONS, SEVERITIES, corrupt, document_noise, document_rotation
from etalon.figures.bars import bars, over_seeds
from etalon.figures.curves import Line, small_multiples
from etalon.figures.images import grid
from etalon.figures.style import colours, markers
from etalon.locales import _, number, percent
from etalon.locales.columns import Row

if TYPE_CHECKING:
    import pandas as pd

    from etalon.figures.style import Axes, Figure

Images = NDArray[Any]  # uint8 or float32 (n, h, w, c), values 0..255
Model = Callable[[Images], NDArray[np.float32]]  # images to logits (n, n_classes)
Progress = Callable[[int, int], None]  # predictions done, predictions to do
Matrix = NDArray[np.float64]

DOCUMENT = ("noise", "rotation")
VERSION = 1  # raised when the same models and images would no longer give the same figures
SHOWN = 5  # images in the figure of the two tests


@dataclass(frozen=True, eq=False, repr=False)
class Robustness(Printed):
    """Accuracy of models on degraded images, for each of their seeds.

    Attributes:
        corruptions, severities: (C,) names and (S,) levels.
        accuracy: model -> (C, S, k) on the first `limit` images drawn.
        clean: model -> (k,) on the same images, as they are.
        document: model -> test -> (k,) on all images: "clean", "noise" (sigma 0.1 of the range, clipped) and
            "rotation" (drawn in ±15 degrees).
        examples: (3, n, h, w, c) float32, values 0..255: images as they are, noisy, turned.
        n: images behind `accuracy`; `n_document`: behind `document`.
    """

    corruptions: tuple[str, ...]
    severities: tuple[int, ...]
    accuracy: Mapping[str, Matrix]
    clean: Mapping[str, Matrix]
    document: Mapping[str, Mapping[str, Matrix]]
    examples: NDArray[np.float32]
    n: int
    n_document: int

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(self.accuracy)

    def scalars(self) -> dict[str, Any]:
        """All but the arrays, as plain JSON."""
        names = {"models": self.models, "corruptions": self.corruptions, "severities": self.severities}
        return {**names, "n": self.n, "n_document": self.n_document}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays, by name."""
        found: dict[str, NDArray[Any]] = {"examples": self.examples}
        for m in self.models:
            found |= {f"accuracy/{m}": self.accuracy[m], f"clean/{m}": self.clean[m]}
            found |= {f"document/{test}/{m}": scores for test, scores in self.document[m].items()}
        return found

    @classmethod
    def of(cls, scalars: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> "Robustness":
        """The reverse of `scalars` and `arrays`."""
        models = scalars["models"]
        return cls(
            tuple(scalars["corruptions"]),
            tuple(scalars["severities"]),
            accuracy={m: arrays[f"accuracy/{m}"] for m in models},
            clean={m: arrays[f"clean/{m}"] for m in models},
            document={m: {test: arrays[f"document/{test}/{m}"] for test in ("clean", *DOCUMENT)} for m in models},
            examples=arrays["examples"],
            n=scalars["n"],
            n_document=scalars["n_document"],
        )

    def mean_relative_drop(self, model: str) -> float:
        """Mean over corruptions, severities and seeds of (clean - degraded) / clean."""
        return float(self.drops(model).mean())

    def drops(self, model: str) -> Matrix:
        """(C, S) relative drop of accuracy, mean over seeds."""
        clean = np.maximum(self.clean[model], 1e-12)
        found: Matrix = ((clean - self.accuracy[model]) / clean).mean(axis=-1)
        return found

    def worst(self, model: str) -> tuple[str, float]:
        """The corruption that hurts the most, and its relative drop, mean over severities."""
        drops = self.drops(model).mean(axis=1)
        return self.corruptions[int(drops.argmax())], float(drops.max())

    def frame(self) -> "pd.DataFrame":
        """A line for each model, corruption, severity and rank of seed; severity 0 is the images as they are."""
        import pandas as pd

        rows: list[tuple[str, str, int, int, float]] = []
        for model, table in self.accuracy.items():
            rows += [(model, "clean", 0, s, float(a)) for s, a in enumerate(self.clean[model])]
            for (i, j, s), a in np.ndenumerate(table):
                rows.append((model, self.corruptions[i], self.severities[j], s, float(a)))
        return pd.DataFrame(rows, columns=["model", "corruption", "severity", "seed", "accuracy"])

    def document_frame(self) -> "pd.DataFrame":
        """A line a model: mean accuracy on the images as they are, noisy, turned."""
        import pandas as pd

        rows = {model: {test: float(a.mean()) for test, a in tests.items()} for model, tests in self.document.items()}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")

    @property
    def caption(self) -> str:
        """What the table shows."""
        return _("Accuracy on {n} degraded test images, mean over the severities and the seeds").format(
            n=number(self.n, 0)
        )

    def _cells(self) -> list[Row]:
        rows = [
            [corruption_name(name), *(percent(float(self.accuracy[m][i].mean())) for m in self.models)]
            for i, name in enumerate(self.corruptions)
        ]
        whole = [_("Original images"), *(percent(float(self.clean[m].mean())) for m in self.models)]
        return [[_("Corruption"), *self.models], whole, *rows]

    def plot(self, figure: "Figure | None" = None, *, reference: str | None = None) -> "Figure":
        """One panel a corruption, one line a model, with the spread of its seeds; severity 0 is the clean image."""
        panels = {corruption_name(name): self._lines(i, reference) for i, name in enumerate(self.corruptions)}
        return small_multiples(panels, figure=figure, xlabel=_("Severity"), ylabel=_("Accuracy"), unit="percent")

    def plot_document(self, ax: "Axes | None" = None) -> "Axes":
        """Points: the images as they are, noisy, turned, for each model; the line goes over the seeds."""
        tests = {"clean": _("Original images"), "noise": _("Noisy images"), "rotation": _("Rotated images")}
        scores = {text: [self.document[m][test] for m in self.models] for test, text in tests.items()}
        return bars(
            self.models,
            {text: [float(a.mean()) for a in found] for text, found in scores.items()},
            low={text: [float(a.min()) for a in found] for text, found in scores.items()},
            high={text: [float(a.max()) for a in found] for text, found in scores.items()},
            ax=ax,
            ylabel="\n".join(filter(None, [_("Accuracy"), over_seeds(max(map(len, self.clean.values())))])),
            percent=True,
            zoomed=True,
        )

    def plot_examples(self, figure: "Figure | None" = None) -> "Figure":
        """Three rows: the first images as they are, noisy, turned."""
        rows = [_("Original images"), _("Noisy images"), _("Rotated images")]
        shape = self.examples.shape
        images = self.examples.reshape(-1, *shape[2:])
        return grid(images, columns=shape[1], row_titles=rows, figure=figure, white=255)

    def _lines(self, i: int, reference: str | None) -> list[Line]:
        shades, marks = colours(self.models, reference), markers(self.models, reference)
        lines = []
        for model, table in self.accuracy.items():
            values = np.vstack([self.clean[model], table[i]])  # (1 + S, k)
            lines.append(
                Line(
                    model,
                    values.mean(axis=1),
                    values.min(axis=1),
                    values.max(axis=1),
                    x=[0, *self.severities],
                    colour=shades[model],
                    marker=marks[model],
                )
            )
        return lines


def robustness(
    models: Mapping[str, Sequence[Model]],
    part: tuple[NDArray[np.uint8], NDArray[np.int64]],
    *,
    severities: Sequence[int] = SEVERITIES,
    corruptions: Sequence[str] = tuple(CORRUPTIONS),
    limit: int = 2000,
    seed: int = 0,
    progress: Progress | None = None,
) -> Robustness:
    """Predict degraded copies of the images with every model and every seed.

    Args:
        models: name -> one function a seed, from images (uint8 or float32, values 0..255) to logits.
        part: x uint8 (n, h, w, c) and y (n,).
        severities, corruptions: which degraded copies to make.
        limit: images, drawn at random, for these copies; the two tests of noise and rotation use all images.
        seed: of that draw and of the corruptions.
        progress: told of the predictions done and to do.

    Raises:
        DataError: an unknown corruption or severity.
    """
    x, y = part
    chosen = np.sort(np.random.default_rng(seed).permutation(len(y))[:limit])
    some_x, some_y = np.asarray(x[chosen]), y[chosen]
    count = _Counter(models, 1 + len(corruptions) * len(severities) + 1 + len(DOCUMENT), progress)
    clean = count.accuracy(some_x, some_y)
    degraded = [
        [count.accuracy(corrupt(some_x, name, severity, seed), some_y) for severity in severities]
        for name in corruptions
    ]
    tests = {"clean": count.accuracy(x, y)}
    noisy = document_noise(x, seed=seed)
    tests["noise"] = count.accuracy(noisy, y)
    examples = [np.asarray(x[:SHOWN], np.float32), noisy[:SHOWN].copy()]
    del noisy  # float copies of a whole test set: one at a time
    turned = document_rotation(x, seed=seed)
    tests["rotation"] = count.accuracy(turned, y)
    examples.append(turned[:SHOWN].copy())
    return Robustness(
        tuple(corruptions),
        tuple(severities),
        accuracy={m: np.array([[found[m] for found in row] for row in degraded]) for m in models},
        clean=clean,
        document={m: {test: found[m] for test, found in tests.items()} for m in models},
        examples=np.stack(examples),
        n=len(chosen),
        n_document=len(y),
    )


def corruption_name(name: str) -> str:
    """A corruption in the language in force."""
    names = {
        "noise": _("noise"),
        "blur": _("blur"),
        "contrast": _("contrast"),
        "brightness": _("brightness"),
        "rotation": _("rotation"),
        "shift": _("shift"),
        "scale": _("scale"),
        "shear": _("shear"),
        "jpeg": _("JPEG compression"),
        "occlusion": _("occlusion"),
    }
    return names.get(name, name)


class _Counter:
    """Predicts with all the models, and says how far it is."""

    def __init__(self, models: Mapping[str, Sequence[Model]], sets: int, progress: Progress | None) -> None:
        self.models, self.progress = models, progress
        self.done, self.total = 0, sets * sum(map(len, models.values()))

    def accuracy(self, x: Images, y: NDArray[np.int64]) -> dict[str, Matrix]:
        """Model -> (k,) share of right answers."""
        return {name: np.array([self._one(model, x, y) for model in seeds]) for name, seeds in self.models.items()}

    def _one(self, model: Model, x: Images, y: NDArray[np.int64]) -> float:
        right = float(np.mean(np.argmax(model(x), axis=1) == y))
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.total)
        return right
