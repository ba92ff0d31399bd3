"""In which numbers a training computes: float32, or mixed with bfloat16 where the processor has it.

Mixed precision rounds the operands of convolutions and matrix products to bfloat16 (8 bits of significand, the range
of float32). Weights, their updates, normalisations and losses stay float32.
"""

from typing import Literal

import torch

from etalon.models.lower import KerasNetwork, Network

Precision = Literal["float32", "bfloat16"]
Asked = Literal["auto", "float32", "bfloat16"]


def settled(asked: Asked, network: Network) -> Precision:
    """What "auto" stands for here: bfloat16 where it is native, for lowered networks.

    A module of the user's own may contain anything, operations that bfloat16 spoils or that have no such form among
    them; it is trained in float32 unless told otherwise.
    """
    if asked != "auto":
        return asked
    return "bfloat16" if native() and isinstance(network, KerasNetwork) else "float32"


def native() -> bool:
    """Whether this processor multiplies bfloat16 matrices (AMX or AVX-512 BF16); elsewhere they are slower."""
    able = torch.cpu.get_capabilities()
    return bool(able.get("amx_bf16") or able.get("avx512_bf16"))
