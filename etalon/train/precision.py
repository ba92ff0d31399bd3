"""In which numbers a training computes: float32, or mixed with bfloat16 where the device has it.

Mixed precision rounds the operands of convolutions and matrix products to bfloat16 (8 bits of significand, the range
of float32). Weights, their updates, normalisations and losses stay float32. On a CUDA device torch's own settings say
whether the convolutions of float32 may use TF32.
"""

from typing import Literal

import torch

from etalon.models.lower import KerasNetwork, Network

Precision = Literal["float32", "bfloat16"]
Asked = Literal["auto", "float32", "bfloat16"]


def settled(asked: Asked, network: Network, device: torch.device) -> Precision:
    """What "auto" stands for here: bfloat16 where it is native, for lowered networks.

    A module of the user's own may contain anything, operations that bfloat16 spoils or that have no such form among
    them; it is trained in float32 unless told otherwise.
    """
    if asked != "auto":
        return asked
    return "bfloat16" if native(device) and isinstance(network, KerasNetwork) else "float32"


def native(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 matrices (a processor: AMX or AVX-512 BF16); elsewhere they are slower."""
    if device.type == "cuda":
        with torch.cuda.device(device):
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    able = torch.cpu.get_capabilities()
    return bool(able.get("amx_bf16") or able.get("avx512_bf16"))
