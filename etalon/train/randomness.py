"""Who draws from what, when several trials train in one process.

The order of images, augmentation and dropout have sources of each trial's own. Other layers (noise, Keras's random
augmentation), and whatever a user's module does, draw from torch's generator, of which a process has but one: such a
network trains while no other one draws from it, and while nothing is being recorded into a CUDA graph, which takes that
generator over.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from etalon.models.lower import KerasNetwork, Network
from etalon.models.lowering.general import Dropout, TrainingOnly

ALONE = threading.Lock()  # held by whoever uses torch's generator


def draws_by_itself(network: Network) -> bool:
    """Whether a network needs nothing of torch's generator: a lowered one whose only chance is plain dropout."""
    return isinstance(network, KerasNetwork) and not any(
        isinstance(module, TrainingOnly) and not (isinstance(module, Dropout) and module.shape is None)
        for module in network.modules()
    )


@contextmanager
def torch_generator(network: Network, device: torch.device) -> Iterator[Callable[[int], object]]:
    """Gives what seeds torch's generator for a network that needs it, and leaves it at the end as it was."""
    if draws_by_itself(network):
        yield lambda seed: None
        return
    with ALONE, torch.random.fork_rng([] if device.index is None else [device.index]):
        yield torch.manual_seed
