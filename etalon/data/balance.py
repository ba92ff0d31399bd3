"""Whether classes have the same size: a test says if, a ratio says by how much."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etalon.data.description import BALANCED, SIGNIFICANT
from etalon.locales import _, number, p_value


@dataclass(frozen=True)
class Balance:
    """The sizes of the classes, compared.

    Attributes:
        ratio: images of the largest class / of the smallest.
        p: chi-square test of the counts against equal classes (`scipy.stats.chisquare`).
    """

    ratio: float
    p: float

    @property
    def unbalanced(self) -> bool:
        """Whether the classes differ in size by more than chance, and by enough to matter (half as many again)."""
        return self.p < SIGNIFICANT and self.ratio >= BALANCED

    @property
    def sentence(self) -> str:
        """Whether the classes have the same size, in one sentence."""
        told = _("largest over smallest: {ratio}; chi-square against equal classes, {p}").format(
            ratio=number(self.ratio), p=p_value(self.p)
        )
        if self.unbalanced:
            return _("The classes are unbalanced ({told}): read the balanced accuracy beside the accuracy.").format(
                told=told
            )
        if self.p < SIGNIFICANT:
            return _("The classes differ in size by more than chance, but little ({told}).").format(told=told)
        return _("The classes do not differ in size by more than chance ({told}).").format(told=told)


def balance(counts: NDArray[np.int64]) -> Balance:
    """Compare the sizes of the classes.

    Args:
        counts: (n_classes,) images of each, at least one.
    """
    from scipy.stats import chisquare

    return Balance(float(counts.max() / counts.min()), float(chisquare(counts).pvalue))
