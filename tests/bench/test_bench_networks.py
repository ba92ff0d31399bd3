"""Both sides train the same networks: Keras's, those of the mini-project, those written by hand."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import etalon
from bench.handwritten import HANDWRITTEN
from bench.networks import NETWORKS, VARIANTS, cnn
from bench.workloads.products import flop

STUDY = Path(__file__).parents[2] / "studies" / "mini_projet.py"
SHAPES = {"cnn": (1, 28, 28), "mlp": (1, 28, 28), "cifar": (3, 32, 32)}


def described(model: Any) -> list[tuple[Any, ...]]:
    """What decides what a model computes, layer by layer."""
    kept = ("filters", "kernel_size", "units", "activation", "rate", "pool_size", "kernel_regularizer", "padding")
    configs = [(type(layer).__name__, layer.get_config()) for layer in model.layers]
    return [(kind, [config.get(name) for name in kept]) for kind, config in configs]


@pytest.mark.parametrize("name", VARIANTS)
def test_variants_are_those_of_the_mini_project(name: str) -> None:
    study = etalon.open_study(STUDY)
    theirs = next(iter(study.variants.values())) if name == "reference" else study.variants[name]
    assert described(cnn(**VARIANTS[name].arguments)) == described(theirs.build(**theirs.arguments))
    assert dict(VARIANTS[name].settings) == dict(theirs.settings)
    assert study.settings == {"epochs": 5, "batch_size": NETWORKS["cnn"].batch_size}


@pytest.mark.parametrize("name", NETWORKS)
def test_written_by_hand_alike(name: str) -> None:
    keras, torch_ = NETWORKS[name].build(), HANDWRITTEN[name]()
    assert Counter(w.numpy().size for w in keras.weights) == Counter(p.numel() for p in torch_.parameters())
    images = torch.rand(2, *SHAPES[name])
    assert torch_(images).shape == (2, 10)


@pytest.mark.parametrize("name", NETWORKS)
def test_arithmetic_is_what_torch_counts(name: str) -> None:
    network, images = HANDWRITTEN[name](), torch.rand(1, *SHAPES[name])
    with FlopCounterMode(display=False) as forward:
        network(images)
    with FlopCounterMode(display=False) as both:
        network(images).sum().backward()
    assert flop(NETWORKS[name].build()) == (both.get_total_flops(), forward.get_total_flops())


def test_arithmetic_of_the_reference() -> None:
    trained, _predicted = flop(cnn())
    assert round(trained / 1e6, 1) == 15.4
