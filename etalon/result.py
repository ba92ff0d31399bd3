"""What comes of a study: tables, verdicts, curves, mistakes, a recommendation, a report."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from etalon.analysis import mistakes
from etalon.analysis.calibration import head_of
from etalon.analysis.confidence import Confidence, confidence
from etalon.analysis.curves import LearningCurves, Overfitting, learning_curves, overfitting
from etalon.analysis.metrics import compare_all
from etalon.analysis.predictions import PartName, Predictions, predictions
from etalon.analysis.recommend import WEIGHTS, Recommendation, recommend
from etalon.analysis.recommend import Candidate as Weighed
from etalon.analysis.robustness import VERSION, Robustness, robustness
from etalon.analysis.verdicts import Metric, Verdicts, plain
from etalon.data.dataset import Dataset, Part
from etalon.errors import StudyError
from etalon.locales import Text, _, choose, language, use
from etalon.models.lower import Network
from etalon.report.evidence import Entry, Evidence, Scores
from etalon.report.tables import comparison
from etalon.study.plan import Plan, Tally
from etalon.study.run import Run
from etalon.study.shelf import Kept, digest
from etalon.study.variant import Candidate
from etalon.train.predict import predict

if TYPE_CHECKING:
    import pandas as pd

ROBUST_SEEDS, ROBUST_IMAGES, ROBUST_MODELS = 3, 1000, 3  # what a report spends on degraded images


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of one variant, on one part: "validation", or "test" once it has been opened."""

    candidate: Candidate
    runs: tuple[Run, ...]
    plan: Plan
    part: PartName = "validation"

    def __repr__(self) -> str:
        accuracies = ", ".join(f"{value:.4f}" for value in self.accuracy)
        return f"Outcome({self.name!r}, {self.part} accuracy {accuracies})"

    @property
    def name(self) -> str:
        """The variant's name."""
        return self.candidate.name

    @property
    def pool(self) -> Part:
        """The images that the predictions are about: the training part for validation, else the test part."""
        return self.plan.dataset.train if self.part == "validation" else self.plan.dataset.test

    @cached_property
    def predictions(self) -> Predictions:
        """The answers, seed after seed."""
        return predictions(self.runs, self.pool.y, self.part)

    @property
    def accuracy(self) -> np.ndarray:
        """(k,) one a seed."""
        return self.predictions.accuracy

    def frame(self, seed: int | None = None) -> "pd.DataFrame":
        """Index, true, predicted, confidence, and one column a class, for one seed (the first by default)."""
        return self.predictions.frame(seed, self._names)

    def curves(self) -> LearningCurves:
        """Accuracy and loss epoch by epoch, with the spread over seeds."""
        return learning_curves(self.runs)

    def overfitting(self) -> Overfitting:
        """The gap between training and validation, and from which epoch it grows."""
        return overfitting(self.runs)

    def confusion(self) -> mistakes.Confusion:
        """The confusion matrix."""
        return mistakes.confusion(self.predictions, self._names)

    def per_class(self) -> mistakes.PerClass:
        """Error rate, precision, recall and F1 of each class."""
        return mistakes.per_class(self.predictions, self._names)

    def gallery(self, **chosen: Any) -> mistakes.Gallery:
        """Misclassified images; `true`, `predicted`, `n`, `order`, `seed` as in `analysis.mistakes.gallery`."""
        return mistakes.gallery(self.predictions, self.pool.x, self._names, **chosen)

    def confidence(self) -> Confidence:
        """Whether the confidence of the answers is deserved, and which images to leave to a person."""
        data, opened = self.plan.dataset, self.part == "test"
        return confidence(self.runs, data.train.y, data.test.y if opened else None, loss=self.candidate.recipe.loss)

    def network(self, seed: int | None = None) -> Network:
        """The trained torch network of a seed (by default the best on validation)."""
        run = self.run(seed)
        network = self.candidate.network(run.seed)
        network.load(self.plan.store.weights(run.key))
        return network

    def run(self, seed: int | None = None) -> Run:
        """The run of a seed; by default the best on validation.

        Raises:
            StudyError: no finished run of this seed.
        """
        if seed is None:
            return max(self.runs, key=lambda run: run.validation_accuracy)
        for run in self.runs:
            if run.seed == seed:
                return run
        raise StudyError(
            _("seed {seed} of {name}").format(seed=seed, name=self.name),
            _("it has no finished run"),
            _("Choose another seed."),
        )

    def predictor(self, seed: int | None = None) -> Callable[[np.ndarray], np.ndarray]:
        """A trained network: images uint8 or float32 (n, h, w, c), values 0..255 -> logits float32 (n, n_classes)."""
        network, scale = self.network(seed), self.candidate.recipe.scale
        return lambda images: predict(network, images, scale)

    def keras_model(self, seed: int | None = None) -> Any:
        """The user's own model, trained (of a seed, by default the best on validation).

        Raises:
            StudyError: the variant is a torch module.
        """
        from etalon.models.describe import is_keras
        from etalon.models.lower import write_back

        if not is_keras(self.candidate.model):
            raise StudyError(
                _("keras_model of {name}").format(name=self.name), _("it is a torch module"), _("Use network().")
            )
        model = self.candidate.variant.build(**self.candidate.variant.arguments)
        if not model.built:
            model.build((None, *self.plan.dataset.image_shape))
        write_back(self.network(seed), model)
        return model

    def export(self, path: str | Path, seed: int | None = None) -> Path:
        """Write the trained model (of a seed, by default the best on validation) as a bundle: a folder, or a .zip."""
        from etalon.models.bundle import export
        from etalon.models.describe import is_keras

        run, dataset = self.run(seed), self.plan.dataset
        keras = is_keras(self.candidate.model)
        card = {
            "classes": dict(dataset.classes),
            "image_shape": dataset.image_shape,
            "scale": self.candidate.recipe.scale,
            "dataset": dataset.digest,
            "study": run.study,
            "variant": self.name,
            "seed": run.seed,
            "validation_accuracy": run.validation_accuracy,
        }
        return export(path, self.keras_model(seed) if keras else self.network(seed).module, card)

    @property
    def _names(self) -> tuple[str, ...]:
        return self.plan.dataset.class_names()


class Result:
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
        origin: str = "",
    ) -> None:
        self.plan, self.tally, self.title, self.context, self.rope = plan, tally, title, context, rope
        self.origin = origin  # Python that makes the study again, for a notebook
        self.part: PartName = "validation"
        runs = plan.runs()
        self._outcomes = {c.name: Outcome(c, runs[c.name], plan) for c in plan.candidates if runs[c.name]}
        self._reference = plan.candidates[0].name
        if self._reference not in self._outcomes:
            errors = [
                _("seed {seed}: {error}").format(seed=seed, error=r.error)
                for (name, seed), r in plan.failures().items()
                if name == self._reference
            ]
            raise StudyError(
                _("the reference {name}").format(name=self._reference),
                _("none of its trials came to an end"),
                " ".join(errors),
            )

    @property
    def dataset(self) -> Dataset:
        """The images."""
        return self.plan.dataset

    @property
    def reference(self) -> Outcome:
        """What the variants are compared with."""
        return self._outcomes[self._reference]

    def __getitem__(self, name: str) -> Outcome:
        if name not in self._outcomes:
            raise StudyError(
                _("variant {name!r}").format(name=name),
                _("the study has no finished trial of it"),
                _("There are {names}.").format(names=", ".join(self._outcomes)),
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
        pairs: Literal["reference", "all"] = "reference",
        metric: Metric = "accuracy",
        of: str | None = None,
        rope: float | None = None,
    ) -> Verdicts:
        """Which variants really differ from the reference, or from another variant, or from one another.

        Args:
            pairs: "all" compares every two variants, with Holm's correction over all the pairs; "wide - slow" is then
                the name of the difference between wide and slow.
            metric, of, rope: "accuracy"; "log_loss" (nats, less is better); "recall" `of` a class; "macro_f1". The
                margin is that of the study, and 0.01 nat for log loss.
        """
        base = self[reference or self._reference].name
        names = list(self._outcomes)
        if pairs == "all":
            chosen = {f"{second} - {first}": (first, second) for first, second in combinations(names, 2)}
        else:
            chosen = {name: (base, name) for name in names if name != base}
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

    def recommend(self, weights: Mapping[str, float] = WEIGHTS) -> Recommendation:
        """The model to choose, from validation: accuracy, overfitting and time, with these weights."""
        on_validation = self._on("validation")
        weighed = [
            Weighed(o.name, self._correct(o), o.overfitting().gap, float(np.mean([run.fit_time for run in o.runs])))
            for o in on_validation
        ]
        return recommend(weighed, weights=weights, rope=self.rope)

    def test(self) -> "Result":
        """Open the test part: the same results, on images that no choice has looked at.

        The opening is written in the store's ledger, once for a given set of trained variants.
        """
        store, chosen = self.plan.store, self._recommended.chosen
        choice = hashlib.sha256(" ".join(sorted(self.plan.keys.values())).encode()).hexdigest()
        store.open_test(self.dataset.digest, choice, choose(self.title), len(self), chosen)
        return self._on("test")

    def robustness(self, names: Sequence[str] | None = None, **options: Any) -> Robustness:
        """Accuracy on degraded test images, which opens the test part; measured once, then read from the store.

        Args:
            names: of variants; by default the reference, the recommended one, and the most accurate on validation.
            options: `severities`, `corruptions`, `limit`, `seed` of `analysis.robustness.robustness`.
        """
        opened, options = self.test(), {"limit": ROBUST_IMAGES, **options}
        runs = {name: opened[name].runs[:ROBUST_SEEDS] for name in names or self._notable()}
        decisive = {name: value for name, value in options.items() if name != "progress"}
        told = {name: [run.scalars() for run in some] for name, some in runs.items()}
        key, shelf = digest(["robustness", VERSION, self.dataset.digest, told, decisive]), self.plan.store.shelf
        found = shelf.get(key, lambda kept: Robustness.of(kept.meta, kept.arrays))
        if found is None:
            models = {name: [opened[name].predictor(run.seed) for run in some] for name, some in runs.items()}
            found = robustness(models, (self.dataset.test.x, self.dataset.test.y), **options)
            shelf.put(key, Kept(found.scalars(), found.arrays()))
        return found

    @cached_property
    def _recommended(self) -> Recommendation:
        """With the weights by default; the same on both parts, since it rests on validation."""
        return self.recommend()

    @cached_property
    def _degraded(self) -> Robustness:
        return self.robustness()

    @cached_property
    def evidence(self) -> Evidence:
        """All that a table or a report shows, but for robustness."""
        found, plan = self.verdicts(), self.plan
        validation = self._on("validation")
        failures = plan.failures()
        errors = {
            c.name: [
                _("seed {seed}: {error}").format(seed=seed, error=r.error)
                for (name, seed), r in failures.items()
                if name == c.name
            ]
            for c in plan.candidates
        }
        entries = [
            Entry(
                outcome.candidate,
                outcome.curves(),
                [run.fit_time for run in outcome.runs],
                Scores.of(validation[outcome.name].predictions),
                Scores.of(outcome.predictions) if self.part == "test" else None,
                None if outcome is self.reference else found[outcome.name],
                errors[outcome.name],
            )
            for outcome in self
        ]
        return Evidence(
            self.title,
            self.context,
            self.dataset,
            plan.split,
            plan.seeds,
            self.rope,
            self.tally,
            entries,
            found,
            self._recommended,
            plan.store.openings(self.dataset.digest),
            {name: broken for name, broken in errors.items() if name not in self._outcomes},
            self.reference.runs[0].environment,
        )

    def report(self, path: str | Path, lang: str | None = None) -> Path:
        """Write the report (.html, .pdf or .ipynb), which opens the test part; returns the path."""
        from etalon.report.build import build
        from etalon.report.render import render

        with use(lang):
            opened = self.test()
            sure = opened[self._recommended.chosen].confidence()
            evidence = replace(opened.evidence, robustness=self._degraded, confidence=sure)
            return render(build(evidence, datetime.now()), path, **self._renderer_options(Path(path)))

    def report_path(self, stem: str) -> Path:
        """Where the command line puts a report: in the store, by study, data and language."""
        return self.plan.store.reports / f"{stem}-{self.dataset.name.split(' ')[0]}.{language()}.html"

    def frame(self) -> "pd.DataFrame":
        """The comparison, a line a variant."""
        return comparison(self.evidence).frame()

    def to_json(self) -> dict[str, Any]:
        """What `etalon run --json` writes, without the report's path; what is not a finite number is None."""
        found: dict[str, Any] = plain(self.evidence.to_json())
        return found

    def __str__(self) -> str:
        return str(comparison(self.evidence))

    def _repr_html_(self) -> str:
        return comparison(self.evidence)._repr_html_()

    def _on(self, part: PartName) -> "Result":
        if part == self.part:
            return self
        other = copy(self)
        other.part = part
        other._outcomes = {outcome.name: replace(outcome, part=part) for outcome in self}
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
        lines = [
            "%matplotlib inline",
            self.origin,
            "result = study.result()",
            "dataset, opened = result.dataset, result.test()",
            "robustness = result.robustness()",
        ]
        return {"setup": "\n".join(lines)}

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
        )

    def _correct(self, outcome: Outcome) -> np.ndarray:
        """(seeds of the study, pool) 1 right, 0 wrong, NaN where a seed has not seen the image or was not trained."""
        answers = outcome.predictions
        rows = np.full((len(self.plan.seeds), answers.pool), np.nan, np.float32)
        places = [self.plan.seeds.index(seed) for seed in answers.seeds]
        rows[places] = answers.correct()
        return rows

    def _notable(self) -> list[str]:
        made = self._recommended
        by_accuracy = sorted(made.candidates, key=lambda c: -c.accuracy.value)
        return list(dict.fromkeys([self._reference, made.chosen, *(c.name for c in by_accuracy)]))[:ROBUST_MODELS]
