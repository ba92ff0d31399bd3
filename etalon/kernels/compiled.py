"""How kernels are compiled, and the few operations on bits that they share.

bfloat16, which numba does not know, goes through a kernel as the int16 of its bits: the upper half of a float32's.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import torch
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from torch import Tensor

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

# compiled at the first call, and kept on disk; `numba.prange` shares a loop among as many threads as torch has
kernel: Decorator = numba.njit(nogil=True, cache=True, parallel=True, error_model="numpy", fastmath={"contract"})
inlined: Decorator = numba.njit(inline="always")

BITS = {torch.bfloat16: torch.int16, torch.float32: torch.int32}


def usable(x: Tensor) -> bool:
    """Whether kernels can read this tensor: on the CPU, bfloat16 or float32."""
    return x.device.type == "cpu" and x.dtype in BITS


def set_threads(n: int) -> None:
    """How many threads torch and the kernels share a loop among."""
    torch.set_num_threads(n)
    numba.set_num_threads(min(n, numba.config.NUMBA_NUM_THREADS))


def bits(x: Tensor) -> np.ndarray:
    """The memory of a bfloat16 or float32 tensor, as int16 or int32, with the tensor's strides."""
    return x.detach().view(BITS[x.dtype]).numpy()


def rows(x: Tensor) -> Tensor:
    """A map (b, c, h, w) as (b, h, w, c), its channels next to one another in memory."""
    return x.permute(0, 2, 3, 1).contiguous()


@intrinsic  # type: ignore[untyped-decorator]
def value(typing: Any, b: Any) -> Any:
    """The float32 whose bits are an int32, or whose upper half, a bfloat16, is an int16."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word = args[0]
        if b == types.int16:
            word = builder.shl(builder.sext(word, ir.IntType(32)), ir.Constant(ir.IntType(32), 16))
        return builder.bitcast(word, ir.FloatType())

    return types.float32(b), code


@intrinsic  # type: ignore[untyped-decorator]
def packed(typing: Any, x: Any, like: Any) -> Any:
    """The bits of a float32: all if `like` is an int32, those of the nearest bfloat16, ties to even, if an int16."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word, short = ir.IntType(32), ir.IntType(16)
        b = builder.bitcast(args[0], word)
        if like == types.int32:
            return b
        odd = builder.and_(builder.lshr(b, word(16)), word(1))
        return builder.trunc(builder.lshr(builder.add(builder.add(b, word(0x7FFF)), odd), word(16)), short)

    return like(x, like), code
