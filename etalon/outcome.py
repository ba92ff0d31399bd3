"""What came of one variant: its curves, its mistakes, its confidence, its trained model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from etalon.analysis import explained, findings, mistakes
from etalon.analysis.architecture import shapes
from etalon.analysis.coding import Preparation, preparation
from etalon.analysis.confidence import Confidence, confidence
from etalon.analysis.curves import LearningCurves, Overfitting, learning_curves, overfitting
from etalon.analysis.findings import Finding, Findings
from etalon.analysis.gradients import Gradients, gradient_flow
from etalon.analysis.hesitation import hesitation
from etalon.analysis.predictions import PartName, Predictions, predictions
from etalon.analysis.published import Published, published
from etalon.data.dataset import Part
from etalon.errors import StudyError
from etalon.locales import _
from etalon.models.lower import Network
from etalon.study.plan import Plan
from etalon.study.run import Run
from etalon.study.variant import Candidate
from etalon.train.predict import predict

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of one variant, on one part: "validation", or "test" once it has been opened.

    runs: one a seed; sealed (`Run.sealed`) until then.
    """

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

    def correct(self) -> np.ndarray:
        """(seeds of the study, pool) 1 right, 0 wrong, NaN where a seed has not seen the image or was not trained."""
        rows = np.full((len(self.plan.seeds), self.predictions.pool), np.nan, np.float32)
        rows[[self.plan.seeds.index(run.seed) for run in self.runs]] = self.predictions.correct()
        return rows

    def frame(self, seed: int | None = None) -> "pd.DataFrame":
        """Index, true, predicted, confidence, and one column a class, for one seed (the first by default)."""
        return self.predictions.frame(seed, self._names)

    def curves(self) -> LearningCurves:
        """Accuracy and loss epoch by epoch, with the spread over seeds.

        Those of the test part are there once it has been opened, if the recipe asked for them (`test_curves=True`).
        """
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

    def worst_classes(self, n: int = 1) -> Finding:
        """The n classes with the highest error rate, in a sentence."""
        return findings.worst_classes(self.per_class(), n)

    def gallery(self, **chosen: Any) -> mistakes.Gallery:
        """Misclassified images; `true`, `predicted`, `pairs`, `n`, `order`, `seed`: see `analysis.mistakes.gallery`."""
        return mistakes.gallery(self.predictions, self.pool.x, self._names, **chosen)

    def gradients(self, *others: "Outcome") -> Gradients:
        """The gradient that reached each layer, epoch by epoch, beside that of others.

        Raises:
            StudyError: a variant that was trained without `gradient_norms=True`.
        """
        return Gradients(tuple(gradient_flow(outcome.runs) for outcome in (self, *others)))

    def consistency(self) -> Finding:
        """Whether accuracy on test is that of validation.

        Raises:
            StudyError: the test part is sealed.
        """
        on_validation = predictions(self.runs, self.plan.dataset.train.y, "validation")
        return findings.consistency(on_validation, predictions(self.runs, self.plan.dataset.test.y, "test"))

    def hesitation(self, true: int | str, predicted: int | str) -> Finding:
        """How sure the model was of the images of the class `true` that it took for `predicted`."""
        return hesitation(self.predictions, self._names, true, predicted)

    def preparation(self) -> Preparation:
        """What becomes of images and targets ahead of the first weights, and why."""
        return preparation(self.candidate, self.plan.dataset)

    def shapes(self) -> Finding:
        """The sizes of the maps from the image to the classes, and how much of the image a value of the last sees."""
        return shapes(self.candidate.weights, self.plan.dataset.image_shape, self.name)

    def output_layer(self) -> Finding:
        """Why the last layer is what it is."""
        return explained.output_layer(self.candidate, self.plan.dataset)

    def compiled(self) -> Findings:
        """What `compile` was told, and why: the loss, the optimizer, the metric."""
        return explained.compiled(self.candidate, self.plan.dataset)

    def updates(self, fewer_than: int | None = None) -> Finding:
        """How often the weights are updated, and the smallest batch for fewer updates an epoch than that."""
        return explained.batches(self.candidate, self.plan.dataset, self.plan.split, fewer_than)

    def published(self, source: str, **figures: float) -> Published:
        """What others have published beside ours: `accuracy`, `precision_macro`, `recall_macro`, `f1_macro`."""
        return published(self.predictions, source, figures)

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
        from etalon.data.framing import framing
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
            "layout": framing(dataset.train),
            **self.confidence().settings(run.seed),
        }
        return export(path, self.keras_model(seed) if keras else self.network(seed).module, card)

    @property
    def _names(self) -> tuple[str, ...]:
        return self.plan.dataset.class_names()


def outcomes(plan: Plan, runs: Mapping[str, Sequence[Run]], part: PartName) -> dict[str, Outcome]:
    """By name, in the order of the plan, those of the variants that have runs; on validation the runs are sealed."""
    found = {}
    for candidate in plan.candidates:
        if some := runs.get(candidate.name):
            shown = some if part == "test" else [run.sealed() for run in some]
            found[candidate.name] = Outcome(candidate, tuple(shown), plan, part)
    return found
