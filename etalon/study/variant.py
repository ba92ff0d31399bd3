"""A variant: a named way to make a model and its recipe, and what becomes of it before training."""

import hashlib
import inspect
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from etalon.data.dataset import Dataset
from etalon.data.splits import Split
from etalon.errors import EtalonError, ModelError, StudyError
from etalon.locales import Text, _
from etalon.models.checks import check, guard
from etalon.models.describe import ModelDescription, describe, digest, is_keras
from etalon.models.factors import Factor, differences
from etalon.models.initial import draw, kept
from etalon.models.lower import Network, lower, wrap
from etalon.models.weights import WeightsTable, weights
from etalon.study.faults import fault, remedy
from etalon.train.recipe import Recipe, keras_callbacks

ENGINE = 3  # raised when the same key would no longer give the same result


@dataclass(frozen=True, eq=False)
class Variant:
    """What the user wrote.

    build: returns a Keras model or an nn.Module; called with `arguments`.
    settings: the fields of the recipe in which this variant departs from the study.
    after: the variant of which it changes something; the reference where there is none of that name.
    text: the Python text of `build`, where it is known otherwise than from `build` itself.
    """

    name: str
    build: Callable[..., Any]
    because: Text = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    after: str = ""
    text: str = ""

    @classmethod
    def of(
        cls, build: Callable[..., Any], because: Text, keywords: Mapping[str, Any], name: str = "", after: str = ""
    ) -> "Variant":
        """Sort `keywords` into arguments of `build` and settings of the recipe.

        Raises:
            StudyError: a keyword that is neither, or an argument that is missing.
        """
        signature = inspect.signature(build)
        parameters = set(signature.parameters)
        settings = set(Recipe.model_fields) - {"from_logits"}
        unknown = set(keywords) - parameters - settings
        name = name or build.__name__
        if unknown:
            raise StudyError(
                _("{names} given to variant {name!r}").format(names=", ".join(sorted(unknown)), name=name),
                _("neither an argument of its function nor a setting of the recipe"),
                _("Arguments: {arguments}; settings: {settings}.").format(
                    arguments=", ".join(sorted(parameters)) or _("none"), settings=", ".join(sorted(settings))
                ),
            )
        arguments = {k: v for k, v in keywords.items() if k in parameters}
        try:
            signature.bind(**arguments)
        except TypeError as error:
            remedy = _("Give it to the decorator, or give it a default in the function.")
            raise StudyError(_("variant {name!r}").format(name=name), str(error), remedy) from error
        given = {k: v for k, v in keywords.items() if k not in parameters}
        return cls(name, build, because, arguments, given, after)

    @property
    def source(self) -> str:
        """The Python text of `build`, as the user wrote it; empty where there is none to be had."""
        if self.text:
            return self.text
        try:
            return inspect.getsource(self.build)
        except (OSError, TypeError):
            return ""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A variant whose model has been built and checked against the data, ready to be trained with any seed.

    make: returns the model, the same at each call.
    callbacks: Keras's objects, as given by the study or the variant; EarlyStopping is part of the recipe.
    after: the name of the candidate from which `factors` tell it; "" for the reference.
    """

    variant: Variant
    make: Callable[[], Any]
    recipe: Recipe
    image_shape: tuple[int, int, int]
    callbacks: tuple[Any, ...] = ()
    factors: tuple[Factor, ...] = ()
    after: str = ""

    @classmethod
    def of(cls, variant: Variant, settings: Mapping[str, Any], dataset: Dataset) -> "Candidate":
        """Build the model once, settle the recipe, and catch the mistakes that can be caught before training.

        Raises:
            ModelError: the function fails, or its model does not fit the images, the classes or the loss.
            RecipeError: a setting that has no meaning.
        """
        try:
            model = _made(variant, dataset.image_shape)
            settings = {**settings, **variant.settings}
            recipe = Recipe.of(model, settings)
            check(model, dataset.image_shape, dataset.n_classes, recipe.loss, recipe.from_logits)
            return cls(variant, lambda: model, recipe, dataset.image_shape, keras_callbacks(settings))
        except EtalonError as error:
            error.within(_("in variant {name!r}").format(name=variant.name))
            raise

    @property
    def name(self) -> str:
        """The variant's name."""
        return self.variant.name

    @cached_property
    def model(self) -> Any:
        """A Keras model or an nn.Module."""
        return self.make()

    @cached_property
    def weights(self) -> WeightsTable:
        """Weights per layer, per neuron or filter."""
        return weights(self.model, image_shape=self.image_shape)

    @cached_property
    def _description(self) -> ModelDescription:
        return describe(self.model, self.variant.build)

    def against(self, other: "Candidate") -> "Candidate":
        """The same, with the factors in which it differs from `other`."""
        factors = differences(other._description, self._description, other.recipe.to_json(), self.recipe.to_json())
        return replace(self, factors=factors, after=other.name)

    def is_trained_as(self, other: "Candidate") -> bool:
        """Whether the trials of both have the same keys."""
        return self._model_digest == other._model_digest and self.recipe.to_json() == other.recipe.to_json()

    def network(self, seed: int) -> Network:
        """A torch network with the initial weights of `seed`, shared with other variants where shapes agree."""
        if not is_keras(self.model):
            import torch

            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                return wrap(self.variant.build(**self.variant.arguments))
        given = self.model.get_weights()
        try:
            self.model.set_weights(draw(self.model, seed))
            return lower(self.model, self.image_shape)
        finally:
            self.model.set_weights(given)

    def key(self, dataset: Dataset, split: Split, seed: int) -> str:
        """The digest of all that decides the result of a trial."""
        decisive = {
            "engine": ENGINE,
            "data": dataset.digest,
            "split": {"kind": type(split).__name__, **vars(split)},
            "model": self._model_digest,
            "recipe": self.recipe.to_json(),
            "seed": seed,
        }
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:32]

    @cached_property
    def _model_digest(self) -> str:
        return digest(self._description) + (kept(self.model) if is_keras(self.model) else "")


def _made(variant: Variant, image_shape: Sequence[int]) -> Any:
    """What the user's function returns.

    Raises:
        ModelError: it fails, and where.
    """
    try:
        return guard(lambda: variant.build(**variant.arguments), image_shape)
    except EtalonError:
        raise
    except Exception as error:
        otherwise = _("Correct the function: it makes the model and may compile it; Étalon trains it.")
        raise ModelError(_("its function"), fault(error), remedy(error, otherwise)) from error


def candidates(variants: Mapping[str, Variant], settings: Mapping[str, Any], dataset: Dataset) -> list[Candidate]:
    """All variants made ready, the reference first; warns where one changes more than one thing.

    Each is compared with the one that it comes after, by default the reference.
    """
    ready = {name: Candidate.of(variant, settings, dataset) for name, variant in variants.items()}
    reference, *others = ready.values()
    others = [c.against(ready.get(c.variant.after, reference)) for c in others]
    for candidate in others:
        if len(candidate.factors) > 1 or candidate.is_trained_as(ready[candidate.after]):
            warnings.warn(_warning(candidate, reference.name), MoreThanOneFactor, stacklevel=5)
    return [reference, *others]


class MoreThanOneFactor(UserWarning):
    """A variant that changes several things, or none: the effect seen can be put down to none of them."""


def _warning(candidate: Candidate, reference: str) -> str:
    told = {"name": candidate.name, "other": candidate.after, "n": len(candidate.factors)}
    apart = candidate.after != reference
    if not candidate.factors:
        same = _("variant {name!r} is the same as the reference: same trainings, same results; remove or change it")
        as_other = _("variant {name!r} is the same as {other!r}: same trainings, same results; remove or change it")
        return (as_other if apart else same).format(**told)
    from_reference = _("variant {name!r} differs from the reference in {n} things ({factors})")
    from_other = _("variant {name!r} differs from {other!r} in {n} things ({factors})")
    factors = _("; ").join(factor.sentence() for factor in candidate.factors)
    return (from_other if apart else from_reference).format(**told, factors=factors)
