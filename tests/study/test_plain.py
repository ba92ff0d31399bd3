"""Which studies can be known without being run."""

from hashlib import sha256
from pathlib import Path

import pytest

from etalon.study.plain import plain_files

ROOT = Path(__file__).parents[2]
PLAIN = """
from __future__ import annotations

import functools
import math
from collections.abc import Callable

import etalon
import keras
import keras.layers as stack
from etalon import Rotation
from keras import Sequential, layers, models
from torch import nn

WIDTH = int(math.sqrt(64))
study = etalon.Study({"en": "A study"}, data="digits", seeds=[*range(3)], augmentation=[Rotation(degrees=5)])


class Net(nn.Module):
    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.dense = nn.Linear(width, 10)

    def forward(self, x):
        return self.dense(x.flatten(1)).relu()


@functools.cache
def knob(depth=2, layer: Callable = layers.Dense):
    if depth < 1:
        raise ValueError(f"depth={depth}")
    return models.Sequential([*(layer(8, activation=keras.activations.relu) for _ in range(depth)), stack.Dense(10)])


@study.reference
def reference():
    return Sequential([keras.Input((8, 8, 1)), layers.Flatten(), knob()])


@study.variant(because="why not", callbacks=[keras.callbacks.CSVLogger("log.csv")])
def deeper():
    return knob(3)


if __name__ == "__main__":
    print(study.run())
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return tmp_path / "a_study.py"


@pytest.mark.parametrize(
    "path",
    ["studies/mini_projet.py", "studies/tp_mlp.py", "etalon/templates/study.en.py", "etalon/templates/study.fr.py"],
)
def test_our_own_studies_are_plain(path: str) -> None:
    assert plain_files(ROOT / path) == {str(ROOT / path): sha256((ROOT / path).read_bytes()).hexdigest()}


def test_a_plain_study(study: Path) -> None:
    study.write_text(PLAIN)
    assert plain_files(study) == {str(study): sha256(PLAIN.encode()).hexdigest()}


@pytest.mark.parametrize(
    "text",
    [
        "import os",
        "import random",
        "import numpy as np",
        "import tensorflow",
        "import a_module_that_is_nowhere",
        "from . import beside",
        "from keras.layers import *",
        "from keras.models import load_model",
        "from keras import utils",
        "from etalon import load",
        "import etalon\nimages = etalon.load('digits')",
        "import keras\nkeras.utils.set_random_seed(0)",
        "import keras\nx = keras.random.normal((2,))",
        "import keras\nlibrary = keras",
        "from keras import models\nm = models.load_model('x.keras')",
        "import keras.layers\nkeras.datasets.mnist.load_data()",
        "import torch\nx = torch.load('x')",
        "import torch\nx = torch.rand(2)",
        "text = open('x').read()",
        "print(1)",
        "exec('x = 1')",
        "x = __file__",
        "x = __import__('os')",
        "x = (1).__class__",
        "def f(model): model.load_weights('x.weights.h5')",
        "def f(model): model.summary()",
        "def f(study): return study.run()",
        "def f(study): return study.search({'epochs': [1, 2]})",
        "def f(table): table.to_csv('x.csv')",
        "@study.question('?')\ndef f(result): result.report('x.html')",
        "@study.question('?')\ndef f(result): return result.frame().to_csv('x.csv')",
        "@study.question('?')\ndef f(result): return open('x').read()",
        "if __name__ == '__main__':\n    print(1)\nelse:\n    print(2)",
        "if __name__ != '__main__':\n    print(1)",
        "lambda: getattr(1, 'real')",
        "def (",
        "x = '\0'",
    ],
)
def test_what_is_not_plain(study: Path, text: str) -> None:
    study.write_text(text)
    assert plain_files(study) is None


def test_a_question_may_train_and_sum_up(study: Path) -> None:
    study.write_text("@study.question('?')\ndef f(result): return result.summary(), other.run(progress=False)")
    first = plain_files(study)
    assert first is not None
    study.write_text("@study.question('?')\ndef f(result): return result.summary(), other.run(progress=True)")
    assert plain_files(study) not in (None, first)  # an answer given before is no longer that of this study


def test_no_file(study: Path) -> None:
    assert plain_files(study) is None


def test_files_beside_it_count(study: Path) -> None:
    study.write_text("import blocks\nfrom more_blocks import head\nx = blocks.body(head)")
    (study.parent / "blocks.py").write_text("from more_blocks import head\ndef body(n): return n")
    assert plain_files(study) is None
    more = study.parent / "more_blocks.py"
    more.write_text("import blocks\nhead = 3")
    found = plain_files(study)
    assert found is not None
    assert set(found) == {str(study), str(more), str(study.parent / "blocks.py")}
    more.write_text("import time\nhead = time.time()")
    assert plain_files(study) is None


def test_but_not_where_a_library_has_the_name(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study.write_text("import blocks_elsewhere")
    (study.parent / "blocks_elsewhere.py").write_text("x = 1")
    assert plain_files(study) is not None
    other = study.parent / "other"
    other.mkdir()
    (other / "blocks_elsewhere.py").write_text("x = 2")
    monkeypatch.syspath_prepend(other)
    assert plain_files(study) is None
