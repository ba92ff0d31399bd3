"""The public face: a study, and what comes of it. Each method is a line or two into the rooms."""

import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from etalon.data.dataset import Dataset
from etalon.data.load import load
from etalon.data.splits import HoldOut, KFold, Split
from etalon.errors import EtalonError, StudyError
from etalon.locales import Text, choose
from etalon.result import Result
from etalon.study.plan import Plan, Tally
from etalon.study.progress import progress as show_progress
from etalon.study.store import Store
from etalon.study.variant import Variant, candidates
from etalon.train.recipe import Recipe

Build = Callable[..., Any]
STORE = "etalon-store"


class Study:
    """A dataset, a reference model, variations, seeds.

    Args:
        title: what the report is called; a text, or one for each language {"fr": ..., "en": ...}.
        data: anything that `etalon.load` takes.
        size: the side, or (height, width), to which images are brought.
        seeds: how many trainings of each variant (seeds 0, 1, ...), or the seeds themselves.
        validation: the share of the training part that validates, drawn anew for each seed, class by class.
        split: another way to choose what validates: `HoldOut`, `Fixed` (Keras's last ones) or `KFold`.
        folds: short for `split=KFold(folds)`; each fold then takes the place of a seed.
        rope: a difference of accuracy too small to matter, as a fraction: 0.002 is 0.2 points.
        context: what the report's introduction says.
        store: the folder of the finished trials; by default ETALON_STORE, else `etalon-store` where one is.
        settings: the recipe of every variant, see `Recipe`: epochs, batch_size, optimizer...

    Raises:
        StudyError: settings that contradict one another or are unknown.
    """

    def __init__(
        self,
        title: Text,
        data: Any = "mnist",
        *,
        size: int | tuple[int, int] | None = None,
        seeds: int | Sequence[int] = 5,
        validation: float = 0.2,
        split: Split | None = None,
        folds: int | None = None,
        rope: float = 0.002,
        context: Text = "",
        store: str | Path | None = None,
        **settings: Any,
    ) -> None:
        unknown = set(settings) - set(Recipe.model_fields) | set(settings) & {"from_logits"}
        if unknown:
            raise StudyError(
                f"{', '.join(sorted(unknown))} given to a study",
                "neither an argument of Study nor a setting of the recipe",
                f"Settings of the recipe: {', '.join(sorted(set(Recipe.model_fields) - {'from_logits'}))}.",
            )
        if split is not None and folds is not None:
            raise StudyError("split and folds", "they say two different things", "Give one of them.")
        self.title, self.context, self.rope = title, context, rope
        self.data, self.size, self.settings = data, size, settings
        self.split: Split = split or (KFold(folds) if folds else HoldOut(validation))
        self.seeds = tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)
        self.store = store
        self.origin = ""  # Python that makes this study again, when it was read from a file
        self.variants: dict[str, Variant] = {}

    def reference(self, build: Build) -> Build:
        """Decorate the function that makes the reference model: a Keras model or an nn.Module."""
        if self.variants:
            raise StudyError(
                f"a second reference, {build.__name__!r}", "a study has one, declared first", "Make it a variant."
            )
        self._add(Variant.of(build, "", {}))
        return build

    def variant(self, because: Text = "", *, name: str = "", **keywords: Any) -> Callable[[Build], Build]:
        """Decorate a function that makes a variant.

        Args:
            because: why it was proposed; the report says it.
            name: by default the function's.
            keywords: arguments of the function, or settings of the recipe (see `Recipe`).
        """

        def declare(build: Build) -> Build:
            if not self.variants:
                raise StudyError(
                    f"variant {build.__name__!r}", "there is no reference yet", "Declare @study.reference first."
                )
            self._add(Variant.of(build, because, keywords, name))
            return build

        return declare

    def run(self, *, workers: int | None = None, progress: bool = True) -> Result:
        """Train what has not been trained yet, and return the results.

        Args:
            workers: processes that train, by default one for each core; 0: this process does.
            progress: show how far it is.
        """
        plan = self.plan
        keys = {key: place for place, key in reversed(list(plan.keys.items()))}
        epochs = {c.name: c.recipe.epochs for c in plan.candidates}
        names = {key: (variant, seed, epochs[variant]) for key, (variant, seed) in keys.items()}
        with show_progress(names, len(plan.missing()), show=progress) as notify:
            tally = plan.execute(workers, notify)
        return self._result(plan, tally)

    def result(self) -> Result:
        """The results at hand, nothing being trained.

        Raises:
            StudyError: a trial is missing.
        """
        plan = self.plan
        missing = plan.missing()
        if missing:
            raise StudyError(
                f"{len(missing)} trials of {len(plan.keys)} missing in {plan.store.folder}",
                "they have not been trained, or something that decides their result has changed since",
                "Run the study first.",
            )
        return self._result(plan, Tally(0, len(set(plan.keys.values())) - len(plan.failures()), len(plan.failures())))

    @cached_property
    def dataset(self) -> Dataset:
        """The images, loaded at the first need."""
        return load(self.data, size=self.size)

    @cached_property
    def plan(self) -> Plan:
        """Every model built and checked, every trial's key; nothing trained."""
        if not self.variants:
            raise StudyError("a study without a reference", "there is nothing to train", "Declare @study.reference.")
        ready = candidates(self.variants, self.settings, self.dataset)
        return Plan(choose(self.title), self.dataset, ready, self.split, self._seeds(), Store(self._place))

    def with_(self, **changes: Any) -> Self:
        """A copy with other data, seeds, store or settings of the recipe; a variant's own settings stay."""
        given = {"data": self.data, "size": self.size, "seeds": self.seeds, "split": self.split, "rope": self.rope}
        given |= {"context": self.context, "store": self.store, **self.settings}
        other = type(self)(self.title, **{**given, **changes})
        other.variants = dict(self.variants)
        if self.origin and isinstance(other.data, str | Path):  # a notebook can say it again
            told = ", ".join(f"{name}={value!r}" for name, value in {**changes, "store": str(other._place)}.items())
            other.origin = f"{self.origin}.with_({told})"
        return other

    def _seeds(self) -> tuple[int, ...]:
        seeds = tuple(range(self.split.folds)) if isinstance(self.split, KFold) else self.seeds
        if not seeds or len(set(seeds)) < len(seeds):
            raise StudyError(f"seeds {seeds}", "there must be one at least, each once", "Give seeds=5, or a list.")
        return seeds

    @property
    def _place(self) -> Path:
        return (Path(self.store) if self.store else default_store()).absolute()

    def _add(self, variant: Variant) -> None:
        if variant.name in self.variants:
            raise StudyError(
                f"a second variant called {variant.name!r}",
                "names tell variants apart",
                "Give name=... to one of them.",
            )
        self.variants[variant.name] = variant

    def _result(self, plan: Plan, tally: Tally) -> Result:
        return Result(plan, tally, title=self.title, context=self.context, rope=self.rope, origin=self.origin)


def default_store() -> Path:
    """ETALON_STORE, else `etalon-store` in the current folder."""
    return Path(os.environ.get("ETALON_STORE") or STORE)


def open_study(path: str | Path) -> Study:
    """The study that a Python file makes.

    Raises:
        StudyError: no such file, or one that makes no study, or several.
    """
    path = Path(path)
    if not path.is_file():
        raise StudyError(f"{path}", "there is no such file", "Give the path of a study; `etalon init` writes one.")
    module = _imported(path)
    studies = {id(value): value for value in vars(module).values() if isinstance(value, Study)}
    if len(studies) != 1:
        raise StudyError(f"{path}", f"it makes {len(studies)} studies", "Let the file make one etalon.Study.")
    study = next(iter(studies.values()))
    study.origin = f"import etalon\n\nstudy = etalon.open_study({str(path.absolute())!r})"
    return study


def _imported(path: Path) -> Any:
    import cloudpickle

    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    sys.path.insert(0, str(path.parent.absolute()))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        if isinstance(error, EtalonError):
            raise
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise StudyError(
            f"{path}", f"{type(error).__name__}: {error} ({place.filename}, line {place.lineno})", "Correct the file."
        ) from error
    cloudpickle.register_pickle_by_value(module)  # workers have no such module to import
    return module
