"""The public face: a study, and what comes of it. Each method is a line or two into the rooms."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from operator import index
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from etalon.analysis.design import Auto
from etalon.analysis.looks import further
from etalon.data.dataset import Dataset
from etalon.data.load import load
from etalon.data.splits import HoldOut, KFold, Split
from etalon.errors import StudyError
from etalon.locales import Text, _, among, choose
from etalon.report.answered import Question
from etalon.result import Result
from etalon.study.executors import executor
from etalon.study.journal import About, Dossier
from etalon.study.plan import Plan, Tally
from etalon.study.quick import FIRST_SEEDS, FirstLook, first_look, shorter
from etalon.study.settle import at_hand, train
from etalon.study.store import Store, default_store, existing
from etalon.study.variant import Candidate, Variant, candidates
from etalon.train.recipe import Recipe

Build = Callable[..., Any]
Compute = TypeVar("Compute", bound=Callable[[Any], Any])
SEEDS, VALIDATION = 5, 0.2
SPLITS = ("validation", "split", "folds")  # three ways to say one thing


class Study:
    """A dataset, a reference model, variations, seeds.

    Args:
        title: what the report is called; a text, or one for each language {"fr": ..., "en": ...}.
        data: anything that `etalon.load` takes.
        size: the side, or (height, width), to which images are brought.
        seeds: how many trainings of each variant (seeds 0, 1, ...), or the seeds themselves; 5 by default. "auto", or
            an `etalon.Auto`: three for all, then more only where the verdict on validation is undecided.
        validation: the share of the training part that validates, drawn anew for each seed, class by class; 0.2 by
            default.
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
        seeds: int | Sequence[int] | Auto | Literal["auto"] | None = None,
        validation: float | None = None,
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
                _("{names} given to a study").format(names=", ".join(sorted(unknown))),
                _("neither an argument of Study nor a setting of the recipe"),
                _("Settings of the recipe: {settings}.").format(
                    settings=", ".join(sorted(set(Recipe.model_fields) - {"from_logits"}))
                ),
            )
        if not 0 <= rope < 1:
            raise StudyError(
                f"rope={rope}",
                _("it is a difference of accuracy as a fraction"),
                _("Say 0.002 for 0.2 point."),
            )
        self.title, self.context, self.rope = title, context, rope
        self.data, self.size, self.settings = data, size, settings
        self.split = _split(validation, split, folds)
        auto = Auto.of(seeds)
        self.looks = auto.looks if auto else ()
        self.seeds = _seeds(auto.most if auto else seeds, self.split)
        self.store = store
        self.origin = ""  # Python that makes this study again, when it was read from a file
        self.file: Path | None = None  # that file
        self._given: Mapping[str, Any] = {
            **{"title": title, "data": data, "size": size, "seeds": seeds, "rope": rope, "context": context},
            **{"validation": validation, "split": split, "folds": folds, "store": store, **settings},
        }
        self.variants: dict[str, Variant] = {}
        self.questions: dict[str, Question] = {}
        self.look: FirstLook | None = None  # when it is but a first look

    def reference(self, build: Build) -> Build:
        """Decorate the function that makes the reference model: a Keras model or an nn.Module."""
        if self.variants:
            raise StudyError(
                _("a second reference, {name!r}").format(name=build.__name__),
                _("a study has one, declared first"),
                _("Make it a variant."),
            )
        self._add(Variant.of(build, "", {}))
        return build

    def variant(
        self, because: Text = "", *, name: str = "", after: str = "", **keywords: Any
    ) -> Callable[[Build], Build]:
        """Decorate a function that makes a variant.

        Args:
            because: why it was proposed; the report says it.
            name: by default the function's.
            after: the variant, declared before, of which it changes something, where that is not the reference: what
                it changes is then told from there. `Result.verdicts(pairs="steps")` compares the two.
            keywords: arguments of the function, or settings of the recipe (see `Recipe`).
        """

        if callable(because):
            raise StudyError(
                f"@study.variant {because.__name__}",
                _("a variant is declared with parentheses, where its reason stands"),
                _('Write @study.variant(because="...").'),
            )

        def declare(build: Build) -> Build:
            if not self.variants:
                raise StudyError(
                    _("variant {name!r}").format(name=build.__name__),
                    _("there is no reference yet"),
                    _("Declare @study.reference first."),
                )
            if after and after not in self.variants:
                raise StudyError(
                    f"after={after!r}",
                    _("no variant of this name is declared yet"),
                    among(after, list(self.variants)),
                )
            self._add(Variant.of(build, because, keywords, name, after))
            return build

        return declare

    def question(self, text: Text) -> Callable[[Compute], Compute]:
        """Decorate a function that answers a question, which the report then asks and answers, in this order.

        The function is given the result, on test when the report is; it returns findings, records that can be drawn or
        tabulated, tables, figures or texts: one, or several in a tuple.
        """

        def declare(compute: Compute) -> Compute:
            if compute.__name__ in self.questions:
                raise StudyError(
                    _("a second question called {name!r}").format(name=compute.__name__),
                    _("names tell questions apart"),
                    _("Give its function another name."),
                )
            self.questions[compute.__name__] = Question(text, compute)
            return compute

        return declare

    def quick(self, seeds: int = FIRST_SEEDS) -> Self:
        """A copy for a first look: fewer images, epochs and seeds, so that all of it takes a minute or two."""
        ready = [Candidate.of(variant, self.settings, self.dataset) for variant in self.variants.values()]
        look = first_look(ready, self.dataset, seeds)
        few: dict[str, Any] = {"folds": look.seeds} if isinstance(self.split, KFold) else {"seeds": look.seeds}
        epochs = shorter(self.settings.get("epochs", Recipe.model_fields["epochs"].default))
        other = self.with_(data=self.dataset.take(look.train, look.test), epochs=epochs, **few)
        other.variants = {name: look.shortened(variant) for name, variant in self.variants.items()}
        other.look, other.origin = look, self.origin and f"{self.origin}.quick({seeds})"
        other.file = self.file
        return other

    def run(self, *, workers: int | None = None, progress: bool = True) -> Result:
        """Train what has not been trained yet, and return the results.

        Args:
            workers: processes that train, by default one for each core; 0: this process does.
            progress: show how far it is.
        """
        store, trials = self.plan.store, len(set(self.plan.keys.values()))
        with executor(workers, trials) as carrier, store.journal.attended(self.id) as diary:

            def settle(plan: Plan) -> Tally:
                if plan.missing():
                    self._remember(plan)
                return train(plan, carrier=carrier, progress=progress, diary=diary)

            return self._conduct(settle)

    def result(self) -> Result:
        """The results at hand, nothing being trained.

        Raises:
            StoreError: there is no store.
            StudyError: a trial is missing; those that broke down are not.
        """
        existing(self.folder)
        return self._conduct(at_hand)

    @property
    def id(self) -> str:
        """Its name in a store: the same for the file edited, another for other images or another kind of split."""
        return self._about.identity(self.dataset.digest, self.split)

    @cached_property
    def dataset(self) -> Dataset:
        """The images, loaded at the first need."""
        return load(self.data, size=self.size)

    @cached_property
    def plan(self) -> Plan:
        """Every model built and checked, every trial's key, up to the first look; nothing trained."""
        if not self.variants:
            raise StudyError(
                _("a study without a reference"), _("there is nothing to train"), _("Declare @study.reference.")
            )
        ready = candidates(self.variants, self.settings, self.dataset)
        return Plan(
            choose(self.title),
            self.dataset,
            ready,
            self.split,
            self.seeds,
            Store(self.folder),
            looks=self.looks,
            taken={c.name: self.looks[0] for c in ready} if self.looks else {},
        )

    def with_(self, **changes: Any) -> Self:
        """A copy with other data, seeds, store or settings of the recipe; a variant's own settings stay."""
        given = dict(self._given)
        if changes.keys() & set(SPLITS):
            given |= dict.fromkeys(SPLITS)
        if isinstance(_split(**{name: changes.get(name) for name in SPLITS}), KFold):
            given["seeds"] = None
        other = type(self)(**{**given, **changes})
        other.variants, other.questions, other.look = dict(self.variants), dict(self.questions), self.look
        other.file = self.file
        if self.origin and isinstance(changes.get("data", ""), str | Path):  # a notebook can say it again
            said = {**changes, "store": other.folder} if "store" in changes else changes
            told = ", ".join(f"{k}={str(v) if isinstance(v, Path) else v!r}" for k, v in said.items())
            other.origin = f"{self.origin}.with_({told})" if said else self.origin
        return other

    @property
    def folder(self) -> Path:
        """Where its finished trials are."""
        return (Path(self.store) if self.store else default_store()).absolute()

    def _add(self, variant: Variant) -> None:
        if variant.name in self.variants:
            raise StudyError(
                _("a second variant called {name!r}").format(name=variant.name),
                _("names tell variants apart"),
                _("Give name=... to one of them."),
            )
        self.variants[variant.name] = variant
        vars(self).pop("plan", None)  # it had one variant less

    def _conduct(self, settle: Callable[[Plan], Tally]) -> Result:
        """The result of the plan, and where seeds are added look after look, of what the verdicts ask for."""
        plan, trained = self.plan, 0
        while True:
            tally = settle(plan)
            trained += tally.trained
            before = tally.cached + tally.trained - trained
            result = self._result(plan, Tally(trained, before, tally.failed))
            wanted = further(result.verdicts(), plan.taken, result.reference.name) if plan.looks else plan.taken
            if wanted == plan.taken:
                self._remember(plan)
                return result
            plan = replace(plan, taken=wanted)

    def _result(self, plan: Plan, tally: Tally) -> Result:
        return Result(
            plan,
            tally,
            title=self.title,
            context=self.context,
            rope=self.rope,
            study=self,
            notice=self._about.notice,
            origin=self.origin,
        )

    @property
    def _about(self) -> About:
        return About(
            title=self.title,
            context=self.context,
            rope=self.rope,
            file=str(self.file) if self.file else None,
            notice=self.look.notices if self.look else "",
        )

    def _remember(self, plan: Plan) -> None:
        """Have the store know this study, unless something in it cannot be written as text."""
        with suppress(ValueError):
            plan.store.remember(Dossier.of(plan, self._about), plan.dataset)


def _split(validation: float | None, split: Split | None, folds: int | None) -> Split:
    ways = {"validation": validation, "split": split, "folds": folds}
    given = [name for name, value in ways.items() if value is not None]
    if len(given) > 1:
        raise StudyError(" and ".join(given), _("they say different things"), _("Give one of them."))
    if split is not None:
        return split
    return HoldOut(VALIDATION if validation is None else validation) if folds is None else KFold(folds)


def _seeds(given: Any, split: Split) -> tuple[int, ...]:
    if isinstance(split, KFold):
        if given is not None:
            raise StudyError(_("seeds and folds"), _("each fold takes the place of a seed"), _("Give one of them."))
        return tuple(range(split.folds))
    wanted = SEEDS if given is None else given
    try:
        seeds = tuple(map(index, wanted if isinstance(wanted, Iterable) else range(wanted)))
    except TypeError as error:
        why = _("seeds are whole numbers")
        raise StudyError(f"seeds={given!r}", why, _('Give seeds=5, a list, or "auto".')) from error
    if not seeds or len(set(seeds)) < len(seeds) or not all(0 <= seed < 2**32 for seed in seeds):
        why = _("there must be one at least, each once, from 0 to 2**32 - 1")
        raise StudyError(f"seeds={given!r}", why, _('Give seeds=5, a list, or "auto".'))
    return seeds
