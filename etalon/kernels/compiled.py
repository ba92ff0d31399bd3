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
def bits_of(typing: Any, x: Any) -> Any:
    """float32 -> int32, the same bits."""
    return types.int32(x), lambda context, builder, signature, args: builder.bitcast(args[0], ir.IntType(32))


@inlined
def halved(x: np.float32) -> np.int16:
    """The bits of the bfloat16 nearest to a float32, ties to even."""
    b = bits_of(x)
    return np.int16((b + np.int32(0x7FFF) + ((b >> np.int32(16)) & np.int32(1))) >> np.int32(16))
