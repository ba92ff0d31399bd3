"""The quick part of the proof: false alarms and coverage on simulated studies, and the page that tells them."""

import json

import numpy as np
import pytest
from scipy import stats

from bench import published, statistics
from bench.published import BEGIN, DOCUMENT, END
from bench.simulated import HARSH, SETTINGS, Setting, simulate
from bench.statistics import naive, proof, relabelled

QUICK = 60
KEYS = ["setting", "studies", "false_alarms", "coverage"]


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_false_alarms_and_coverage(setting: Setting) -> None:
    """Within what 60 studies can tell from 6 % and 93 %."""
    line = proof(str(setting), simulate(setting, QUICK))
    assert list(line)[:4] == KEYS
    assert line["studies"] == QUICK
    assert line["false_alarms"] <= 0.06 + 2.6 * np.sqrt(0.06 * 0.94 / QUICK)
    assert line["coverage"] >= 0.93 - 2.6 * np.sqrt(0.07 * 0.93 / QUICK)


@pytest.mark.parametrize("setting", [SETTINGS[0], SETTINGS[-1], HARSH[0]], ids=str)
def test_models_are_equal_and_as_good_as_is_said(setting: Setting) -> None:
    answers = np.stack(list(simulate(setting, 40)))
    errors = 1 - answers.mean(axis=(0, 2, 3))
    tolerance = 4 * answers.mean(axis=(2, 3)).std() / np.sqrt(40)
    assert errors == pytest.approx(setting.error, abs=tolerance)


def test_a_gain_is_a_difference_of_accuracy() -> None:
    setting = Setting(5, 0.08, 0.05)
    gained = [a[1].mean() - a[0].mean() for a in simulate(setting, 60, [0.04])]
    assert np.mean(gained) == pytest.approx(0.04, abs=0.003)


def test_naive_tools_are_those_of_scipy() -> None:
    answers = np.stack(list(simulate(Setting(5, 0.08, 0.2, n=300), 30)))
    first = answers[:, :, 0]
    won, lost = (first[:, 1:] & ~first[:, :1]).sum(axis=2), (~first[:, 1:] & first[:, :1]).sum(axis=2)
    accuracies = answers.mean(axis=3)
    found = naive(np.stack([won, lost], axis=1), accuracies)
    exact = np.array(
        [
            [stats.binomtest(int(w), int(w + s)).pvalue < 0.05 for w, s in zip(*r, strict=True)]
            for r in zip(won, lost, strict=True)
        ]
    )
    assert found["mcnemar"] == {"alone": exact.mean(), "any": exact.any(axis=1).mean()}
    t_test = stats.ttest_rel(accuracies[:, 1:], accuracies[:, :1], axis=2).pvalue < 0.05
    assert found["t_test"]["alone"] == pytest.approx(t_test.mean())
    assert found["best_run"]["any"] > 0.5


def test_runs_of_one_configuration_are_dealt_into_eight_models() -> None:
    correct = next(simulate(Setting(40, 0.05, 0.1, n=500), 1, []))[0]
    studies = list(relabelled(correct.astype(np.float32), times=30))
    assert studies[0].shape == (8, 5, 500)
    assert not np.array_equal(studies[0], studies[1])
    assert all(np.array_equal(np.sort(s.reshape(40, -1), axis=0), np.sort(correct, axis=0)) for s in studies)
    line = proof("relabelled", iter(studies))
    assert line["false_alarms"] <= 0.3


def test_more_seeds_and_larger_differences_are_seen_better(tmp_path) -> None:  # type: ignore[no-untyped-def]
    curves = [statistics.power(k, gain, 20) for k in (3, 5) for gain in (0.0, 0.02)]
    assert curves[1]["power"] > curves[0]["power"]
    assert curves[3]["power"] >= 0.9
    published.draw(curves, tmp_path / "power.svg")
    assert "5 seeds" in (tmp_path / "power.svg").read_text() or (tmp_path / "power.svg").stat().st_size > 1000


def test_the_page_tells_what_was_kept() -> None:
    page = DOCUMENT.read_text(encoding="utf-8")
    assert page.split(BEGIN)[1].split(END)[0] == published.written()
    promised = [line for line in published.read() if line.get("setting") in {str(setting) for setting in SETTINGS}]
    assert [line["studies"] for line in promised] == [2000] * 8
    assert max(line["false_alarms"] for line in promised) <= 0.06
    assert min(line["coverage"] for line in promised) >= 0.93


def test_quick_writes_a_line_a_setting(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "QUICK", 2)
    statistics.run(quick=True, as_json=True, keep=False, study=None)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["setting"] for line in lines] == [str(setting) for setting in SETTINGS]
    assert all(list(line)[:4] == KEYS for line in lines)
