"""A first look at a study: fewer images, fewer epochs, fewer seeds, such that all of it takes a minute or two."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, prod
from typing import Any

from etalon.data.dataset import Dataset
from etalon.locales import LANGUAGES, ngettext, number, use
from etalon.models.weights import WeightsTable
from etalon.study.variant import Candidate, Variant

FIRST_SEEDS = 3
SHARE, LEAST_EPOCHS = 4, 2  # a quarter of the epochs, two at least
MOST_IMAGES, MOST_TEST = 8_000, 2_000
A_CLASS = 40  # training images of a class, on average, under which nothing is learnt
WORK = 4e11  # multiplications of all forward passes: about half a minute on two cores


@dataclass(frozen=True)
class FirstLook:
    """What a first look keeps of a study.

    Attributes:
        train, test: images kept, of `whole_train` and `whole_test`.
        seeds: how many.
    """

    train: int
    test: int
    whole_train: int
    whole_test: int
    seeds: int = FIRST_SEEDS

    @property
    def notice(self) -> str:
        """What every page of the report says, in the language in force."""
        told = {"train": number(self.train, 0), "whole": number(self.whole_train, 0), "k": self.seeds, "share": SHARE}
        return ngettext(
            "First look: {train} training images of {whole}, one epoch in {share}, {k} seed. These figures are not "
            "those of the study.",
            "First look: {train} training images of {whole}, one epoch in {share}, {k} seeds. These figures are not "
            "those of the study.",
            self.seeds,
        ).format(**told)

    @property
    def notices(self) -> Mapping[str, str]:
        """`notice` in each language."""
        return {lang: self._notice(lang) for lang in LANGUAGES}

    def _notice(self, lang: str) -> str:
        with use(lang):
            return self.notice

    def shortened(self, variant: Variant) -> Variant:
        """The variant with fewer epochs, if it sets its own."""
        if "epochs" not in variant.settings:
            return variant
        return replace(variant, settings={**variant.settings, "epochs": shorter(variant.settings["epochs"])})


def shorter(epochs: int) -> int:
    """A quarter of the epochs, rounded up, and two at least."""
    return max(LEAST_EPOCHS, ceil(epochs / SHARE))


def first_look(candidates: Sequence[Candidate], dataset: Dataset, seeds: int = FIRST_SEEDS) -> FirstLook:
    """As many images as the work of all the trainings allows; the same on every machine, with any number of seeds."""
    passes = sum(work(c.weights, dataset.image_shape) * shorter(c.recipe.epochs) for c in candidates)
    wanted = int(WORK / (FIRST_SEEDS * max(1, passes)))
    least = A_CLASS * dataset.n_classes
    train = min(len(dataset.train), max(least, min(wanted, MOST_IMAGES)))
    return FirstLook(train, min(len(dataset.test), MOST_TEST), len(dataset.train), len(dataset.test), seeds)


def work(table: WeightsTable, image_shape: Sequence[int]) -> int:
    """Multiplications of one image through a model; an upper bound for layers whose output is not known."""
    places: Any = image_shape[:2]
    return sum(
        layer.weights * prod(size or 1 for size in (layer.output_shape[:-1] if layer.output_shape else places))
        for layer in table.layers
    )
