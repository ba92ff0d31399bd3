"""A lowered network against the same one written by hand in torch: forward and backward, in turn, in one process."""

import time
from collections.abc import Callable

import torch
from torch import nn
from torch.nn.functional import cross_entropy

import etalon
from bench.handwritten import HANDWRITTEN
from bench.networks import NETWORKS
from bench.workloads.common import answer, read_job


def main() -> None:
    """Seconds of a forward and a backward, one figure a round, for each way to write the network."""
    job = read_job()
    network = NETWORKS[job.network]
    shape = (32, 32, 3) if job.network == "cifar" else (28, 28, 1)
    torch.manual_seed(0)
    images = torch.rand(network.batch_size, *shape).permute(0, 3, 1, 2)
    labels = torch.randint(10, (network.batch_size,))
    ways = {
        "lowered": (etalon.lower(network.build(), shape), images),
        "by hand": (HANDWRITTEN[job.network](), images.contiguous()),
        "by hand, channels last": (HANDWRITTEN[job.network]().to(memory_format=torch.channels_last), images),
    }
    sizes = {sum(p.numel() for p in module.parameters()) for module, _ in ways.values()}
    assert len(sizes) == 1, f"these are not the same network: {sizes} weights"
    steps = {name: _step(module, x, labels, job.precision) for name, (module, x) in ways.items()}
    for step in steps.values():
        _seconds(step, job.steps)
    found: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(job.rounds):
        for name, step in steps.items():
            found[name].append(_seconds(step, job.steps) / job.steps)
    answer(seconds=found, weights=sizes.pop(), batch=network.batch_size, threads=torch.get_num_threads())


def _step(module: nn.Module, x: torch.Tensor, y: torch.Tensor, precision: str) -> Callable[[], None]:
    module.train()

    def step() -> None:
        module.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            logits = module(x)
        cross_entropy(logits.float(), y).backward()

    return step


def _seconds(step: Callable[[], None], times: int) -> float:
    started = time.perf_counter()
    for _ in range(times):
        step()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
