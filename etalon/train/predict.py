"""Images in, logits out: large batches, no gradients."""

import numpy as np
import torch
from torch import nn

from etalon.train.device import device_of
from etalon.train.losses import Loss
from etalon.train.pictures import pictures

BATCH = 250  # images at a time: their maps stay in blocks that the allocator keeps


def predict(network: nn.Module, images: np.ndarray, scale: float | None, index: np.ndarray | None = None) -> np.ndarray:
    """The logits float32 (n, n_classes) of `images` uint8 or float32 (n, h, w, c) in 0..255, or of those at `index`.

    The network computes where it is.
    """
    device = device_of(network)
    source = pictures(images, device)
    wanted = torch.arange(len(source)) if index is None else torch.tensor(index)
    network.eval()
    with torch.inference_mode():
        answers = [network(source.take(part, scale)).float() for part in torch.split(wanted.to(device), BATCH)]
        return torch.cat(answers).cpu().numpy()


def evaluate(logits: np.ndarray, labels: np.ndarray, loss: Loss) -> tuple[float, float]:
    """Mean loss and accuracy of `logits` (n, n_classes) against integer `labels` (n,)."""
    values = loss(torch.from_numpy(logits), torch.from_numpy(np.asarray(labels)))
    return float(values.mean()), float((logits.argmax(1) == labels).mean())
