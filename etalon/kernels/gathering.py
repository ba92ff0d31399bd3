"""A batch of images, taken from where they lie, converted and scaled in one pass."""

import numba
import numpy as np
import torch
from torch import Tensor

from etalon.kernels.compiled import kernel


def gather(images: np.ndarray, index: np.ndarray, scale: float | None) -> Tensor:
    """The images (n, h, w, c), uint8 or float32, at `index` int64 (b,), times `scale`.

    Returns:
        float32 (b, c, h, w), a view in channels-last memory.
    """
    batch = torch.empty(len(index), *images.shape[1:])
    _gather(
        images.reshape(len(images), -1),
        index,
        np.float32(1.0 if scale is None else scale),
        batch.view(len(index), -1).numpy(),
    )
    return batch.permute(0, 3, 1, 2)


@kernel
def _gather(images: np.ndarray, index: np.ndarray, scale: np.float32, batch: np.ndarray) -> None:
    for i in numba.prange(len(index)):
        image, out = images[index[i]], batch[i]
        for j in range(len(out)):
            out[j] = np.float32(image[j]) * scale
