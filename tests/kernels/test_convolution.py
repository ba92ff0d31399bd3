from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from etalon.kernels.convolution import Geometry, conv_relu, conv_relu_max_pool

GEOMETRIES: dict[str, Geometry] = {
    "valid": ((1, 1), (0, 0), (1, 1), 1),
    "padded": ((1, 1), (1, 1), (1, 1), 1),
    "strided": ((2, 1), (0, 1), (1, 1), 1),
    "dilated": ((1, 1), (2, 2), (2, 2), 1),
    "grouped": ((1, 1), (1, 1), (1, 1), 2),
}
FUSED: dict[str, tuple[Callable[..., Tensor], Callable[[Tensor], Tensor]]] = {
    "relu": (conv_relu, F.relu),
    "relu_max_pool": (conv_relu_max_pool, lambda y: F.relu(F.max_pool2d(y, 2))),
}


def leaves(dtype: torch.dtype, groups: int, bias: bool) -> list[Tensor]:
    torch.manual_seed(0)
    tensors = [torch.randn(3, 4, 9, 8), torch.randn(6, 4 // groups, 3, 3), torch.randn(6)]
    shaped = [t.to(dtype).to(memory_format=torch.channels_last) for t in tensors[:2]]
    return [t.requires_grad_() for t in [*shaped, *([tensors[2].to(dtype)] if bias else [])]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no_bias"])
@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
@pytest.mark.parametrize("name", FUSED)
def test_what_torch_computes_in_steps(name: str, geometry: Geometry, bias: bool, dtype: torch.dtype) -> None:
    fused, after = FUSED[name]
    given = leaves(dtype, geometry[3], bias)
    x, weight, b = (*given, None)[:3]
    ours, theirs = fused(x, weight, b, geometry), after(F.conv2d(x, weight, b, *geometry))
    assert torch.equal(ours, theirs)
    gradient = torch.randn(ours.shape).to(dtype)
    for one, other in zip(
        torch.autograd.grad(ours, given, gradient), torch.autograd.grad(theirs, given, gradient), strict=True
    ):
        assert one.dtype == dtype
        torch.testing.assert_close(one, other, rtol=1e-5 if dtype == torch.float32 else 1e-2, atol=1e-5)


def test_autocast_rounds_what_a_convolution_would() -> None:
    given = leaves(torch.float32, 1, bias=True)
    with torch.autocast("cpu", torch.bfloat16):
        ours, theirs = conv_relu(*given, GEOMETRIES["valid"]), F.relu(F.conv2d(*given, *GEOMETRIES["valid"]))
    assert ours.dtype == torch.bfloat16
    assert torch.equal(ours, theirs)
    assert [g.dtype for g in torch.autograd.grad(ours.sum(), given)] == [torch.float32] * 3


def test_the_image_needs_no_gradient() -> None:
    x, weight, bias = leaves(torch.float32, 1, bias=True)
    y = conv_relu_max_pool(x.detach(), weight, bias, GEOMETRIES["valid"])
    y.sum().backward()
    assert weight.grad is not None
    assert bias.grad is not None
    assert x.grad is None
