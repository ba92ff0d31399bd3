"""Labels that are probably wrong, by confident learning (Northcutt, Jiang & Chuang 2021), which cleanlab computes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from etalon.data.dataset import Dataset, PartName, Removal
from etalon.errors import DataError
from etalon.locales import _, ngettext, number, percent

if TYPE_CHECKING:
    import pandas as pd

    from etalon.figures.style import Figure

SHOWN = 10  # suspects of each part in a printed table; to_json has them all


@dataclass(frozen=True)
class Suspect:
    """An image whose label is contradicted.

    Attributes:
        part, at: where it is.
        given, suggested: its label, and the most probable class.
        confidence: the probability of the suggested class.
        quality: that of the given one, cleanlab's self-confidence: the lower, the more suspect.
        likely: whether it is among the errors that confident learning counts (cleanlab's `find_label_issues`), which
            are fewer than those that a reader would find.
    """

    part: PartName
    at: int
    given: int
    suggested: int
    confidence: float
    quality: float
    likely: bool


@dataclass(frozen=True, eq=False)
class LabelErrors:
    """The labels that the probabilities contradict, part by part, the most suspect first.

    Train and test are ranked apart: their probabilities need not come from as many networks.

    Attributes:
        train, test: the suspects.
        agreement: by part, the share of the labels that are the most probable class: the list of a judge that is often
            wrong is mostly of its own errors.
    """

    dataset: Dataset
    train: tuple[Suspect, ...]
    test: tuple[Suspect, ...]
    agreement: Mapping[PartName, float]

    def __len__(self) -> int:
        return len(self.train) + len(self.test)

    @property
    def digest(self) -> str:
        """Of the dataset they are about."""
        return self.dataset.digest

    @property
    def removals(self) -> tuple[Removal, ...]:
        """The likely ones, in both parts."""
        train, test = (tuple(sorted(s.at for s in suspects if s.likely)) for suspects in (self.train, self.test))
        n = len(train) + len(test)
        what = ngettext("{n} image whose label is suspect", "{n} images whose labels are suspect", n)
        return (Removal(what.format(n=n), train, test),) if n else ()

    def only(self, part: PartName) -> "LabelErrors":
        """Those of one part."""
        self.dataset.part(part)  # refuses another name
        return replace(self, test=()) if part == "train" else replace(self, train=())

    def first(self, n: int) -> "LabelErrors":
        """The n most suspect of each part, all held to be likely."""
        train, test = (tuple(replace(s, likely=True) for s in suspects[:n]) for suspects in (self.train, self.test))
        return replace(self, train=train, test=test)

    def frame(self) -> "pd.DataFrame":
        """A line a suspect: the attributes of `Suspect`, classes by name."""
        import pandas as pd

        names = self.dataset.class_names()
        table = pd.DataFrame(
            [asdict(suspect) for suspect in (*self.train, *self.test)], columns=list(Suspect.__dataclass_fields__)
        )
        return table.assign(**{c: [names[i] for i in table[c]] for c in ("given", "suggested")})

    def plot(self, part: PartName = "test", n: int = 15, *, figure: "Figure | None" = None) -> "Figure":
        """The first suspects of a part: place, label given, label suggested and its probability."""
        from etalon.figures.images import grid

        suspects = (self.train if part == "train" else self.test)[:n]
        images = self.dataset.part(part).x[[suspect.at for suspect in suspects]]
        return grid(np.asarray(images), [self._title(suspect) for suspect in suspects], columns=5, figure=figure)

    def to_json(self) -> dict[str, Any]:
        """Every suspect as plain JSON values."""
        return {
            "name": self.dataset.name,
            "digest": self.digest,
            "agreement": dict(self.agreement),
            "train": [asdict(suspect) for suspect in self.train],
            "test": [asdict(suspect) for suspect in self.test],
        }

    def _title(self, suspect: Suspect) -> str:
        names = self.dataset.class_names()
        suggested = f"{names[suspect.suggested]} ({percent(suspect.confidence, 0)})"
        return f"{_part(suspect.part)} {suspect.at}\n{names[suspect.given]}\n→ {suggested}"

    @property
    def verdict(self) -> str:
        """By part, how many labels are contradicted, how many are probably wrong, and what the judge is worth."""
        listed: dict[PartName, tuple[Suspect, ...]] = {"train": self.train, "test": self.test}
        return " ".join(
            _("{part}: the networks find {share} of the labels; contradicted: {n}, probably wrong: {likely}.").format(
                part=_part(part),
                share=percent(share),
                n=number(len(listed[part]), 0),
                likely=number(sum(suspect.likely for suspect in listed[part]), 0),
            )
            for part, share in self.agreement.items()
        )

    def _shown(self) -> "pd.DataFrame":
        table = self.first(SHOWN).frame().drop(columns=["quality", "likely"])
        table["part"] = [_part(part) for part in table["part"]]
        table["confidence"] = [percent(value, 1) for value in table["confidence"]]
        return table.set_axis([_("part"), _("image"), _("label"), _("suggested"), _("probability")], axis=1)

    def __str__(self) -> str:
        return "\n".join([self.verdict, *([self._shown().to_string(index=False)] if len(self) else [])])

    def _repr_html_(self) -> str:
        table = self._shown().to_html(index=False) if len(self) else ""
        return f"<p>{escape(self.verdict)}</p>{table}"


def mislabelled(
    dataset: Dataset, train: NDArray[np.floating] | None = None, test: NDArray[np.floating] | None = None
) -> LabelErrors:
    """Rank the labels that out-of-sample probabilities contradict.

    Args:
        dataset: whose labels are doubted.
        train, test: (n, n_classes) probabilities for the images of each part, from networks that have not learnt from
            the image; None leaves the part out.

    Raises:
        DataError: probabilities of another shape.
    """
    given: dict[PartName, NDArray[np.floating] | None] = {"train": train, "test": test}
    judged = {part: _checked(dataset, part, found) for part, found in given.items() if found is not None}
    listed = {part: suspects(part, dataset.part(part).y, found) for part, found in judged.items()}
    agreement = {part: float(np.mean(found.argmax(axis=1) == dataset.part(part).y)) for part, found in judged.items()}
    return LabelErrors(dataset, listed.get("train", ()), listed.get("test", ()), agreement)


def _checked(dataset: Dataset, part: PartName, probabilities: NDArray[np.floating]) -> NDArray[np.floating]:
    expected = (len(dataset.part(part)), dataset.n_classes)
    if probabilities.shape != expected:
        raise DataError(
            _("{name}, {part}: probabilities of shape {shape}").format(
                name=dataset.name, part=part, shape=probabilities.shape
            ),
            _("each image needs the probability of each class: {shape}").format(shape=expected),
            _("Give those of networks that have not learnt from the image, in the order of the part."),
        )
    return probabilities


def suspects(
    part: PartName,
    y: NDArray[np.int64],
    probabilities: NDArray[np.floating],
    places: NDArray[np.int64] | None = None,
) -> tuple[Suspect, ...]:
    """The labels that probabilities contradict, the most suspect first.

    Args:
        y: (n,) labels.
        probabilities: (n, n_classes), from networks that have not learnt from the image.
        places: (n,) of these images in their part; by default they are the whole part.
    """
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    best = probabilities.argmax(axis=1)
    quality = get_label_quality_scores(y, probabilities, method="self_confidence")
    likely = find_label_issues(y, probabilities, n_jobs=1)
    contradicted = np.flatnonzero(best != y)
    return tuple(
        Suspect(
            part,
            int(i if places is None else places[i]),
            int(y[i]),
            int(best[i]),
            float(probabilities[i, best[i]]),
            float(quality[i]),
            bool(likely[i]),
        )
        for i in contradicted[np.argsort(quality[contradicted], kind="stable")]
    )


def _part(name: PartName) -> str:
    return _("train") if name == "train" else _("test")
