"""What is known of a study without its code: enough to list it, to watch it, to open its results again."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from etalon.data.dataset import Dataset
from etalon.data.splits import Split
from etalon.locales import Text
from etalon.models.factors import Factor
from etalon.models.remade import described
from etalon.models.weights import WeightsTable
from etalon.study.shelf import digest

if TYPE_CHECKING:
    from etalon.study.plan import Plan
    from etalon.study.variant import Candidate

LETTERS = 12  # of the name of a study
SPLITS = {kind.__name__: kind for kind in get_args(Split)}

Key = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]


def split_of(told: Any) -> Any:
    """The split that its kind and fields tell; one that is a split already as it is."""
    if not isinstance(told, Mapping):
        return told
    return SPLITS[told["kind"]](**{name: value for name, value in told.items() if name != "kind"})


def _told(split: Split) -> dict[str, Any]:
    return {"kind": type(split).__name__, **vars(split)}


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, protected_namespaces=())


class About(_Record):
    """What a study says of itself, beside its plan.

    Attributes:
        rope: a difference of accuracy too small to matter, as a fraction.
        file: the path of the study's file, if it was read from one.
        notice: what every page must say, in each language; empty for a whole study.
    """

    title: Text
    context: Text = ""
    rope: float
    file: str | None = None
    notice: Text = ""

    def identity(self, data: str, split: Split) -> str:
        """The name of the study with these images (their digest) and this split; an edited file keeps its own."""
        title = self.title if isinstance(self.title, str) else sorted(self.title.items())
        return digest([title, data, type(split).__name__, bool(self.notice)])[:LETTERS]


class Images(_Record):
    """A dataset, without its images.

    Attributes:
        shape: (h, w, c) of every image.
        classes: their names in label order, by language.
        counts: images of each class, by part ("train", "test").
    """

    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    name: str
    provenance: Text
    shape: tuple[int, int, int]
    classes: dict[str, tuple[str, ...]]
    counts: dict[str, tuple[int, ...]]

    @classmethod
    def of(cls, dataset: Dataset) -> Self:
        """Those of a dataset."""
        return cls(
            digest=dataset.digest,
            name=dataset.name,
            provenance=dataset.origin,
            shape=dataset.image_shape,
            classes={lang: tuple(names) for lang, names in dataset.classes.items()},
            counts={"train": tuple(dataset.counts("train").tolist()), "test": tuple(dataset.counts("test").tolist())},
        )


class Described(_Record):
    """A candidate, without the function that builds its model.

    Attributes:
        after: the candidate from which `factors` tell it; empty for the reference.
        source: the Python text of its function, empty where there was none to be had.
        recipe: how it is trained, as JSON, see `Recipe.to_json`.
        planned: the key of its trial with each seed of the study.
        taken: with how many of the seeds, the first ones, it is trained; more may follow with `seeds="auto"`.
        model: see `etalon.models.remade`; None where the model cannot be made without its code.
    """

    name: str
    because: Text
    after: str
    source: str
    recipe: dict[str, Any]
    factors: tuple[Factor, ...]
    weights: WeightsTable
    planned: dict[int, Key]
    taken: int
    model: str | None

    @property
    def keys(self) -> dict[int, str]:
        """The key of each trial wanted so far, by seed."""
        return dict(islice(self.planned.items(), self.taken))

    @classmethod
    def of(cls, candidate: "Candidate", planned: Mapping[int, str], taken: int) -> Self:
        """Describe a candidate."""
        return cls(
            name=candidate.name,
            because=candidate.variant.because,
            after=candidate.after,
            source=candidate.variant.source,
            recipe=candidate.recipe.to_json(),
            factors=candidate.factors,
            weights=candidate.weights,
            planned=dict(planned),
            taken=taken,
            model=described(candidate.model),
        )


class Dossier(About):
    """What is known of a study.

    Attributes:
        id: its name in the store, letters and figures.
        seeds: all those planned; looks: numbers of seeds after which verdicts decide which variants get more.
        candidates: in their order, the reference first.
        engine: the `etalon.study.variant.ENGINE` of the trials; None where nobody has said.
        created, updated: the latter when something was last trained or changed.
    """

    id: str
    seeds: tuple[int, ...]
    looks: tuple[int, ...]
    split: Annotated[Split, BeforeValidator(split_of), PlainSerializer(_told)]
    dataset: Images
    candidates: Annotated[tuple[Described, ...], Field(min_length=1)]
    engine: int | None = None
    created: datetime
    updated: datetime

    @classmethod
    def of(cls, plan: "Plan", about: About) -> Self:
        """That of a study about to be trained, or trained."""
        from etalon.study.variant import ENGINE  # torch, which reading a dossier does without

        now = datetime.now(UTC)
        return cls(
            **dict(about),
            id=about.identity(plan.dataset.digest, plan.split),
            seeds=tuple(plan.seeds),
            looks=tuple(plan.looks),
            split=plan.split,
            dataset=Images.of(plan.dataset),
            candidates=tuple(_described(plan)),
            engine=ENGINE,
            created=now,
            updated=now,
        )

    @property
    def reference(self) -> Described:
        """What the variants are compared with."""
        return self.candidates[0]

    @property
    def keys(self) -> set[str]:
        """Of all the trials wanted so far; variants that are the same share theirs."""
        return {key for candidate in self.candidates for key in candidate.keys.values()}


def _described(plan: "Plan") -> Iterable[Described]:
    whole = plan.whole.keys
    for candidate in plan.candidates:
        planned = {seed: whole[candidate.name, seed] for seed in plan.seeds}
        yield Described.of(candidate, planned, plan.taken.get(candidate.name, len(plan.seeds)))
