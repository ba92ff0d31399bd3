"""Which device trains; what a GPU answers is played by stand-ins."""

import re
from types import SimpleNamespace

import pytest
import torch
from keras import Input, Model, layers

from etalon.models.lower import lower
from etalon.train import device
from etalon.train.device import CPU, DeviceError, chosen, device_of, is_out_of_memory, no_memory, place, room_for_more

GIB = 2**30


@pytest.fixture(autouse=True)
def _nothing_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ETALON_DEVICE", raising=False)


def gpus(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)


@pytest.mark.parametrize(
    ("asked", "count", "expected"),
    [
        (None, 0, "cpu"),
        (None, 2, "cuda:0"),
        ("", 1, "cuda:0"),
        ("cpu", 2, "cpu"),
        ("cuda", 1, "cuda:0"),
        ("cuda:1", 2, "cuda:1"),
    ],
)
def test_the_first_gpu_unless_told_otherwise(
    asked: str | None, count: int, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus(monkeypatch, count)
    if asked is not None:
        monkeypatch.setenv("ETALON_DEVICE", asked)
    assert chosen() == torch.device(expected)


@pytest.mark.parametrize(("asked", "count"), [("cuda", 0), ("cuda:2", 2), ("tpu", 1), ("cuda:-1", 1), ("cuda:x", 1)])
def test_a_device_that_is_not_there(asked: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(monkeypatch, count)
    monkeypatch.setenv("ETALON_DEVICE", asked)
    expected = rf"ETALON_DEVICE={re.escape(asked)}: it is neither .* sees here \({count}\)\. Leave ETALON_DEVICE out"
    with pytest.raises(DeviceError, match=expected):
        chosen()


def test_what_layers_share_they_share_elsewhere() -> None:
    """A normalisation called twice has one set of moving statistics."""
    x = Input((2, 2, 1))
    layer = layers.BatchNormalization()
    y = layers.Dense(3)(layers.Flatten()(layer(layer(x))))
    network = lower(Model(x, y), (2, 2, 1))
    before = [id(buffer) for buffer in network.buffers()]
    elsewhere = torch.device("meta")
    place(network, elsewhere)
    assert device_of(network) == elsewhere
    assert {tensor.device for tensor in [*network.parameters(), *network.buffers()]} == {elsewhere}
    assert len(list(network.buffers())) == len(before) == 2


def test_a_network_without_weights_is_on_the_processor() -> None:
    assert device_of(torch.nn.Flatten()) == CPU


def test_room_is_counted_in_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    assert room_for_more(CPU) == float("inf")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (12 * GIB, 24 * GIB))
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda device: 7 * GIB)
    monkeypatch.setattr(device, "resident_bytes", lambda device: 4 * GIB)
    assert room_for_more(torch.device("cuda", 0)) == 4


@pytest.mark.parametrize(
    ("error", "short"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("shape '[2]' is invalid for input of size 3"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_what_a_lack_of_memory_looks_like(error: Exception, short: bool) -> None:
    assert is_out_of_memory(error) is short


def test_a_lack_of_memory_is_told_in_three_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "H200")
    error = no_memory(torch.device("cuda", 0))
    assert error.received == "a training on H200"
    assert "ETALON_DEVICE=cpu" in error.remedy


class Stream(SimpleNamespace):
    """What is asked of a stream."""

    def wait_stream(self, other: "Stream") -> None:
        self.waited = other

    def synchronize(self) -> None:
        self.done = True


def test_each_thread_works_in_a_stream_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Entered twice, it stays in that stream; entered again, it takes the same."""
    from contextlib import contextmanager, nullcontext

    default, entered = Stream(name="default"), list[Stream]()
    current = [default]

    @contextmanager
    def stream(wanted: Stream):  # type: ignore[no-untyped-def]
        entered.append(wanted)
        current.append(wanted)
        yield
        current.pop()

    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: current[-1])
    monkeypatch.setattr(torch.cuda, "default_stream", lambda: default)
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: Stream(name="own"))
    monkeypatch.setattr(torch.cuda, "stream", stream)
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", False)
    gpu = torch.device("cuda", 0)
    for _ in range(2):
        with device.working(gpu), device.working(gpu):
            assert current[-1].name == "own"
    assert len(entered) == 2
    assert entered[0] is entered[1]
    assert entered[0].waited is default
    assert entered[0].done
    with device.working(CPU):
        assert current == [default]
    device._streams.by_device.clear()
