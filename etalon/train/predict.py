"""Images in, logits out: large batches, no gradients."""

import numpy as np
import torch
from torch import nn

from etalon.kernels.gathering import gather
from etalon.train.losses import Loss

BATCH = 1000  # images at a time; larger ones leave the cache and gain nothing


def predict(network: nn.Module, images: np.ndarray, scale: float | None, index: np.ndarray | None = None) -> np.ndarray:
    """The logits float32 (n, n_classes) of `images` uint8 or float32 (n, h, w, c) in 0..255, or of those at `index`."""
    wanted = np.arange(len(images)) if index is None else index
    network.eval()
    answers = []
    with torch.inference_mode():
        for start in range(0, len(wanted), BATCH):
            batch = gather(images, wanted[start : start + BATCH], scale)
            answers.append(network(batch).float())
    return torch.cat(answers).numpy()


def evaluate(logits: np.ndarray, labels: np.ndarray, loss: Loss) -> tuple[float, float]:
    """Mean loss and accuracy of `logits` (n, n_classes) against integer `labels` (n,)."""
    values = loss(torch.from_numpy(logits), torch.from_numpy(np.asarray(labels)))
    return float(values.mean()), float((logits.argmax(1) == labels).mean())
