"""Keras's own optimizers are the oracle."""

import keras
import numpy as np
import pytest
import torch
from torch import nn

from etalon.errors import RecipeError
from etalon.train.optimizers import RULES, Optimizer

SETTINGS = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.5}),
    ("RMSprop", {"centered": True, "momentum": 0.3, "epsilon": 1e-3}),
    ("Adam", {}),
    ("Adam", {"beta_1": 0.8, "epsilon": 1e-3}),
    ("Adam", {"weight_decay": 0.05}),
    ("AdamW", {}),
    ("AdamW", {"weight_decay": 0.1}),
    ("Nadam", {}),
    ("Adagrad", {}),
    ("Adagrad", {"initial_accumulator_value": 0.5}),
    ("Adamax", {}),
    ("Adam", {"clipnorm": 0.5}),
    ("Adam", {"global_clipnorm": 0.5}),
    ("SGD", {"clipvalue": 0.1}),
]
SHAPES = [(3, 4, 2, 5), (7,), (6, 3)]


@pytest.mark.parametrize(("class_name", "options"), SETTINGS, ids=lambda v: str(v))
def test_hundred_updates_are_those_of_keras(class_name: str, options: dict[str, float]) -> None:
    rng = np.random.default_rng(0)
    start = [rng.normal(size=shape).astype("float32") for shape in SHAPES]
    oracle = getattr(keras.optimizers, class_name)(learning_rate=0.01, **options)
    variables = [keras.Variable(value) for value in start]
    config = {k: v for k, v in oracle.get_config().items() if k not in ("name", "learning_rate")}
    ours = [nn.Parameter(torch.tensor(value)) for value in start]
    optimizer = Optimizer(ours, class_name, config)
    oracle.build(variables)
    for _ in range(100):
        gradients = [rng.normal(size=shape).astype("float32") for shape in SHAPES]
        oracle.apply([torch.tensor(g) for g in gradients], variables)
        optimizer.zero_grad()
        for parameter, gradient in zip(ours, gradients, strict=True):
            parameter.grad = torch.tensor(gradient)
        optimizer.step(0.01)
    for variable, parameter in zip(variables, ours, strict=True):
        np.testing.assert_allclose(
            parameter.detach().numpy(), keras.ops.convert_to_numpy(variable), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize(("class_name", "options"), SETTINGS, ids=lambda v: str(v))
def test_numbers_on_the_device_do_as_well(class_name: str, options: dict[str, float]) -> None:
    """With the numbers as float32 scalars, the bits are those of an update that is given Python's."""
    config = getattr(keras.optimizers, class_name)(**options).get_config()
    ours, theirs = (nn.Parameter(torch.linspace(-1, 1, 35).view(5, 7)) for _ in range(2))
    optimizer, other = (Optimizer([parameter], class_name, config) for parameter in (ours, theirs))
    rng = np.random.default_rng(2)
    for step in range(20):
        gradient, rate = torch.tensor(rng.normal(size=(5, 7)).astype("float32")), 0.1 / (step + 1)
        for one, parameter in ((optimizer, ours), (other, theirs)):
            one.zero_grad()
            parameter.grad = gradient.clone()
        optimizer.step(rate)
        other.apply(torch.tensor(other.numbers(rate, step)).unbind())
    assert torch.equal(ours, theirs)


def test_parameters_begin_at_aligned_places_and_the_state_has_no_gaps() -> None:
    first, second = nn.Parameter(torch.ones(3, 3)), nn.Parameter(torch.ones(5))
    optimizer = Optimizer([first, second], "SGD", {"momentum": 0.9, "nesterov": False})
    assert [p.data.storage_offset() for p in (first, second)] == [0, 64]
    (first.sum() + 2 * second.sum()).backward()
    optimizer.step(1.0)
    assert optimizer.state()["momentum"].tolist() == [-1.0] * 9 + [-2.0] * 5
    again = Optimizer([first, second], "SGD", {"momentum": 0.9, "nesterov": False})
    again.load(optimizer.state())
    assert torch.equal(again.slots["momentum"], optimizer.slots["momentum"])


def test_parameters_keep_their_memory_format() -> None:
    weight = nn.Parameter(torch.randn(8, 4, 3, 3).to(memory_format=torch.channels_last))
    before = weight.detach().clone()
    Optimizer([weight], "SGD", {"momentum": 0.0, "nesterov": False})
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(weight, before)


def test_frozen_parameters_stay() -> None:
    frozen, free = nn.Parameter(torch.ones(3), requires_grad=False), nn.Parameter(torch.ones(3))
    optimizer = Optimizer([frozen, free], "SGD", {"momentum": 0.0, "nesterov": False})
    (frozen.sum() + free.sum()).backward()
    optimizer.step(0.5)
    assert frozen.tolist() == [1, 1, 1]
    assert free.tolist() == [0.5, 0.5, 0.5]


@pytest.mark.parametrize("class_name", sorted(RULES))
def test_state_is_all_that_is_needed_to_go_on(class_name: str) -> None:
    config = getattr(keras.optimizers, class_name)().get_config()
    rng = np.random.default_rng(1)
    gradients = torch.tensor(rng.normal(size=(6, 5)).astype("float32"))

    def run(parameter: nn.Parameter, optimizer: Optimizer, steps: range) -> None:
        for i in steps:
            optimizer.zero_grad()
            parameter.grad = gradients[i].clone()
            optimizer.step(0.1)

    whole = nn.Parameter(torch.ones(5))
    run(whole, Optimizer([whole], class_name, config), range(6))
    first = nn.Parameter(torch.ones(5))
    interrupted = Optimizer([first], class_name, config)
    run(first, interrupted, range(3))
    second = nn.Parameter(first.detach().clone())
    resumed = Optimizer([second], class_name, config)
    resumed.load({k: v.clone() for k, v in interrupted.state().items()})
    run(second, resumed, range(3, 6))
    assert torch.equal(whole, second)


def test_unknown_optimizer_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"optimizer Lion.*Use one of SGD"):
        Optimizer([], "Lion", {})


def test_option_without_support_is_refused() -> None:
    with pytest.raises(RecipeError, match="use_ema"):
        Optimizer([], "Adam", {"use_ema": True})
