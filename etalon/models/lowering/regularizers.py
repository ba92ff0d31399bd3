"""Keras's regularizers and constraints, on torch tensors whose axes are in Keras's order."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from etalon.errors import ModelError
from etalon.locales import _

EPSILON = 1e-7  # keras.config.epsilon()

Regularizer = Callable[[Tensor], Tensor]
Constraint = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Norms:
    """l1 * sum(|w|) + l2 * sum(w²): `keras.regularizers.L1L2`."""

    l1: float = 0.0
    l2: float = 0.0

    def __call__(self, w: Tensor) -> Tensor:
        penalty = w.new_zeros(())
        if self.l1:
            penalty = penalty + self.l1 * w.abs().sum()
        if self.l2:
            penalty = penalty + self.l2 * w.square().sum()
        return penalty


@dataclass(frozen=True)
class Orthogonal:
    """How far the rows (or columns) of a matrix are from orthogonal: `keras.regularizers.OrthogonalRegularizer`."""

    factor: float
    rows: bool

    def __call__(self, w: Tensor) -> Tensor:
        vectors = torch.nn.functional.normalize(w if self.rows else w.T, dim=1)
        n = len(vectors)
        cosines = (vectors @ vectors.T).abs() * (1 - torch.eye(n, dtype=w.dtype, device=w.device))
        return self.factor * 0.5 * cosines.sum() / (n * (n - 1) / 2)


@dataclass(frozen=True)
class NormRange:
    """Brings the norm along `axis` between two bounds: `keras.constraints.MinMaxNorm`, and the norms made from it."""

    low: float
    high: float
    rate: float
    axis: int | tuple[int, ...]

    def __call__(self, w: Tensor) -> Tensor:
        norms = w.square().sum(self.axis, keepdim=True).sqrt()
        wanted = self.rate * norms.clamp(self.low, self.high) + (1 - self.rate) * norms
        return w * (wanted / (EPSILON + norms))


def non_negative(w: Tensor) -> Tensor:
    """`keras.constraints.NonNeg`."""
    return w.clamp(min=0)


def _axis(constraint: Any) -> int | tuple[int, ...]:
    axis = constraint.axis
    return axis if isinstance(axis, int) else tuple(axis)


REGULARIZERS: Mapping[str, Callable[[Any], Regularizer]] = {
    "L1": lambda r: Norms(l1=float(r.l1)),
    "L2": lambda r: Norms(l2=float(r.l2)),
    "L1L2": lambda r: Norms(float(r.l1), float(r.l2)),
    "OrthogonalRegularizer": lambda r: Orthogonal(float(r.factor), r.mode == "rows"),
}
CONSTRAINTS: Mapping[str, Callable[[Any], Constraint]] = {
    "MaxNorm": lambda c: NormRange(0.0, float(c.max_value), 1.0, _axis(c)),
    "MinMaxNorm": lambda c: NormRange(float(c.min_value), float(c.max_value), float(c.rate), _axis(c)),
    "NonNeg": lambda c: non_negative,
    "UnitNorm": lambda c: NormRange(1.0, 1.0, 1.0, _axis(c)),
}


def regularizer(given: Any, owner: str) -> Regularizer | None:
    """The torch twin of a Keras regularizer (None for None).

    Args:
        given: what the Keras layer or variable holds.
        owner: the name of the layer, for the error.

    Raises:
        ModelError: a regularizer that is not one of Keras's own.
    """
    import keras

    return None if given is None else _twin(given, owner, REGULARIZERS, keras.regularizers)


def constraint(given: Any, owner: str) -> Constraint | None:
    """The torch twin of a Keras constraint (None for None); raises as `regularizer` does."""
    import keras

    return None if given is None else _twin(given, owner, CONSTRAINTS, keras.constraints)


def _twin(given: Any, owner: str, table: Mapping[str, Callable[[Any], Any]], home: Any) -> Any:
    name = type(given).__name__
    if name not in table or type(given) is not getattr(home, name):
        raise ModelError(
            _("{name} on layer {layer}").format(name=name, layer=owner),
            _("only Keras's own {names} can be carried over").format(names=", ".join(table)),
            _("Use one of them, or return a torch nn.Module instead of a Keras model."),
        )
    return table[name](given)
