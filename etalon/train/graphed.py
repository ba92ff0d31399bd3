"""An epoch as replays of one recorded update.

A small network keeps a GPU waiting for the processor that launches its forty or so kernels. A CUDA graph launches them
at once; and since the device counts the steps itself, and finds there what each of them needs (images, masks, learning
rate), a replay is all that is left to the processor.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from etalon.train.randomness import ALONE

WARM_UP = 3  # updates before one is recorded: libraries choose their kernels and take their memory at the first ones

Update = Callable[[Tensor, Tensor, Sequence[Tensor]], tuple[Tensor, Tensor]]


class Graph(Protocol):
    """Work on a device that is recorded once and replayed."""

    def capture(self, work: Callable[[], None]) -> None:
        """Record what `work` launches, without doing it."""

    def replay(self) -> None:
        """Do it, on the very memory it was recorded with."""


class CudaGraph:
    """A `torch.cuda.CUDAGraph`, in the stream of the thread.

    Args:
        generators: what the work draws from, beside torch's own.
    """

    def __init__(self, generators: Sequence[torch.Generator]) -> None:
        self._graph = torch.cuda.CUDAGraph()
        for generator in generators:
            self._graph.register_generator_state(generator)

    def capture(self, work: Callable[[], None]) -> None:
        """See Graph; meanwhile other threads go on in their own streams."""
        stream = torch.cuda.current_stream()
        with torch.cuda.graph(self._graph, stream=stream, capture_error_mode="thread_local"):
            work()

    def replay(self) -> None:
        """See Graph."""
        self._graph.replay()


RECORDERS: Mapping[str, Callable[[Sequence[torch.Generator]], Graph]] = {"cuda": CudaGraph}  # by type of device


class Replayed:
    """Epochs of `n` images, of which all batches but a smaller last one are replays.

    Args:
        update: (indices int64 (b,), number of the masks int64 (), the optimizer's numbers float32 ()) -> the loss and
            the hits, scalars; nothing but operations on the device.
        kept: every tensor that an update changes for good; recording leaves them as they were.
        width: how many numbers the optimizer takes.
        graph: not used yet.
    """

    def __init__(
        self, update: Update, kept: Sequence[Tensor], n: int, batch_size: int, width: int, graph: Graph
    ) -> None:
        self._update, self._batch_size, self._graph = update, batch_size, graph
        device, steps = kept[0].device, -(-n // batch_size)
        self._order = torch.zeros(n, dtype=torch.int64, device=device)
        self._masks = torch.zeros(steps, dtype=torch.int64, device=device)
        self._numbers = torch.zeros(steps, width, device=device)
        self._losses = torch.zeros(steps, device=device)
        self._hits = torch.zeros((), dtype=torch.int64, device=device)
        self._step = torch.zeros(1, dtype=torch.int64, device=device)  # of this epoch, counted by the device
        self._places = torch.arange(batch_size, device=device)
        if n >= batch_size:
            self._record(kept)

    def epoch(
        self, batches: Sequence[np.ndarray], masks: Sequence[int], numbers: Sequence[Sequence[float]]
    ) -> tuple[Tensor, int]:
        """The loss of each batch, float32 (steps,) on the CPU, and the number of images recognised.

        Args:
            batches: indices int64 (b,).
            masks: a number of 32 bits for each batch; numbers: what the optimizer takes for each.
        """
        self._order.copy_(torch.from_numpy(np.concatenate(batches)))
        self._masks.copy_(torch.tensor(masks))
        self._numbers.copy_(torch.tensor(numbers))
        self._step.zero_()
        self._hits.zero_()
        for batch in batches:
            if len(batch) == self._batch_size:
                self._graph.replay()
            else:
                self._work(len(batch))
        return self._losses.cpu(), int(self._hits)

    def _record(self, kept: Sequence[Tensor]) -> None:
        with ALONE:
            kept = [*kept, self._step]
            before = [tensor.clone() for tensor in kept]
            for _ in range(WARM_UP):
                self._step.zero_()
                self._work(self._batch_size)
            for tensor, value in zip(kept, before, strict=True):
                tensor.copy_(value)
            self._graph.capture(lambda: self._work(self._batch_size))

    def _work(self, size: int) -> None:
        index = self._order.index_select(0, self._step * self._batch_size + self._places[:size])
        mask = self._masks.index_select(0, self._step)[0]
        numbers = self._numbers.index_select(0, self._step)[0].unbind()
        loss, hits = self._update(index, mask, numbers)
        self._losses.index_copy_(0, self._step, loss.view(1))
        self._hits.add_(hits)
        self._step.add_(1)
