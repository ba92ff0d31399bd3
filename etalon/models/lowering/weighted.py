"""Layers with weights: kept as torch wants them, shown as Keras does."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from etalon.models.lowering.regularizers import Constraint, Regularizer


@dataclass(frozen=True)
class Variable:
    """What one Keras variable says of itself."""

    value: np.ndarray  # float32, Keras's axes
    trainable: bool = True
    regularizer: Regularizer | None = None
    constraint: Constraint | None = None


@dataclass(frozen=True)
class Layout:
    """How a weight is turned from Keras's axes to torch's and back.

    Attributes:
        shape: Keras's.
        folded: the same values with as many axes as torch has (it differs from `shape` for depthwise kernels only).
        axes: torch's axes, each by its place in `folded`.
    """

    shape: tuple[int, ...]
    folded: tuple[int, ...]
    axes: tuple[int, ...]

    @classmethod
    def plain(cls, shape: tuple[int, ...]) -> Self:
        """No change."""
        return cls(shape, shape, tuple(range(len(shape))))

    def to_torch(self, value: Tensor) -> Tensor:
        """A new dense tensor of torch's shape; rank 4 in channels-last memory."""
        turned = value.reshape(self.folded).permute(self.axes)
        if turned.ndim == 4:
            compact = turned.permute(0, 2, 3, 1).clone(memory_format=torch.contiguous_format)
            return compact.permute(0, 3, 1, 2)
        return turned.clone(memory_format=torch.contiguous_format)

    def to_keras(self, weight: Tensor) -> Tensor:
        """The weight with Keras's axes, as a view where the memory allows it."""
        back = sorted(range(len(self.axes)), key=self.axes.__getitem__)
        return weight.permute(back).reshape(self.shape)


class Weighted(nn.Module):
    """A layer with weights, under Keras's names for them: kernel, bias, gamma...

    A subclass declares its weights as attributes; one that the Keras layer does not have (`use_bias=False`) is None.
    """

    optional: ClassVar[tuple[str, ...]] = ()
    statistics: ClassVar[tuple[str, ...]] = ()  # changed by the data, not by the optimizer
    products: ClassVar[bool] = False  # whether the weights serve in matrix products, and may be rounded for them

    def __init__(self, variables: Mapping[str, Variable]) -> None:
        super().__init__()
        self.layouts: dict[str, Layout] = {}
        self._variables = {name: (v.regularizer, v.constraint) for name, v in variables.items()}
        for name, variable in variables.items():
            layout = self.layouts[name] = self.layout(name, variable.value.shape)
            tensor = layout.to_torch(torch.from_numpy(variable.value))
            if name in self.statistics:
                self.register_buffer(name, tensor)
            else:
                self.register_parameter(name, nn.Parameter(tensor, requires_grad=variable.trainable))
        for name in set(self.optional) - set(variables):
            self.register_parameter(name, None)

    def layout(self, name: str, shape: tuple[int, ...]) -> Layout:
        """How weight `name`, of that shape in Keras, is kept."""
        return Layout.plain(shape)

    def share(self, first: "Weighted") -> None:
        """Use the very weights of `first`: the same Keras layer called a second time."""
        for name in self.layouts:
            setattr(self, name, getattr(first, name))

    def penalties(self) -> Iterator[Tensor]:
        """What the regularizers of the trainable weights add to the loss: scalars."""
        for name, (regularizer, _) in self._variables.items():
            weight = getattr(self, name)
            if regularizer is not None and weight.requires_grad:
                yield regularizer(self.layouts[name].to_keras(weight).float())

    @torch.no_grad()
    def constrain(self) -> None:
        """Bring the trainable weights back within their constraints."""
        for name, (_, constraint) in self._variables.items():
            weight = getattr(self, name)
            if constraint is not None and weight.requires_grad:
                layout = self.layouts[name]
                weight.copy_(layout.to_torch(constraint(layout.to_keras(weight))))
