"""The gradient that reaches each layer: whether it vanishes on its way from the output to the image."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from etalon.analysis.findings import Finding
from etalon.analysis.printed import Printed
from etalon.errors import StudyError
from etalon.figures.gradients import gradient_norms
from etalon.locales import _, number

if TYPE_CHECKING:
    import pandas as pd

    from etalon.figures.style import Figure
    from etalon.study.run import Run

PREFIX = "gradient_norm/"
VANISHED, SHRUNK = 0.01, 0.1  # first layer's norm over the last's: less than this has vanished, or has shrunk
Fate = Literal["kept", "shrunk", "vanished"]
Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GradientFlow:
    """The gradients that the layers of one variant received during training.

    Attributes:
        layers: (m,) from the image to the output, numbered: "1 conv2d". Keras's normalisations are left out, so that a
            network with them and one without have the same layers.
        norms: (k, m, epochs) Euclidean norm of the gradient of a layer's weights, mean over the updates of an epoch;
            NaN after a seed has stopped.
    """

    variant: str
    seeds: tuple[int, ...]
    layers: tuple[str, ...]
    norms: Matrix

    @property
    def means(self) -> Matrix:
        """(m, epochs) over the seeds that were still training."""
        found: Matrix = np.nanmean(self.norms, axis=0)
        return found

    @property
    def ratio(self) -> float:
        """The first layer's norm over the last's: geometric mean over epochs and seeds; 0 where none reached it."""
        first, last = self.norms[:, 0], self.norms[:, -1]
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.exp(np.nanmean(np.log(first / last))))

    @property
    def fate(self) -> Fate:
        """What becomes of the gradient on its way back to the image."""
        if self.ratio < VANISHED:
            return "vanished"
        return "shrunk" if self.ratio < SHRUNK else "kept"

    @property
    def finding(self) -> Finding:
        """Whether the gradient vanishes, in one sentence."""
        patterns = {
            "kept": _(
                "{name}: over the training, the gradient of the first layer ({first}) is {ratio} times that of the "
                "last ({last}): it does not vanish on its way."
            ),
            "shrunk": _(
                "{name}: over the training, the gradient of the first layer ({first}) is {ratio} times that of the "
                "last ({last}): it shrinks on its way, without vanishing."
            ),
            "vanished": _(
                "{name}: over the training, the gradient of the first layer ({first}) is only {ratio} times that of "
                "the last ({last}): it vanishes on its way."
            ),
        }
        text = patterns[self.fate].format(
            name=self.variant, first=self.layers[0], last=self.layers[-1], ratio=_figures(self.ratio)
        )
        return Finding("gradients", text, {"ratio": self.ratio}, self.variant)

    def frame(self) -> "pd.DataFrame":
        """A line an epoch, a column a layer: mean over seeds."""
        import pandas as pd

        epochs = pd.RangeIndex(1, self.norms.shape[2] + 1, name="epoch")
        return pd.DataFrame(self.means.T, index=epochs, columns=list(self.layers))


@dataclass(frozen=True, eq=False, repr=False)
class Gradients(Printed):
    """The gradients of one variant, or of several side by side."""

    flows: tuple[GradientFlow, ...]

    def __getitem__(self, variant: str) -> GradientFlow:
        return next(flow for flow in self.flows if flow.variant == variant)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One a variant."""
        return tuple(flow.finding for flow in self.flows)

    @property
    def caption(self) -> str:
        """What the figure shows."""
        return _("Norm of the gradient of each layer, epoch by epoch, mean over seeds")

    def plot(self) -> "Figure":
        """The norms layer by layer, a panel a variant, all on one scale."""
        return gradient_norms(
            {flow.variant: (flow.layers, flow.means) for flow in self.flows},
            xlabel=_("Epoch"),
            ylabel=_("Norm of the gradient"),
        )


def gradient_flow(runs: "Sequence[Run]") -> GradientFlow:
    """The gradients of one variant.

    Args:
        runs: of one variant, one a seed, at least one, trained with `gradient_norms=True`.

    Raises:
        StudyError: they were trained without.
    """
    names = sorted(
        (name for name in runs[0].history if name.startswith(PREFIX) and "normalization" not in name), key=_place
    )
    if not names:
        raise StudyError(
            _("the gradients of {name}").format(name=runs[0].variant),
            _("its training did not record them"),
            _("Give gradient_norms=True to the study or to the variant."),
        )
    epochs = max(len(run.history[names[0]]) for run in runs)
    norms = np.full((len(runs), len(names), epochs), np.nan)
    for s, run in enumerate(runs):
        for m, name in enumerate(names):
            norms[s, m, : len(run.history[name])] = run.history[name]
    layers = tuple(_label(name.removeprefix(PREFIX), m + 1) for m, name in enumerate(names))
    return GradientFlow(runs[0].variant, tuple(run.seed for run in runs), layers, norms)


def _place(name: str) -> int:
    """Where a layer stands: its name starts with its number, or the names are in order."""
    first = name.removeprefix(PREFIX).split(".")[0]
    return int(first) if first.isdecimal() else 0


def _label(name: str, number: int) -> str:
    """ "10.dense" is "9 dense" where it is the ninth; the path of a layer in a torch module is left as it is."""
    place, _dot, kind = name.partition(".")
    return f"{number} {kind}" if place.isdecimal() and kind[:1].isalpha() else name


def _figures(value: float) -> str:
    """Three decimals for what is small, two for what is not."""
    return number(value, 2 if value >= SHRUNK else 4 if value < VANISHED else 3)
