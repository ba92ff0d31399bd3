import pytest
import torch
from torch.nn import functional as F

from etalon.kernels.crossentropy import cross_entropy


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("classes", [2, 10, 100])
@pytest.mark.parametrize("scale", [1.0, 50.0])
def test_against_torch(classes: int, smoothing: float, scale: float) -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(64, classes).mul(scale).requires_grad_(), torch.randint(classes, (64,))
    ours = cross_entropy(logits, labels, smoothing)
    theirs = F.cross_entropy(logits.double(), labels, reduction="none", label_smoothing=smoothing).float()
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    weights = torch.rand(64)
    one, other = (torch.autograd.grad(losses, logits, weights)[0] for losses in (ours, theirs))
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_every_row_whatever_its_memory() -> None:
    logits = torch.randn(10, 7).t()
    labels = torch.arange(14)[::2] % 10
    torch.testing.assert_close(cross_entropy(logits, labels), F.cross_entropy(logits, labels, reduction="none"))


@pytest.mark.parametrize("odd", [float("nan"), float("inf")], ids=str)
def test_what_is_not_a_number_stays_so(odd: float) -> None:
    logits = torch.zeros(2, 3)
    logits[1, 2] = odd
    losses = cross_entropy(logits, torch.tensor([0, 1]))
    assert losses.isfinite().tolist() == [True, False]
