import pytest
import torch
from keras import Input, Sequential, layers

from etalon.models.lower import lower, wrap
from etalon.train.device import CPU
from etalon.train.randomness import ALONE, draws_by_itself, torch_generator

LAYERS = {
    "none": ([], True),
    "dropout": ([layers.Dropout(0.5)], True),
    "spatial dropout": ([layers.SpatialDropout2D(0.5)], False),
    "noise": ([layers.GaussianNoise(0.1)], False),
    "random images": ([layers.RandomFlip()], False),
}


@pytest.mark.parametrize("name", LAYERS)
def test_which_layers_draw_from_torch(name: str) -> None:
    """And that generator is held for those only."""
    stack, alone = LAYERS[name]
    network = lower(Sequential([Input((8, 8, 1)), *stack, layers.Flatten(), layers.Dense(3)]), (8, 8, 1))
    assert draws_by_itself(network) is alone
    before = torch.get_rng_state()
    with torch_generator(network, CPU) as reseed:
        assert ALONE.locked() is not alone
        reseed(3)
        assert torch.equal(torch.get_rng_state(), before) is alone
    assert torch.equal(torch.get_rng_state(), before)
    assert not ALONE.locked()


def test_a_module_of_the_user_may_draw_from_it() -> None:
    assert not draws_by_itself(wrap(torch.nn.Linear(2, 3)))
