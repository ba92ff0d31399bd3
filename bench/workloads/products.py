"""The rate of matrix products that torch reaches here, all cores at work, and what the networks ask for."""

import time
from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch.nn.functional import conv2d

from bench.networks import NETWORKS
from bench.workloads.common import answer, read_job

SIDES = (512, 1024, 2048)


def main() -> None:
    """GFLOP/s in each precision: the best of the sizes, as a product and as a 1x1 convolution (another library);
    FLOP an image, trained and predicted, of each network.
    """
    job = read_job()
    rates = {}
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        rates[name] = max(rate for side in SIDES for rate in _rates(side, dtype, job.seconds))
    arithmetic = {name: flop(network.build()) for name, network in NETWORKS.items()}
    answer(rates=rates, arithmetic=arithmetic, threads=torch.get_num_threads())


def flop(model: Any) -> tuple[int, int]:
    """Multiplications and additions of an image trained and of an image predicted, in convolutions and dense layers.

    A backward costs two forwards, but for the first layer, whose input needs no gradient.
    """
    layers = [layer for layer in model.layers if hasattr(layer, "kernel")]
    forward = [2 * prod(layer.kernel.shape) * prod(layer.output.shape[1:-1]) for layer in layers]
    return 3 * sum(forward) - forward[0], sum(forward)


def _rates(side: int, dtype: torch.dtype, seconds: float) -> list[float]:
    a, b = (torch.rand(side, side).to(dtype) for _ in range(2))
    image, kernel = a.T.reshape(1, side, side, 1), b.T.reshape(side, side, 1, 1)
    image = image.to(memory_format=torch.channels_last)
    ways: list[Callable[[], object]] = [lambda: a @ b, lambda: conv2d(image, kernel)]
    return [2 * side**3 / _fastest(way, seconds) / 1e9 for way in ways]


def _fastest(way: Callable[[], object], seconds: float) -> float:
    found, over = [], time.perf_counter() + seconds
    with torch.inference_mode():
        while time.perf_counter() < over or len(found) < 3:
            started = time.perf_counter()
            way()
            found.append(time.perf_counter() - started)
    return min(found)


if __name__ == "__main__":
    main()
