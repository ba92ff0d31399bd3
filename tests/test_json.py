"""What `--json` writes has the keys that docs/json.md says."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from etalon.cli import app
from etalon.data.dataset import Dataset

PAGE = (Path(__file__).parent.parent / "docs" / "json.md").read_text(encoding="utf-8")
STUDY = """
import etalon
from keras import Input, Sequential, layers

study = etalon.Study("Blobs", data={data!r}, seeds=2, epochs=1, batch_size=48, learning_rate=0.01)


@study.reference
def reference(neurons=4):
    stack = [Input((8, 8, 1)), layers.Flatten(), layers.Dense(neurons, activation="relu")]
    return Sequential([*stack, layers.Dense(3, activation="softmax")])


@study.variant(because="four are few", neurons=12)
def wide(neurons):
    return reference(neurons)


@study.variant(because="it diverges", {lost})
def too_fast():
    return reference()
"""
Json = Callable[..., Any]


def keys(title: str) -> set[str]:
    """Those of the first table under a heading of the page."""
    section = re.search(rf"^##+ {re.escape(title)}\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert section, title
    cells = re.findall(r"^\| (`[^|]*) \|", section[1], re.MULTILINE)
    return {key for cell in cells for key in re.findall(r"`(\w+)`", cell)}


@pytest.fixture(scope="module")
def folder(blobs: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study, its data beside it."""
    folder = tmp_path_factory.mktemp("json")
    parts = {"x_train": blobs.train.x, "y_train": blobs.train.y, "x_test": blobs.test.x, "y_test": blobs.test.y}
    np.savez(folder / "blobs.npz", **parts)
    study = STUDY.format(data=str(folder / "blobs.npz"), lost="epochs=2")
    (folder / "study.py").write_text(study, encoding="utf-8")
    return folder


@pytest.fixture
def etalon(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Json:
    """What a command writes for a program."""
    monkeypatch.setenv("ETALON_STORE", str(folder / "store"))
    monkeypatch.chdir(tmp_path)

    def call(*arguments: Any, status: int = 0) -> Any:
        done = CliRunner().invoke(app, [*map(str, arguments), "--json", "told.json"])
        assert done.exit_code == status, done.output
        return json.loads(Path("told.json").read_text(encoding="utf-8"))

    return call


def test_a_run_then_all_that_is_asked_of_it(etalon: Json, folder: Path, blobs: Dataset) -> None:
    study = folder / "study.py"
    found = etalon("run", study, "--workers", 0, "--sealed")
    assert set(found) == keys("`etalon run`") - {"report"}
    assert set(found["recommendation"]) == keys("`recommendation`")
    for variant in found["variants"]:
        assert set(variant) == keys("Each of `variants`")
        assert (variant["seeds"], variant["seed_numbers"]) == (2, [0, 1])
    assert found["variants"][1]["difference"]["simultaneous"]

    compared = etalon("compare", study, "reference", "wide")
    assert set(compared) == set(found["verdicts"]) == keys("`etalon compare`")
    assert set(compared["verdicts"][0]) == keys("Each of `verdicts`")

    lines = etalon("list")
    assert set(lines[0]) == keys("`etalon list`")
    assert set(etalon("show", lines[0]["keys"][0])) == keys("`etalon show`")

    etalon_export = CliRunner().invoke(app, ["export", str(study), "--to", "bundle"])
    assert etalon_export.exit_code == 0, etalon_export.output
    Image.fromarray(blobs.test.x[0, ..., 0]).save("0.png")
    (read,) = etalon("predict", "bundle", "0.png")
    assert set(read) == keys("`etalon predict`")
    assert sum(read["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert max(read["probabilities"], key=read["probabilities"].get) == read["predicted"]


def test_images(etalon: Json, folder: Path) -> None:
    assert set(etalon("data", "show", folder / "blobs.npz")) == keys("`etalon data show`")
    assert set(etalon("data", "audit", folder / "blobs.npz")) == keys("`etalon data audit`")


def test_a_variant_that_is_lost_is_told_and_fails(etalon: Json, folder: Path) -> None:
    study = folder / "lost.py"
    study.write_text(STUDY.format(data=str(folder / "blobs.npz"), lost="learning_rate=1e30"), encoding="utf-8")
    found = etalon("run", study, "--workers", 0, "--sealed", status=1)
    assert list(found["lost"]) == found["recommendation"]["lost"] == ["too_fast"]
    assert [variant["name"] for variant in found["variants"]] == ["reference", "wide"]
