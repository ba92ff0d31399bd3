"""The page that puts published figures beside ours: every number of it comes from what a run wrote."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from bench import literature
from bench.literature import KERAS, ON_KERAS, PUBLISHED, Study, cells, known


def results(**by_variant: tuple[list[float], list[int]]) -> dict[str, Any]:
    return {
        "data": {"name": "MNIST", "digest": "0123456789abcdef"},
        "environment": {"processor": "A", "device": "cpu", "precision": "float32", "torch": "2", "etalon": "0.1.0"},
        "openings": ["2026-11-20T10:00:00", "2026-11-21T11:00:00"],
        "variants": [
            {
                "name": name,
                "seeds": len(accuracy),
                "epochs": 5,
                "best_epochs": epochs,
                "by_seed": {"test": {"accuracy": accuracy, "precision_macro": accuracy}},
            }
            for name, (accuracy, epochs) in by_variant.items()
        ],
    }


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    folders = (tmp_path / "docs" / "results", tmp_path / "lessons" / "measured")
    for folder in folders:
        folder.mkdir(parents=True)
    monkeypatch.setattr(literature, "RESULTS", folders)
    monkeypatch.setattr(literature, "ROOT", tmp_path)
    monkeypatch.setattr(literature, "EXPLAINED", tmp_path)
    return folders


def test_the_page(places: tuple[Path, Path], tmp_path: Path) -> None:
    network = results(two_conv_two_dense=([0.926, 0.928, 0.927, 0.93], [8, 9, 10, 9]))
    (places[0] / "fashion_2conv2fc-fashion_mnist.json").write_text(json.dumps(network))
    course = results(cnn=([0.9900, 0.9902, 0.9901], [20, 20, 20]), pushed=([0.99], [20]))
    (places[1] / "cours_cnn-mnist.json").write_text(json.dumps(course))
    (tmp_path / "published-cours_cnn-cnn-accuracy-0.9844.md").write_text("It was trained for longer.\n")
    literature.write(tmp_path / "published.md")
    page = (tmp_path / "published.md").read_text(encoding="utf-8")
    assert (
        "| a published network: accuracy | 92.81 % | 92.78 % | 92.17 % to 93.38 % | 4 | −0.03 points | not shown"
        in page
    )
    assert "| a published network: best epoch | 9.0 | 9.0 | 6.1 to 11.9 | 4 | +0.0 epochs | not shown" in page
    assert "network: accuracy | 98.44 % | 99.01 % | 98.96 % to 99.06 % | 3 | +0.57 points | **yes** |" in page
    assert "pushed a little: accuracy | 99.49 % | 99.00 % |  | 1 | −0.49 points | one training does not tell |" in page
    assert "(98.44 % published, 99.01 % here, +0.57 points). It was trained for longer.\n" in page
    assert "MNIST (digest 0123456789ab), `cnn` 3 trainings of 5 epochs at most, `pushed` 1 trainings" in page
    assert "; 2026-11-21, A, cpu, float32, torch 2, Étalon 0.1.0." in page
    waiting = page.split("## Not measured yet")[1]
    assert "etalon run studies/cours_dense.py --data fashion_mnist --seeds 3 --json lessons/measured/cours" in waiting
    assert "cours_cnn" not in waiting


def test_a_gap_is_real_outside_of_a_prediction_interval() -> None:
    ours = np.array([0.926, 0.928, 0.927, 0.93])
    found = results(two_conv_two_dense=(ours.tolist(), [9] * 4))
    half = stats.t.ppf(0.975, 3) * ours.std(ddof=1) * np.sqrt(1 + 1 / 4)
    claim = PUBLISHED[0].claim(found)
    assert claim.interval == pytest.approx((ours.mean() - half, ours.mean() + half))
    assert cells(PUBLISHED[0], claim)[3] == f"{100 * claim.interval[0]:.2f} % to {100 * claim.interval[1]:.2f} %"


def test_every_figure_stands_beside_a_variant_of_its_study() -> None:
    root = Path(literature.__file__).parents[1]
    for figure in known():
        text = (root / "studies" / f"{figure.study.name}.py").read_text(encoding="utf-8")
        assert f"def {figure.variant}(" in text
    names = [json.loads(line)["name"] for line in KERAS.read_text(encoding="utf-8").splitlines()]
    assert set(ON_KERAS) < set(names)
    assert len(known()) == len(PUBLISHED) + len(ON_KERAS)


def test_where_results_are_kept() -> None:
    assert Study("tp_mlp", "fashion_mnist").command == (
        "etalon run studies/tp_mlp.py --json docs/results/tp_mlp-fashion_mnist.json"
    )
    assert "lessons/measured/cours_cnn-mnist.json" in Study("cours_cnn", "mnist").command
