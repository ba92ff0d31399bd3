import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from etalon.kernels.pooling import relu_max_pool

SHAPES = [(3, 5, 8, 6), (2, 33, 7, 9), (1, 1, 2, 3), (4, 16, 3, 2)]
DTYPES = [torch.float32, torch.bfloat16]


def plain(x: Tensor) -> Tensor:
    return F.relu(F.max_pool2d(x, 2))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("memory", [torch.channels_last, torch.contiguous_format], ids=str)
def test_bit_for_bit_what_torch_computes(
    shape: tuple[int, ...], dtype: torch.dtype, memory: torch.memory_format
) -> None:
    torch.manual_seed(0)
    x = (
        torch.randn(shape).mul(4).round().div(2).to(dtype).to(memory_format=memory).requires_grad_()
    )  # with ties, and -0
    ours, theirs = relu_max_pool(x), plain(x)
    assert torch.equal(ours, theirs)
    gradient = torch.randn(ours.shape).to(dtype)
    # torch gives the gradient of a window without a positive value to nobody, as relu is flat there
    assert torch.equal(*(torch.autograd.grad(y, x, gradient)[0] for y in (ours, theirs)))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("odd", [float("nan"), -float("nan"), float("inf"), -float("inf")], ids=str)
def test_what_is_not_a_number_stays_so(dtype: torch.dtype, odd: float) -> None:
    x = torch.zeros(1, 2, 4, 4, dtype=dtype)
    x[0, 1, 2, 3] = odd
    torch.testing.assert_close(relu_max_pool(x), plain(x), rtol=0, atol=0, equal_nan=True)


def test_other_numbers_go_to_torch() -> None:
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    assert torch.equal(relu_max_pool(x), plain(x))
