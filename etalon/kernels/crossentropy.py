"""Softmax and crossentropy in one pass, forward and backward."""

import math
from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from etalon.kernels.compiled import kernel, usable


def cross_entropy(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    """The loss of each image: logits float32 (b, k), labels int64 (b,) in [0, k) -> float32 (b,).

    Args:
        smoothing: the share of the target that is spread evenly over the k classes.
    """
    if not usable(logits) or logits.dtype != torch.float32:
        return F.cross_entropy(logits, labels, reduction="none", label_smoothing=smoothing)
    losses: Tensor = _CrossEntropy.apply(logits, labels, smoothing)  # type: ignore[no-untyped-call]
    return losses


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
        losses, slopes = torch.empty(len(logits)), torch.empty(logits.shape)
        arrays = (t.detach().numpy() for t in (logits.contiguous(), labels.contiguous(), losses, slopes))
        _cross_entropy(*arrays, np.float32(smoothing))
        ctx.save_for_backward(slopes)
        return losses

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (slopes,) = ctx.saved_tensors
        return slopes * gradient.unsqueeze(1), None, None


@kernel
def _cross_entropy(
    logits: np.ndarray, labels: np.ndarray, losses: np.ndarray, slopes: np.ndarray, smoothing: np.float32
) -> None:
    """`slopes` (b, k) receives the derivative of each loss by its logits: probabilities less the target."""
    n, classes = logits.shape
    even = smoothing / np.float32(classes)
    for i in numba.prange(n):
        row, slope = logits[i], slopes[i]
        top, mean = row[0], np.float32(0)
        for c in range(classes):
            top = top if row[c] <= top else row[c]
            mean += row[c] / np.float32(classes)
        total = np.float32(0)
        for c in range(classes):
            slope[c] = math.exp(row[c] - top)
            total += slope[c]
        for c in range(classes):
            slope[c] = slope[c] / total - even
        slope[labels[i]] -= np.float32(1) - smoothing
        own = (np.float32(1) - smoothing) * row[labels[i]] + smoothing * mean
        losses[i] = math.log(total) + top - own
