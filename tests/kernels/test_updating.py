import pytest
import torch

from etalon.kernels.updating import adam


@pytest.mark.parametrize("steps", [1, 50])
def test_against_torch(steps: int) -> None:
    torch.manual_seed(0)
    ours = torch.randn(1003)
    theirs = ours.clone().requires_grad_()
    reference = torch.optim.Adam([theirs], lr=1e-3, eps=0.0)  # with an epsilon, Keras's means another thing
    mean, square = torch.zeros(2, 1003)
    for t in range(1, steps + 1):
        gradient = theirs.grad = torch.randn(1003)
        reference.step()
        adam(ours, gradient, mean, square, (0.9, 0.999), 1e-3 * (1 - 0.999**t) ** 0.5 / (1 - 0.9**t), 0.0)
    torch.testing.assert_close(ours, theirs.detach(), rtol=1e-5, atol=1e-6)


def test_the_plain_formula_agrees() -> None:
    torch.manual_seed(0)
    state = [torch.randn(100), torch.randn(100), torch.randn(100), torch.rand(100)]
    double = [t.double() for t in state]  # no kernel: torch's own operations
    for tensors in (state, double):
        adam(*tensors, (0.9, 0.99), 0.01, 1e-7)
    for one, other in zip(state, double, strict=True):
        torch.testing.assert_close(one, other.float(), rtol=1e-5, atol=1e-6)
