import pytest
import torch
from keras import Sequential
from keras.layers import Dense, Flatten, Input

from etalon.models.lower import KerasNetwork, lower, wrap
from etalon.train import precision
from etalon.train.device import CPU
from etalon.train.precision import settled


@pytest.fixture
def lowered() -> KerasNetwork:
    return lower(Sequential([Input((2, 2, 1)), Flatten(), Dense(3)]), (2, 2, 1))


@pytest.mark.parametrize("flag", ["amx_bf16", "avx512_bf16"])
def test_auto_follows_the_processor(lowered: KerasNetwork, monkeypatch: pytest.MonkeyPatch, flag: str) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {flag: True})
    assert settled("auto", lowered, CPU) == "bfloat16"
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True})
    assert settled("auto", lowered, CPU) == "float32"


def test_a_module_of_the_user_stays_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "native", lambda device: True)
    module = wrap(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 3)))
    assert settled("auto", module, CPU) == "float32"
    assert settled("bfloat16", module, CPU) == "bfloat16"


def test_what_is_asked_is_done(lowered: KerasNetwork) -> None:
    assert settled("float32", lowered, CPU) == "float32"
    assert settled("bfloat16", lowered, CPU) == "bfloat16"
