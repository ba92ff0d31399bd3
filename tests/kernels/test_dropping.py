import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from etalon.kernels.dropping import dropout

DTYPES = [torch.float32, torch.bfloat16]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5, 0.9])
def test_rate_and_gain(rate: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    y = dropout(torch.ones(200, 32, 5, 5, dtype=dtype), rate)
    values = y.unique().tolist()
    assert values == [0.0, float(torch.tensor(1 / (1 - rate)).to(dtype))]
    assert binomtest(int((y == 0).sum()), y.numel(), rate).pvalue > 1e-3


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_the_gradient_passes_where_values_did(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    x = torch.rand(8, 12, 5, 3, dtype=dtype).add(1).to(memory_format=torch.channels_last).requires_grad_()
    y = dropout(x, 0.5)
    (gradient,) = torch.autograd.grad(y, x, torch.ones_like(y))
    assert torch.equal(gradient, torch.where(y == 0, 0, 2).to(dtype))


def test_the_mask_follows_the_generator_not_the_memory() -> None:
    x = torch.ones(4, 8, 6, 6)
    masks = []
    for given in (x, x.to(memory_format=torch.channels_last), x):
        torch.manual_seed(len(masks) // 2)
        masks.append(dropout(given, 0.5))
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])


def test_masks_are_independent() -> None:
    """Between neighbours at any distance that a network knows, and between calls: no correlation beyond chance."""
    torch.manual_seed(0)
    masks = np.stack([dropout(torch.ones(1 << 17), 0.5).numpy() - 1 for _ in range(8)])
    calls = np.corrcoef(masks)[np.triu_indices(8, 1)]
    lags = [np.corrcoef(m[:-lag], m[lag:])[0, 1] for m in masks for lag in (1, 2, 3, 13, 32, 64, 128, 1024, 5408)]
    z = np.abs(np.concatenate([calls, lags])) * np.sqrt(masks.shape[1])
    assert z.max() < 4.2  # 100 comparisons: 3e-5 each


def test_everything_dropped() -> None:
    assert not dropout(torch.ones(10), 1.0).any()
