"""What is trained: a torch network with its weights in Keras's layout, and its final activation apart."""

from collections.abc import Iterator, Mapping
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from etalon.errors import ModelError
from etalon.locales import _
from etalon.models.lowering.weighted import Layout

Head = Literal["softmax", "sigmoid", "linear"]


class Network(nn.Module):
    """A classifier: float32 (b, c, h, w) in, logits float32 (b, n_classes) out.

    Attributes:
        head: the final activation, which `forward` leaves out, so that losses are computed from logits.
    """

    head: Head = "linear"

    def layers(self) -> dict[str, nn.Module]:
        """The modules that have weights of their own, by stable names, in order."""
        raise NotImplementedError

    def tensors(self) -> Iterator[tuple[str, Tensor, Layout]]:
        """Every weight and moving statistic: its name, itself, and how it is shown."""
        raise NotImplementedError

    def products(self) -> Iterator[nn.Parameter]:
        """The trainable weights of matrix products and convolutions, which mixed precision rounds to bfloat16."""
        return iter(())

    def penalty(self) -> Tensor | None:
        """What the regularizers add to the loss after a `forward` (a scalar); None without regularizers."""
        return None

    def constrain(self) -> None:
        """Bring the weights back within their constraints, after an update."""

    def weights(self) -> dict[str, np.ndarray]:
        """Copies of all weights and moving statistics, by name, with Keras's axes."""
        with torch.no_grad():
            return {
                name: np.array(layout.to_keras(tensor).cpu().numpy(), order="C")
                for name, tensor, layout in self.tensors()
            }

    @torch.no_grad()
    def load(self, weights: Mapping[str, np.ndarray]) -> None:
        """Take over weights such as `weights()` gave.

        Raises:
            ModelError: a name that is missing or unknown, or another shape.
        """
        kept = {name: (tensor, layout) for name, tensor, layout in self.tensors()}
        check_weights({name: layout.shape for name, (_, layout) in kept.items()}, weights)
        for name, (tensor, layout) in kept.items():
            tensor.copy_(layout.to_torch(torch.from_numpy(np.array(weights[name]))))


def check_weights(expected: Mapping[str, tuple[int, ...]], given: Mapping[str, np.ndarray]) -> None:
    """Refuse weights whose names or shapes are not the expected ones.

    Raises:
        ModelError: it names the first weight that does not fit.
    """
    remedy = _("Load weights saved from the same architecture.")
    for name in [*expected, *given]:
        if name not in given or name not in expected:
            why = _("the network has it, the weights do not") if name in expected else _("the network has none such")
            raise ModelError(_("weight {name}").format(name=name), why, remedy)
        if tuple(given[name].shape) != tuple(expected[name]):
            raise ModelError(
                _("weight {name} of shape {shape}").format(name=name, shape=tuple(given[name].shape)),
                _("the network has it with shape {shape}").format(shape=tuple(expected[name])),
                remedy,
            )


class TorchNetwork(Network):
    """A user's own module, with the same interface; its weights have torch's axes and names.

    Args:
        module: float32 (b, c, h, w) in, in torch's contiguous memory, as its code may rely on (`x.view(b, -1)`); logits
            float32 (b, n_classes) out.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.module(x.reshape(len(x), -1).view(x.shape))  # one channel: the strides of NCHW too
        return logits

    def layers(self) -> dict[str, nn.Module]:
        """Every submodule that has parameters of its own, by its path."""
        return {
            path or type(module).__name__.lower(): module
            for path, module in self.module.named_modules()
            if next(module.parameters(recurse=False), None) is not None
        }

    def tensors(self) -> Iterator[tuple[str, Tensor, Layout]]:
        """What `state_dict` holds, in its order."""
        for name, tensor in self.module.state_dict(keep_vars=True).items():
            yield name, tensor, Layout.plain(tuple(tensor.shape))


def wrap(module: nn.Module) -> TorchNetwork:
    """A torch module as a network (its output is taken for logits)."""
    return TorchNetwork(module)
