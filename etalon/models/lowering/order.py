"""Where the axes are: Keras counts (b, h, w, c), torch counts (b, c, h, w).

Inside a network every tensor of rank 4 is (b, c, h, w) for torch, in channels-last memory, so that seeing it as Keras
does is a view that costs nothing. Tensors of any other rank have Keras's order.
"""

import torch
from torch import Tensor


def to_keras(x: Tensor) -> Tensor:
    """(b, c, h, w) seen as (b, h, w, c); other ranks as they are."""
    return x.permute(0, 2, 3, 1) if x.ndim == 4 else x


def to_torch(x: Tensor) -> Tensor:
    """(b, h, w, c) seen as (b, c, h, w); other ranks as they are."""
    return x.permute(0, 3, 1, 2) if x.ndim == 4 else x


def torch_axis(axis: int, rank: int) -> int:
    """The place in torch's order of Keras's `axis` (negative ones count from the end) of a tensor of that rank."""
    axis %= rank
    return (0, 2, 3, 1)[axis] if rank == 4 else axis


def channels_last(x: Tensor) -> Tensor:
    """(b, c, h, w) in channels-last memory, copied only if it is not so already.

    With one channel the two memory formats hold the values in the same order, and torch takes the tensor for NCHW
    unless its strides say otherwise: the view says so.
    """
    b, c, h, w = x.shape
    if c == 1:
        return x.reshape(b, h, w, 1).permute(0, 3, 1, 2)
    return x.contiguous(memory_format=torch.channels_last)
