"""In what a variant differs from the reference: found by comparing the two, never declared by hand.

Layers are aligned as sequences are in biology (Needleman and Wunsch 1970, with Gotoh's affine gaps, 1982), so
that a layer inserted ahead of others is one insertion and not a change of all that follow.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from etalon.locales import _, ngettext, number, percent
from etalon.models.describe import BUILD, Json, ModelDescription
from etalon.models.steps import FUSED, Family, Step, block_label, object_label, steps

Recipe = Mapping[str, Json]


@dataclass(frozen=True)
class Factor:
    """One thing in which a variant differs from the reference.

    Attributes:
        family: one of the five families of the mini-project.
        name: a stable English key ("filters", "dropout", "optimizer").
        before: what the reference has, JSON-able. For layers, one value a place; empty where it has none.
        after: the same for the variant.
        where: positions of the layers concerned: in the variant's description, or in the reference's for
            layers that the variant no longer has. Empty for settings of the recipe.
    """

    family: Family
    name: str
    before: Json
    after: Json
    where: tuple[int, ...] = ()

    def sentence(self) -> str:
        """The factor in the language in force: "Dropout(0.25) added in 2 places", "epochs: 5 → 15"."""
        if self.name == "augmentation":
            return _change(_("augmentation"), _augmentation(self.before), _augmentation(self.after))
        if not self.where:
            return _change(_title(self.name), _value(self.before), _value(self.after))
        if not self.before:
            return ", ".join(_added(label, n) for label, n in Counter(map(str, self.after)).items())
        if not self.after:
            return ", ".join(_removed(label, n) for label, n in Counter(map(str, self.before)).items())
        if self.before == self.after:
            return _("{layers} moved").format(layers=", ".join(dict.fromkeys(self.after)))
        if len(self.before) != len(self.after):
            return _change(_title(self.name), ", ".join(self.before), ", ".join(self.after))
        pairs = zip(self.before, self.after, strict=True)
        changes = dict.fromkeys(_arrow(_value(before), _value(after)) for before, after in pairs)
        return _("{what}: {how}").format(what=_title(self.name), how=", ".join(changes))

    @property
    def own(self) -> str:
        """What the variant has, in the language in force: "epochs 15"."""
        if self.name == "augmentation":
            return f"{_('augmentation')} {_augmentation(self.after)}"
        return f"{_title(self.name)} {_value(self.after)}"


def apart(recipes: Sequence[Recipe]) -> list[str]:
    """What tells recipes from one another: for each, in words, its settings that are not those of all."""
    factors = [{f.name: f for other in recipes for f in _recipe_factors(other, own)} for own in recipes]
    return [", ".join(factor.own for factor in some.values()) for some in factors]


def told(recipe: Recipe) -> str:
    """A recipe in words: its optimizer, then every setting that says something."""
    optimizer, rate = _optimizer(recipe)
    kept = {key: _setting_of(recipe, key) for key in FAMILIES if key not in APART}
    some = [Factor(FAMILIES[key], key, None, value) for key, value in kept.items() if value]
    some += [Factor("strategy", _snake(kind), None, value) for kind, value in _callbacks(recipe).items()]
    return ", ".join([_optimizer_phrase({**optimizer, "learning_rate": rate}), *(factor.own for factor in some)])


def differences(
    reference: ModelDescription, variant: ModelDescription, reference_recipe: Recipe, variant_recipe: Recipe
) -> tuple[Factor, ...]:
    """All the factors between a reference and a variant; none when both are the same.

    A change of one setting in several layers is one factor, as is one class of layer put in several places, or a
    block of layers put in one. Each kind of regularisation layer counts for itself, unless it comes inside
    a block that only repeats what the reference already does.

    Args:
        reference, variant: descriptions of the two models.
        reference_recipe, variant_recipe: flat JSON-able settings: optimizer ({"class_name", "config"}),
            learning_rate (a number or a schedule), loss, epochs, batch_size, scale, augmentation,
            class_weight, early_stopping, callbacks, label_smoothing, precision, resample...
    """
    return (*_model_factors(reference, variant), *_recipe_factors(reference_recipe, variant_recipe))


# --- models ---------------------------------------------------------------------------------------------------

GAP, OPENING = 1.0, 0.3  # cost of a step without fellow, and of beginning a run of them
SAME_EVERYWHERE = ("_regularizer", "_initializer", "_constraint", "use_bias", "activation", "trainable")


def _model_factors(reference: ModelDescription, variant: ModelDescription) -> Iterator[Factor]:
    if "torch" in (reference.kind, variant.kind):
        if _without_builder(reference) != _without_builder(variant):
            yield Factor("architecture", "network", reference.layers[0].kind, variant.layers[0].kind)
        return
    before, after = steps(reference), steps(variant)
    groups = _Groups(before, after)
    i = j = 0
    for old, new in [*_align(before, after), (len(before), len(after))]:
        groups.gap(before[i:old], after[j:new])
        if old < len(before):
            groups.pair(before[old], after[new])
        i, j = old + 1, new + 1
    yield from groups.factors()
    if not groups.found and [step.reads for step in before] != [step.reads for step in after]:
        yield Factor("architecture", "connections", "reference", "variant")


def _without_builder(model: ModelDescription) -> list[Json]:
    """Two functions may well make the same torch module."""
    return [(layer.kind, {k: v for k, v in layer.config.items() if k != BUILD}) for layer in model.layers]


class _Groups:
    """Gathers the differences of two aligned models: those of one key are one factor."""

    def __init__(self, before: Sequence[Step], after: Sequence[Step]) -> None:
        self.before, self.after = before, after
        self.found: dict[tuple[Any, ...], tuple[list[Json], list[Json], list[int]]] = {}

    def note(self, key: tuple[Any, ...], before: list[Json], after: list[Json], place: int) -> None:
        befores, afters, places = self.found.setdefault(key, ([], [], []))
        befores += before
        afters += after
        places.append(place)

    def pair(self, old: Step, new: Step) -> None:
        """Note what changed between two steps that stand at the same place."""
        if old.kind != new.kind:
            name = _snake(new.kind) if new.family == "regularisation" else new.role
            self.note((new.family, name, old.kind, new.kind), [old.label()], [new.label()], new.place)
        elif old.kind == "Activation":
            if old.config != new.config:
                self.note(("architecture", "activation"), [old.label()], [new.label()], new.place)
            return
        for setting in _changed(old, new):
            common = setting.endswith(SAME_EVERYWHERE)
            key = (*_setting(new, setting), None if common else new.kind)
            self.note(key, [old.config.get(setting)], [new.config.get(setting)], new.place)

    def gap(self, removed: Sequence[Step], added: Sequence[Step]) -> None:
        """Note the steps that stand between two pairs, on one side only."""
        gone = self.apart(removed, self.after, removed=True)
        come = self.apart(added, self.before, removed=False)
        if not gone and not come:
            return
        kinds = [tuple(step.kind for step in block) for block in (gone, come) if block]
        before, after = ([block_label(block)] if block else [] for block in (gone, come))
        name = "activation" if {kind for block in kinds for kind in block} == {"Activation"} else "layers"
        self.note(("architecture", name, *kinds), before, after, (come or gone)[0].place)

    def apart(self, steps: Sequence[Step], others: Sequence[Step], removed: bool) -> list[Step]:
        """Note regularisation and augmentation for themselves; returns the rest, of the architecture."""
        mixed = any(step.family == "architecture" for step in steps)
        rest = []
        for step in steps:
            if step.family == "architecture" or (mixed and any(step.like(other) for other in others)):
                rest.append(step)
                continue
            name = "augmentation" if step.family == "augmentation" else _snake(step.kind)
            label = [step.label()]
            self.note((step.family, name, "layer"), label if removed else [], [] if removed else label, step.place)
        return rest

    def factors(self) -> Iterator[Factor]:
        for key, (before, after, places) in self.found.items():
            yield Factor(key[0], key[1], tuple(before), tuple(after), tuple(places))


def _changed(old: Step, new: Step) -> list[str]:
    keys = sorted({*old.config, *new.config} if old.kind == new.kind else {*old.config} & {*new.config})
    return [key for key in keys if old.config.get(key) != new.config.get(key)]


def _setting(step: Step, key: str) -> tuple[Family, str]:
    if key.endswith(("_regularizer", "_constraint")):
        return "regularisation", key
    if key.endswith("_initializer"):
        return "hyperparameters", key
    if key == "trainable":
        return "strategy", key
    if step.family == "architecture":
        return "architecture", key
    name = _snake(step.kind)
    return step.family, name if key in ("rate", "stddev", "factor") else f"{name} {key}"


def _align(before: Sequence[Step], after: Sequence[Step]) -> list[tuple[int, int]]:
    """The pairs of positions, in order, of the cheapest alignment of two sequences of steps."""
    moves = ((1, 1), (1, 0), (0, 1))  # pair two steps, drop one, put one
    rows, columns = range(len(before) + 1), range(len(after) + 1)
    cost = [[[math.inf] * 3 for _j in columns] for _i in rows]  # of the first i and j, by the last move
    came = [[[0] * 3 for _j in columns] for _i in rows]
    cost[0][0][0] = 0.0
    for i, j, move in product(rows, columns, range(3)):
        di, dj = moves[move]
        if i < di or j < dj:
            continue
        step = _distance(before[i - 1], after[j - 1]) if move == 0 else GAP
        past = cost[i - di][j - dj]
        ways = [past[k] + (0.0 if move in (0, k) else OPENING) for k in range(3)]
        came[i][j][move] = min(range(3), key=ways.__getitem__)
        cost[i][j][move] = step + min(ways)
    i, j = len(before), len(after)
    move, pairs = min(range(3), key=cost[i][j].__getitem__), []
    while i or j:
        di, dj = moves[move]
        if move == 0:
            pairs.append((i - 1, j - 1))
        move, i, j = came[i][j][move], i - di, j - dj
    fellow = _slide({j: i for i, j in pairs}, after, before)
    return sorted(_slide({i: j for j, i in fellow.items()}, before, after).items())


def _distance(old: Step, new: Step) -> float:
    """What it costs to pair two steps; to drop one and put the other costs 2.6."""
    if old.kind == new.kind:
        changes = len(_changed(old, new))
        return min(1.2, 0.4 + 0.2 * changes) if changes else 0.0
    return 1.0 + 0.2 * len(_changed(old, new)) if old.role == new.role else float("inf")


def _slide(fellow: dict[int, int], own: Sequence[Step], other: Sequence[Step]) -> dict[int, int]:
    """Let a run without fellows, where it could as well stand later, begin with a layer that has weights.

    Of (conv, relu, conv, relu), what was added is a "conv, relu" and not a "relu, conv".
    """
    start = 0
    while start < len(own):
        stop = start
        while stop < len(own) and stop not in fellow:
            stop += 1
        first, last = start, stop
        while first < last < len(own) and not any(part in own[first].kind for part in FUSED):
            if not own[first].like(own[last]) or not own[last].like(other[fellow[last]]):
                break
            fellow[first] = fellow.pop(last)
            first, last = first + 1, last + 1
            if last in range(len(own)) and last not in fellow:
                break
        start = max(stop, last) + 1
    return fellow


# --- recipes --------------------------------------------------------------------------------------------------

FAMILIES: Mapping[str, Family] = {
    "optimizer": "hyperparameters",
    "batch_size": "hyperparameters",
    "loss": "hyperparameters",
    "scale": "hyperparameters",
    "augmentation": "augmentation",
    "label_smoothing": "regularisation",
    "weight_decay": "regularisation",
    "epochs": "strategy",
    "schedule": "strategy",
    "early_stopping": "strategy",
    "callbacks": "strategy",
    "class_weight": "strategy",
    "resample": "strategy",
    "precision": "strategy",
}
# Seen to elsewhere, or without effect.
APART = ("optimizer", "learning_rate", "callbacks", "from_logits", "gradient_norms", "test_curves")
SILENT = ("CSVLogger", "TensorBoard", "History", "ProgbarLogger")  # callbacks that only watch


def _recipe_factors(before: Recipe, after: Recipe) -> Iterator[Factor]:
    yield from _optimizer_factors(before, after)
    for key in sorted({*before, *after} - set(APART)):
        old, new = _setting_of(before, key), _setting_of(after, key)
        if not _equal(old, new):
            yield Factor(FAMILIES.get(key, "hyperparameters"), key, old, new)
    old_callbacks, new_callbacks = _callbacks(before), _callbacks(after)
    for kind in sorted({*old_callbacks, *new_callbacks}):
        old, new = old_callbacks.get(kind), new_callbacks.get(kind)
        if not _equal(old, new):
            yield Factor("strategy", _snake(kind), old, new)


def _setting_of(recipe: Recipe, key: str) -> Json:
    """A setting, None where it says nothing; both crossentropies of classes are one loss on two codings."""
    value = recipe.get(key) or None
    return str(value).removeprefix("sparse_") if key == "loss" and value else value


def _optimizer_factors(before: Recipe, after: Recipe) -> Iterator[Factor]:
    (old, old_rate), (new, new_rate) = _optimizer(before), _optimizer(after)
    same_class = old.get("class_name") == new.get("class_name")
    own_rate = 0.01 if str(new.get("class_name")).lower() == "sgd" else 0.001  # Keras's default
    if not same_class:
        yield Factor("hyperparameters", "optimizer", {**old, "learning_rate": old_rate},
                     {**new, "learning_rate": new_rate})  # fmt: skip
    if not _equal(old_rate, new_rate) and (same_class or not _equal(new_rate, own_rate)):
        scheduled = isinstance(old_rate, Mapping) or isinstance(new_rate, Mapping)
        family: Family = "strategy" if scheduled else "hyperparameters"
        yield Factor(family, "learning_rate_schedule" if scheduled else "learning_rate", old_rate, new_rate)
    if same_class:
        for key in sorted({*old.get("config", {}), *new.get("config", {})}):
            values = [one.get("config", {}).get(key) for one in (old, new)]
            if not _equal(*values):
                yield Factor(FAMILIES.get(key, "hyperparameters"), key, *values)


def _optimizer(recipe: Recipe) -> tuple[dict[str, Json], Json]:
    """The optimizer without its learning rate, and the learning rate, wherever the recipe holds it."""
    given = recipe.get("optimizer") or {}
    config = dict(given.get("config", {}))
    rate = config.pop("learning_rate", None)
    config.pop("name", None)
    return {"class_name": given.get("class_name"), "config": config}, recipe.get("learning_rate", rate)


def _callbacks(recipe: Recipe) -> dict[str, Json]:
    """The callbacks that act on the training, by class."""
    found: dict[str, Json] = {}
    for one in recipe.get("callbacks") or ():
        settings = one if isinstance(one, Mapping) else {}
        kind = str(settings.get("class_name") or settings.get("kind") or one)
        if kind not in SILENT:
            found[kind] = one
    return found


def _equal(one: Json, other: Json) -> bool:
    """Equality up to float32, in which Keras keeps learning rates."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return all(_equal(one.get(key), other.get(key)) for key in {*one, *other})
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_equal, one, other))
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in (one, other))
    return math.isclose(one, other, rel_tol=1e-6) if numbers else bool(one == other)


# --- sentences ------------------------------------------------------------------------------------------------


def _title(name: str) -> str:
    titles = {
        "activation": _("activation"),
        "batch_size": _("batch size"),
        "class_weight": _("class weights"),
        "early_stopping": _("early stopping"),
        "epochs": _("epochs"),
        "filters": _("filters"),
        "kernel_regularizer": _("regularisation of the weights"),
        "kernel_size": _("kernel size"),
        "label_smoothing": _("label smoothing"),
        "layers": _("layers"),
        "learning_rate": _("learning rate"),
        "learning_rate_schedule": _("learning rate schedule"),
        "loss": _("loss"),
        "momentum": _("momentum"),
        "network": _("architecture: another network"),
        "optimizer": _("optimizer"),
        "padding": _("padding"),
        "pool_size": _("pooling size"),
        "pooling": _("pooling"),
        "precision": _("precision of the computations"),
        "reduce_lr_on_plateau": _("learning rate on a plateau"),
        "resample": _("resampling of the images"),
        "scale": _("scale of the pixels"),
        "schedule": _("learning rate schedule"),
        "strides": _("strides"),
        "units": _("neurons"),
        "weight_decay": _("weight decay"),
    }
    return titles.get(name, name.replace("_", " "))


def _arrow(before: str, after: str) -> str:
    return _("{before} → {after}").format(before=before, after=after)


def _change(what: str, before: str, after: str) -> str:
    return _("{what}: {how}").format(what=what, how=_arrow(before, after))


def _added(layers: str, n: int) -> str:
    return ngettext("{layers} added", "{layers} added in {n} places", n).format(layers=layers, n=n)


def _removed(layers: str, n: int) -> str:
    return ngettext("{layers} removed", "{layers} removed in {n} places", n).format(layers=layers, n=n)


def _value(value: Json) -> str:
    if value is None:
        return _("none")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, (int, float)):
        return short(value)
    if isinstance(value, Mapping) and "patience" in value and "class_name" not in value:
        return _("patience {n}").format(n=value["patience"])
    if isinstance(value, Mapping):
        return _optimizer_phrase(value) if "learning_rate" in value else object_label(value)
    if isinstance(value, (list, tuple)):
        return "x".join(_value(item) for item in value)
    return str(value)


def short(value: float) -> str:
    """A number with the decimals that it needs, six figures at most."""
    text = f"{value:.6g}"
    return text if "e" in text else number(value, len(text.partition(".")[2]))


def _optimizer_phrase(optimizer: Mapping[str, Json]) -> str:
    """An optimizer and its learning rate: "sgd (learning rate 0.01)"."""
    given = {"learning_rate": optimizer["learning_rate"], "momentum": optimizer["config"].get("momentum") or None}
    settings = [f"{_title(key)} {_value(value)}" for key, value in given.items() if value is not None]
    name = str(optimizer.get("class_name")).lower()
    return f"{name} ({', '.join(settings)})" if settings else name


def _augmentation(values: Json) -> str:
    return ", ".join(_transform(value) for value in values or ()) or _("none")


def _transform(spec: Json) -> str:
    """One augmentation, given as the recipe's settings or as the label of a Keras layer."""
    if not isinstance(spec, Mapping):
        return str(spec)
    amount = {key: value for key, value in spec.items() if isinstance(value, (int, float))}
    degrees, share = short(amount.get("degrees", 0)), percent(amount.get("amount", amount.get("size", 0)), 0)
    phrases = {
        "rotation": _("rotation ±{degrees}°").format(degrees=degrees),
        "shear": _("shear ±{degrees}°").format(degrees=degrees),
        "zoom": _("zoom ±{share}").format(share=share),
        "shift": _("shift ±{share}").format(share=share),
        "cutout": _("cutout {share}").format(share=share),
        "noise": _("noise σ = {sigma}").format(sigma=short(amount.get("sigma", 0))),
    }
    kind = str(spec.get("kind"))
    if kind == "flip":
        axes = [_("horizontal") if spec.get("horizontal") else "", _("vertical") if spec.get("vertical") else ""]
        return _("{axes} flip").format(axes=" + ".join(filter(None, axes)))
    return phrases.get(kind, kind)


def _snake(kind: str) -> str:
    """ "BatchNormalization" is batch_normalization, "SpatialDropout2D" is spatial_dropout2d."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", kind).lower()
