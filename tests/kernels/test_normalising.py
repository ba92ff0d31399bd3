from itertools import product

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from etalon.kernels.convolution import Geometry
from etalon.kernels.normalising import Around, conv_norm

VALID: Geometry = ((1, 1), (0, 0), (1, 1), 1)
GEOMETRIES: dict[str, Geometry] = {"valid": VALID, "strided": ((2, 1), (0, 1), (1, 1), 1)}
EPSILON = 1e-3
AROUND = [Around(*flags) for flags in product((False, True), repeat=3)]


def leaves(dtype: torch.dtype, seed: int = 0, shape: tuple[int, ...] = (3, 4, 9, 8)) -> list[Tensor]:
    """x, weight, bias, scale, shift."""
    torch.manual_seed(seed)
    shaped = [torch.randn(shape), torch.randn(6, shape[1], 3, 3), torch.randn(6)]
    cast = [t.to(dtype).contiguous(memory_format=torch.channels_last) if t.ndim == 4 else t.to(dtype) for t in shaped]
    return [t.requires_grad_() for t in (*cast, torch.randn(6), torch.randn(6))]


def in_steps(
    given: list[Tensor], geometry: Geometry, around: Around, dtype: torch.dtype = torch.float64
) -> tuple[Tensor, list[Tensor]]:
    """What torch computes in steps, from the same map, and the leaves of it."""
    x, weight, bias, scale, shift = (t.detach().to(dtype).contiguous().requires_grad_() for t in given)
    y = F.conv2d(x, weight, bias, *geometry)
    y = F.relu(y) if around.relu_before else y
    y = F.batch_norm(y, None, None, scale, shift, training=True, eps=EPSILON)
    y = F.max_pool2d(y, 2) if around.pools else y
    return F.relu(y) if around.relu_after else y, [x, weight, bias, scale, shift]


@pytest.mark.parametrize("around", AROUND, ids=str)
@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
def test_what_torch_computes_in_steps(geometry: Geometry, around: Around) -> None:
    given = leaves(torch.float32)
    ours = conv_norm(*given, geometry, EPSILON, around)[0]
    theirs, same = in_steps(given, geometry, around)
    torch.testing.assert_close(ours, theirs.float(), rtol=1e-5, atol=1e-5)
    gradient = torch.randn(ours.shape)
    for one, other in zip(
        torch.autograd.grad(ours, given, gradient), torch.autograd.grad(theirs, same, gradient.double()), strict=True
    ):
        torch.testing.assert_close(one, other.float(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("around", AROUND, ids=str)
def test_float32_errs_no_more_than_twice_as_torch(around: Around) -> None:
    """Distances to float64 of what comes out and of the gradients; the medians of draws, since in one of them a maximum
    or a relu that rounding decides otherwise may outweigh all the rest.
    """
    distances = []
    for seed in range(7):
        given = leaves(torch.float32, seed, (24, 1, 28, 28))
        made = (
            in_steps(given, VALID, around),
            in_steps(given, VALID, around, torch.float32),
            (conv_norm(*given, VALID, EPSILON, around)[0], given),
        )
        gradient = torch.randn(made[0][0].shape)
        exact, theirs, ours = ([y.detach(), *torch.autograd.grad(y, of, gradient.to(y.dtype))] for y, of in made)
        torchs, own = ([float((one - e).norm()) for one, e in zip(f, exact, strict=True)] for f in (theirs, ours))
        distances.append([torchs, own, [float(e.norm()) for e in exact]])
    torchs, own, size = torch.tensor(distances).median(0).values
    assert (own <= 2 * torchs + torch.finfo(torch.float32).eps * size).all()


@pytest.mark.parametrize("around", AROUND, ids=str)
def test_bfloat16_rounds_what_comes_out_and_nothing_before(around: Around) -> None:
    given = leaves(torch.bfloat16)
    ours, mean, inverse = conv_norm(*given, VALID, EPSILON, around)
    map_ = F.conv2d(*given[:3], *VALID).float()  # the convolution itself rounds
    map_ = F.relu(map_) if around.relu_before else map_
    torch.testing.assert_close(mean, map_.mean((0, 2, 3)))
    torch.testing.assert_close(inverse, (map_.var((0, 2, 3), correction=0) + EPSILON).rsqrt())
    theirs = F.batch_norm(map_, None, None, *given[3:], training=True, eps=EPSILON)
    theirs = F.max_pool2d(theirs, 2) if around.pools else theirs
    theirs = F.relu(theirs) if around.relu_after else theirs
    assert ours.dtype == torch.bfloat16
    torch.testing.assert_close(ours.float(), theirs, rtol=1e-2, atol=1e-3)
    wanted = torch.autograd.grad(theirs.sum(), given)
    for one, other in zip(torch.autograd.grad(ours.float().sum(), given), wanted, strict=True):
        assert one.dtype == other.dtype
        scale = float(other.detach().float().abs().max()) + 0.1
        torch.testing.assert_close(one.float() / scale, other.float() / scale, rtol=0, atol=0.03)


def test_a_mean_far_from_0_costs_the_variance_no_precision() -> None:
    torch.manual_seed(0)
    x = 1000 + torch.randn(4, 1, 20, 20)
    _, mean, inverse = conv_norm(x, torch.ones(1, 1, 1, 1), None, None, None, VALID, 0.0, Around())
    torch.testing.assert_close(mean, x.double().mean((0, 2, 3)).float())
    torch.testing.assert_close(inverse, x.double().var((0, 2, 3), correction=0).rsqrt().float(), rtol=1e-4, atol=0)


def test_not_a_number_stays_so() -> None:
    x = torch.ones(1, 1, 4, 4)
    x[0, 0, 1, 1] = torch.nan
    for around in AROUND:
        assert conv_norm(x, torch.ones(1, 1, 1, 1), None, None, None, VALID, 1e-3, around)[0].isnan().all()


def test_autocast_rounds_what_a_convolution_would() -> None:
    given = leaves(torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        y = conv_norm(*given, VALID, EPSILON, Around(pools=True))[0]
    assert y.dtype == torch.bfloat16
    assert [g.dtype for g in torch.autograd.grad(y.float().sum(), given)] == [torch.float32] * 5
