"""The update of Adam in one pass over the parameters."""

import math

import numba
import numpy as np
from torch import Tensor

from etalon.kernels.compiled import kernel, usable


def adam(
    parameters: Tensor,
    gradients: Tensor,
    mean: Tensor,
    square: Tensor,
    betas: tuple[float, float],
    rate: float | Tensor,
    epsilon: float,
) -> None:
    """Move `parameters` by rate * mean / (sqrt(square) + epsilon), the two moving averages brought up to date first.

    Args:
        parameters, gradients, mean, square: float32 (n,), dense.
        rate: the learning rate times the correction of the first steps' bias; a number, or float32 ().
    """
    if not usable(parameters):
        mean.lerp_(gradients, 1 - betas[0])
        square.mul_(betas[1]).addcmul_(gradients, gradients, value=1 - betas[1])
        parameters.sub_(mean * rate / square.sqrt().add_(epsilon))
        return
    numbers = (np.float32(1 - betas[0]), np.float32(betas[1]), np.float32(1 - betas[1]), np.float32(rate))
    tensors = (parameters, gradients, mean, square)
    _adam(*(tensor.numpy() for tensor in tensors), *numbers, np.float32(epsilon))


@kernel
def _adam(
    parameters: np.ndarray,
    gradients: np.ndarray,
    mean: np.ndarray,
    square: np.ndarray,
    fresh: np.float32,
    kept: np.float32,
    new: np.float32,
    rate: np.float32,
    epsilon: np.float32,
) -> None:
    for i in numba.prange(len(parameters)):
        g = gradients[i]
        m = mean[i] + fresh * (g - mean[i])
        v = kept * square[i] + new * g * g
        mean[i], square[i] = m, v
        parameters[i] -= rate * m / (math.sqrt(v) + epsilon)
