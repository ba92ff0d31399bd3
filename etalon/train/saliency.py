"""How much each pixel of one image could move an answer.

Simonyan, Vedaldi & Zisserman 2014, *Deep inside convolutional networks*: the gradient of a class's logit with respect
to the pixels, its greatest magnitude over the channels.
"""

import numpy as np
import torch

from etalon.models.network import Network
from etalon.train.device import device_of
from etalon.train.pictures import pictures


def saliency(network: Network, image: np.ndarray, scale: float | None, label: int) -> np.ndarray:
    """|d logit of `label` / d pixel|, float32 (h, w), of an image uint8 or float32 (h, w, c) in 0..255.

    The pixel is the network's own, times `scale`.
    """
    device = device_of(network)
    network.eval()
    with torch.enable_grad():
        x = pictures(image[None], device).take(torch.zeros(1, dtype=torch.int64, device=device), scale)
        x = x.detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad(network(x)[0, label], x)
    found: np.ndarray = slope[0].abs().amax(dim=0).float().cpu().numpy()
    return found
