import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from etalon.kernels.dropping import drawing, dropout, hashed, plain

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


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(64, 100), (7, 3, 5, 6), (4, 9, 2)], ids=str)
@pytest.mark.parametrize("number", [0, 1, 2**31 + 12345, 2**32 - 1])
def test_the_plain_form_gives_the_bits_of_the_kernel(number: int, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    """Values and gradients, the number given as such or as a tensor."""
    torch.manual_seed(0)
    x = torch.randn(shape, dtype=dtype)
    x = (x.to(memory_format=torch.channels_last) if x.ndim == 4 else x).requires_grad_()
    weight = torch.randn(shape, dtype=dtype)
    with drawing(number):
        expected = dropout(x, 0.3)
    (slope,) = torch.autograd.grad(expected, x, weight)
    for given in (number, torch.tensor(number)):
        ours = plain(x, 0.3, hashed(1, given))
        assert torch.equal(ours, expected)
        assert torch.equal(torch.autograd.grad(ours, x, weight)[0], slope)


def test_one_number_for_several_layers() -> None:
    """They drop other values, and the same the next time."""
    x = torch.ones(1000)

    def masks(number: int) -> list[torch.Tensor]:
        with drawing(number):
            return [dropout(x, 0.5) for _ in range(3)]

    first, again, others = masks(5), masks(5), masks(6)
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    different = [*first, *others]
    assert not any(torch.equal(different[i], different[j]) for i in range(6) for j in range(i))
