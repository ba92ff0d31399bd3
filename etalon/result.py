"""What comes of a study: tables, verdicts, a recommendation, a report."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from etalon.analysis.architecture import buildable
from etalon.analysis.calibration import head_of
from etalon.analysis.design import Design
from etalon.analysis.findings import Finding
from etalon.analysis.metrics import compare_all
from etalon.analysis.predictions import PartName
from etalon.analysis.recommend import WEIGHTS, Recommendation, recommend
from etalon.analysis.recommend import Candidate as Weighed
from etalon.analysis.remembered import audited, degraded
from etalon.analysis.robustness import Robustness
from etalon.analysis.verdicts import Metric, Trained, Verdicts, plain
from etalon.data.audit import Audit
from etalon.data.dataset import Dataset
from etalon.data.splits import overlap
from etalon.errors import StudyError
from etalon.locales import Text, _, among, choose, language, use
from etalon.outcome import Outcome, outcomes
from etalon.report.answered import setup
from etalon.report.asked import Asked
from etalon.report.evidence import Entry, Evidence, Scores
from etalon.report.tables import What, comparison
from etalon.study.found import Search, Searched
from etalon.study.plan import Plan, Tally
from etalon.study.search import search

if TYPE_CHECKING:
    import pandas as pd

    from etalon.figures.style import Axes

ROBUST_SEEDS, ROBUST_IMAGES, ROBUST_MODELS = 3, 1000, 3  # what a report spends on degraded images
AUDITED = 100_000  # images: beyond, comparing all with all takes longer than a report may


class Result(Asked):
    """The results of a study, on validation; `test()` gives the same on test, once the choice is made.

    Choices are made on validation: `recommend()` never looks at the test part. Opening it is written in the store.
    """

    def __init__(
        self,
        plan: Plan,
        tally: Tally,
        *,
        title: Text,
        context: Text,
        rope: float,
        study: Searched | None,
        notice: Text = "",
        origin: str = "",
    ) -> None:
        self.plan, self.tally, self.title, self.context, self.rope = plan, tally, title, context, rope
        self.study = study  # None for results that were opened again without its code
        self._notice = notice
        self.origin = origin  # Python that makes the study again, for a notebook
        self.part: PartName = "validation"
        self._runs = {name: runs for name, runs in plan.runs().items() if runs}
        self._failures = plan.failures()
        self._outcomes = outcomes(plan, self._runs, self.part)
        self._reference = plan.candidates[0].name
        if self._reference not in self._outcomes:
            raise StudyError(
                _("the reference {name}").format(name=self._reference),
                _("none of its trials came to an end"),
                " ".join(self._errors[self._reference]) or _("Wait for the first of them."),
            )

    @property
    def notice(self) -> str:
        """What every page of a report must say: that this is but a first look; empty for a whole study."""
        return choose(self._notice)

    @property
    def dataset(self) -> Dataset:
        """The images."""
        return self.plan.dataset

    @property
    def design(self) -> Design:
        """What comparisons allow for: the looks of `seeds="auto"`; on validation, training images that overlap."""
        return Design(overlap(self.plan.split) if self.part == "validation" else 0.0, self.plan.looks)

    @property
    def reference(self) -> Outcome:
        """What the variants are compared with."""
        return self._outcomes[self._reference]

    def __getitem__(self, name: str) -> Outcome:
        if name not in self._outcomes:
            known = any(candidate.name == name for candidate in self.plan.candidates)
            raise StudyError(
                _("variant {name!r}").format(name=name),
                _("the study has no finished trial of it") if known else _("the study has no variant of this name"),
                among(name, list(self._outcomes)),
            )
        return self._outcomes[name]

    def __iter__(self) -> Iterator[Outcome]:
        return iter(self._outcomes.values())

    def __len__(self) -> int:
        return len(self._outcomes)

    def verdicts(
        self,
        *,
        reference: str | None = None,
        pairs: Literal["reference", "steps", "all"] = "reference",
        metric: Metric = "accuracy",
        of: str | None = None,
        rope: float | None = None,
    ) -> Verdicts:
        """Which variants really differ from the reference, or from another variant, or from one another.

        Args:
            pairs: "steps" compares each variant with the one that it comes after (see `Study.variant`); "all" every two
                variants, with Holm's correction over all the pairs, and "wide - slow" is then the name of the
                difference between wide and slow.
            metric, of, rope: "accuracy"; "log_loss" (nats, less is better); "recall" `of` a class; "macro_f1". The
                margin is that of the study, and 0.01 nat for log loss.
        """
        base = self[reference or self._reference].name
        names = list(self._outcomes)
        if pairs == "all":
            chosen = {f"{second} - {first}": (first, second) for first, second in combinations(names, 2)}
        elif pairs == "steps":
            before = {o.name: o.candidate.after for o in self}
            chosen = {name: (before[name], name) for name in names if before[name] in before}
        elif pairs == "reference":
            chosen = {name: (base, name) for name in names if name != base}
        else:
            raise StudyError(
                f"pairs={pairs!r}",
                _("there is no such way to pair the variants"),
                _('Say pairs="reference", "steps" or "all", or compare two with result.compare("first", "second").'),
            )
        return self._verdicts(chosen, metric, of, rope)

    def compare(
        self,
        first: str,
        second: str,
        *,
        metric: Metric = "accuracy",
        of: str | None = None,
        rope: float | None = None,
    ) -> Verdicts:
        """Is `second` better than `first`? One comparison, decided beforehand: nothing to correct for."""
        return self._verdicts({second: (self[first].name, self[second].name)}, metric, of, rope)

    def fits(self, build: Callable[[], Any]) -> Finding:
        """Whether the model that `build()` returns can be built for these images, or what stands in the way."""
        return buildable(build, self.dataset.image_shape)

    def search(self, over: Mapping[str, Any], **options: Any) -> Search:
        """Try values of settings or arguments in this study, see `etalon.search`; nothing is trained twice."""
        if self.study is None:
            raise StudyError(
                _("a search in {title}").format(title=choose(self.title)),
                _("these results were opened again without the code of the study"),
                _("Open its file with etalon.open_study, and search there."),
            )
        return search(self.study, over, **options)

    def recommend(self, weights: Mapping[str, float] = WEIGHTS) -> Recommendation:
        """The model to choose, from validation: accuracy, overfitting and time, with these weights."""
        on_validation = self._on("validation")
        weighed = [
            Weighed(
                o.name,
                o.correct(),
                o.overfitting().gap,
                tuple(run.fit_time for run in o.runs),
                self._trained[o.name],
            )
            for o in on_validation
        ]
        return recommend(weighed, weights=weights, rope=self.rope, design=on_validation.design, lost=tuple(self.lost))

    def test(self) -> "Result":
        """Open the test part: the same results, on images that no choice has looked at.

        The opening is written in the store's ledger, once for a given set of trained variants.
        """
        store, chosen = self.plan.store, self._recommended.chosen
        store.open_test(self.dataset.test_digest, self._choice, choose(self.title), len(self), chosen)
        return self._on("test")

    @property
    def opened(self) -> bool:
        """Whether the test part has been opened for these very trials: looking at it again is then free."""
        return any(opening.choice == self._choice for opening in self.plan.store.openings(self.dataset.test_digest))

    @property
    def _choice(self) -> str:
        """The digest of the trials that have ended, well or not."""
        ended = {run.key for runs in self._runs.values() for run in runs}
        ended |= {record.key for record in self._failures.values()}
        keys = sorted(key for key in self.plan.keys.values() if key in ended)
        return hashlib.sha256(" ".join(keys).encode()).hexdigest()

    def robustness(self, names: Sequence[str] | None = None, **options: Any) -> Robustness:
        """Accuracy on degraded test images, which opens the test part; measured once, then read from the store.

        Over the same seeds for all the models, three at most; where they have none in common, each over its own.

        Args:
            names: of variants; by default the reference, the recommended one, and the most accurate on validation.
            options: `severities`, `corruptions`, `limit`, `seed` of `analysis.robustness.robustness`.
        """
        opened = self.test()
        runs = {name: opened[name].runs for name in names or self._notable()}
        common = set.intersection(*({run.seed for run in some} for some in runs.values()))
        return degraded(
            {
                name: tuple(run for run in some if run.seed in common or not common)[:ROBUST_SEEDS]
                for name, some in runs.items()
            },
            lambda name, seed: opened[name].predictor(seed),
            self.dataset,
            self.plan.store.shelf,
            **{"limit": ROBUST_IMAGES, **options},
        )

    def audit(self) -> Audit:
        """What may be wrong with the images; looked for once, then read from the store."""
        return audited(self.dataset, self.plan.store.shelf)

    @property
    def lost(self) -> dict[str, list[str]]:
        """The variants of which every trial broke down, and why."""
        return {name: errors for name, errors in self._errors.items() if errors and name not in self._outcomes}

    @property
    def _errors(self) -> dict[str, list[str]]:
        """Of the trials of each variant that broke down."""
        found: dict[str, list[str]] = {candidate.name: [] for candidate in self.plan.candidates}
        for (name, seed), record in self._failures.items():
            found[name].append(_("seed {seed}: {error}").format(seed=seed, error=record.error))
        return found

    @cached_property
    def _trained(self) -> dict[str, Trained]:
        """What became of the trainings of each variant."""
        keys: dict[str, list[str]] = {candidate.name: [] for candidate in self.plan.candidates}
        for (name, _seed), key in self.plan.keys.items():
            keys[name].append(key)
        broken = Counter(name for name, _seed in self._failures)
        return {name: Trained(name, len(some), broken[name], tuple(some)) for name, some in keys.items()}

    @cached_property
    def _recommended(self) -> Recommendation:
        """With the weights by default; the same on both parts, since it rests on validation."""
        return self.recommend()

    @cached_property
    def _degraded(self) -> Robustness | None:
        """None where nobody has measured it yet, and the code of a network is not there to do so."""
        try:
            return self.robustness()
        except StudyError:
            if self.study is not None:
                raise
            return None

    @cached_property
    def evidence(self) -> Evidence:
        """All that a table or a report shows, but for robustness."""
        found, plan = self.verdicts(), self.plan
        validation, errors = self._on("validation"), self._errors
        entries = [
            Entry(
                outcome.candidate,
                outcome.curves(),
                [run.fit_time for run in outcome.runs],
                Scores.of(validation[outcome.name].predictions, validation.design),
                Scores.of(outcome.predictions, self.design) if self.part == "test" else None,
                None if outcome is self.reference else found[outcome.name],
                errors[outcome.name],
                sorted({run.environment["precision"] for run in outcome.runs}),
            )
            for outcome in self
        ]
        return Evidence(
            self.title,
            self.context,
            self.dataset,
            plan.split,
            plan.seeds[: plan.taken.get(self._reference)],
            self.rope,
            self.tally,
            entries,
            found,
            self._recommended,
            plan.store.openings(self.dataset.test_digest),
            self.lost,
            self.reference.runs[0].environment,
            planned=len(set(plan.whole.keys.values())) if plan.looks else None,
            steps=self.verdicts(pairs="steps") if any(self._later(o) for o in self) else None,
        )

    def report(self, path: str | Path, lang: str | None = None) -> Path:
        """Write the report (.html, .pdf or .ipynb), which opens the test part; returns the path."""
        return self.reports([path], lang)[0]

    def reports(self, paths: Sequence[str | Path], lang: str | None = None) -> list[Path]:
        """The same report in several files, each in the form that its suffix says; returns their paths."""
        from etalon.report.build import build
        from etalon.report.render import render

        with use(lang):
            opened = self.test()
            sure = opened[self._recommended.chosen].confidence()
            evidence = replace(
                opened.evidence,
                robustness=self._degraded,
                confidence=sure,
                audit=self.audit() if len(self.dataset.train) + len(self.dataset.test) <= AUDITED else None,
                answered=opened.answers(),
                notice=self.notice,
            )
            document = build(evidence, datetime.now())
            return [render(document, path, **self._renderer_options(Path(path))) for path in paths]

    def report_path(self, stem: str, suffix: str = ".html", folder: Path | None = None) -> Path:
        """Where the command line puts a report: by default in the store; by study, data and language."""
        look = "-quick" if self.notice else ""
        name = f"{stem}-{self.dataset.name.split(' ')[0]}{look}.{language()}{suffix}"
        return (folder or self.plan.store.reports) / name

    def frame(self) -> "pd.DataFrame":
        """The comparison, a line a variant."""
        return comparison(self.evidence).frame()

    def plot(self, what: What = "accuracy", ax: "Axes | None" = None) -> "Axes":
        """One line a model: its "accuracy" with its 95% interval, or the "time" of one training with its spread."""
        return comparison(self.evidence).plot(what, ax)

    def to_json(self) -> dict[str, Any]:
        """What `etalon run --json` writes, without the report's path; what is not a finite number is None."""
        told = {"questions": [one.to_json() for one in self.answers()], "notice": self.notice}
        found: dict[str, Any] = plain({**self.evidence.to_json(), **told})
        return found

    def __str__(self) -> str:
        told = [str(comparison(self.evidence)), *map(str, self.answers()), self.notice]
        return "\n\n".join(filter(None, told))

    def _repr_html_(self) -> str:
        return comparison(self.evidence)._repr_html_()

    def _later(self, outcome: Outcome) -> bool:
        """Whether a variant comes after another one than the reference, of which there are results."""
        return outcome.candidate.after in self._outcomes.keys() - {self._reference}

    def _on(self, part: PartName) -> "Result":
        if part == self.part:
            return self
        other = copy(self)
        other.part = part
        other._outcomes = outcomes(self.plan, self._runs, part)
        vars(other).pop("evidence", None)  # that of the other part
        return other

    def _renderer_options(self, path: Path) -> dict[str, Any]:
        if path.suffix.lower() != ".ipynb":
            return {}
        if not self.origin:
            raise StudyError(
                _("the notebook {name}").format(name=path.name),
                _("it would run the study again, and this study was not read from a file"),
                _("Write the study in a .py file and open it with etalon.open_study, or ask for .html or .pdf."),
            )
        return {"setup": setup(self.origin, self.questions)}

    def _verdicts(
        self, pairs: Mapping[str, tuple[str, str]], metric: Metric, of: str | None, rope: float | None
    ) -> Verdicts:
        compared = [self[name] for name in dict.fromkeys(name for pair in pairs.values() for name in pair)]
        return compare_all(
            {outcome.name: outcome.predictions for outcome in compared},
            pairs,
            metric=metric,
            of=of,
            classes=self.dataset.class_names(),
            heads={o.name: head_of(o.runs[0].head, o.candidate.recipe.loss) for o in compared},
            rope=self.rope if rope is None and metric != "log_loss" else rope,
            design=self.design,
            trained=self._trained,
        )

    def _notable(self) -> list[str]:
        made = self._recommended
        by_accuracy = sorted(made.candidates, key=lambda c: -c.accuracy.value)
        return list(dict.fromkeys([self._reference, made.chosen, *(c.name for c in by_accuracy)]))[:ROBUST_MODELS]
