import numpy as np
import torch
from torch import nn

from etalon.models.network import wrap
from etalon.train.predict import predict
from etalon.train.saliency import saliency


def network() -> nn.Module:
    torch.manual_seed(0)
    return wrap(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(4 * 3 * 4, 5)))


def test_it_is_the_slope_that_small_steps_find():
    image = np.random.default_rng(0).integers(40, 200, (5, 6, 3), np.uint8)
    made, scale = network(), 1 / 255
    found = saliency(made, image, scale, 2)
    assert found.dtype == np.float32
    step = 0.5
    for row, column in ((0, 0), (2, 3), (4, 5)):
        slopes = []
        for channel in range(3):
            both = np.repeat(image[None].astype(np.float32), 2, axis=0)
            both[0, row, column, channel] -= step
            both[1, row, column, channel] += step
            low, high = predict(made, both, scale)[:, 2]
            slopes.append(abs(high - low) / (2 * step * scale))
        np.testing.assert_allclose(found[row, column], max(slopes), rtol=2e-2, atol=1e-4)


def test_the_weights_keep_no_gradient():
    made = network()
    saliency(made, np.zeros((5, 6, 3), np.uint8), None, 0)
    assert all(weight.grad is None for weight in made.parameters())
