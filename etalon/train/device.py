"""Where networks are trained: on the processor, or on a CUDA device in a stream of each thread's own."""

import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

import torch
from torch import Tensor, nn

from etalon.errors import EtalonError
from etalon.locales import _
from etalon.train.pictures import resident_bytes

VARIABLE = "ETALON_DEVICE"
CPU = torch.device("cpu")


class DeviceError(EtalonError):
    """A device that is not there, or has no memory left."""


def chosen() -> torch.device:
    """What `ETALON_DEVICE` names (cpu, cuda, cuda:1...); without it, the first CUDA device if there is one.

    Raises:
        DeviceError: no such device here.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    asked = os.environ.get(VARIABLE) or ("cuda" if count else "cpu")
    if asked == "cpu":
        return CPU
    kind, _colon, number = asked.partition(":")
    if kind == "cuda" and (number or "0").isdecimal() and int(number or 0) < count:
        return torch.device("cuda", int(number or 0))
    raise DeviceError(
        f"{VARIABLE}={asked}",
        _("it is neither the processor nor one of the CUDA devices that torch sees here ({count})").format(count=count),
        _("Leave {variable} out, or set it to cpu, cuda, or cuda:1 for the second device.").format(variable=VARIABLE),
    )


def name_of(device: torch.device) -> str:
    """The name by which its maker sells it; "cpu" for the processor."""
    return "cpu" if device.type == "cpu" else torch.cuda.get_device_name(device)


def device_of(network: nn.Module) -> torch.device:
    """Where the weights of a network are."""
    return next((tensor.device for tensor in chain(network.parameters(), network.buffers())), CPU)


def place(network: nn.Module, device: torch.device) -> None:
    """Move a network; what several of its layers share, they go on sharing."""
    if device_of(network) != device:
        moved: dict[Tensor, Tensor] = {}
        network._apply(lambda tensor: moved.setdefault(tensor, tensor.to(device)))  # type: ignore[no-untyped-call]


@contextmanager
def working(device: torch.device) -> Iterator[None]:
    """Within, this thread works on the device in a stream of its own; at the end that work is done."""
    if device.type != "cuda":
        yield
        return
    with torch.cuda.device(device):
        outer = torch.cuda.current_stream()
        if outer != torch.cuda.default_stream():  # within another `working`
            yield
            return
        torch.backends.cudnn.deterministic = True  # the same seed gives the same bits
        stream = _own_stream(device)
        stream.wait_stream(outer)
        with torch.cuda.stream(stream):
            yield
        stream.synchronize()


class _Streams(threading.local):
    """Those of a thread: torch has 32 for the whole process, too few for one for each trial."""

    def __init__(self) -> None:
        self.by_device: dict[torch.device, torch.cuda.Stream] = {}


_streams = _Streams()


def _own_stream(device: torch.device) -> torch.cuda.Stream:
    own = _streams.by_device
    if device not in own:
        own[device] = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    return own[device]


def room_for_more(device: torch.device) -> float:
    """How often the memory that trials have taken so far would fit into what is free; images are held once for all."""
    if device.type == "cpu":
        return math.inf
    free, _total = torch.cuda.mem_get_info(device)
    return free / max(torch.cuda.max_memory_reserved(device) - resident_bytes(device), 1)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device had no memory left: for torch, or for a library that torch calls."""
    text = str(error)
    short = "out of memory" in text or "ALLOC_FAILED" in text
    return isinstance(error, torch.OutOfMemoryError) or (isinstance(error, RuntimeError) and short)


def no_memory(device: torch.device) -> DeviceError:
    """The error of a trial that found no memory though it was alone."""
    return DeviceError(
        _("a training on {device}").format(device=name_of(device)),
        _("the device has no memory left for it, even with no other trial beside it"),
        _("Give it smaller batches (batch_size) or a smaller network, free the device, or set {variable}=cpu.").format(
            variable=VARIABLE
        ),
    )
