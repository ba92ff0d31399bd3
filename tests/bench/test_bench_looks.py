"""Seeds where they matter, and splits, on simulated studies: the quick part of the proof."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from bench.looks import gained, look_by_look, looked, spared
from bench.published import read
from bench.simulated import SETTINGS, Setting, simulate
from bench.splits import POOLS, Pool, learnt, nadeau_bengio, splits
from etalon.analysis.design import Auto
from etalon.analysis.verdicts import verdicts
from etalon.data.splits import HoldOut, KFold

QUICK = 60


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_looks_keep_the_error_rate(setting: Setting) -> None:
    """Within what 60 studies can tell from 6 % and 93 %; nothing differs, and yet not all the seeds are spent."""
    line = looked(setting, QUICK)
    assert line["false_alarms"] <= 0.06 + 2.6 * np.sqrt(0.06 * 0.94 / QUICK)
    assert line["coverage"] >= 0.93 - 2.6 * np.sqrt(0.07 * 0.93 / QUICK)
    assert line["uncorrected"] <= line["coverage"]
    assert 3 / setting.k <= line["trainings"] <= 1


def test_equivalent_is_seldom_said_of_what_is_not() -> None:
    """A difference of just the margin, the worst case: 5 % at most, whatever the looks."""
    line = gained(0.002, 40)
    assert line["auto"]["equivalent"] <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 40)


def test_each_model_is_judged_on_the_seeds_that_it_has() -> None:
    answers = next(simulate(Setting(10, 0.08, 0.05), 1, [0.05, 0.0, 0.01]))
    judged, taken = look_by_look(answers, Auto())
    assert judged["1"].verdict == "better"
    assert taken["1"] == 3
    assert taken["0"] == max(taken.values())
    tables = {str(i): np.where(np.arange(10)[:, None] < taken[str(i)], answers[i], np.nan) for i in range(1, 4)}
    expected = verdicts(answers[0], tables, design=judged.design)
    assert [v.p_adjusted for v in judged.items] == pytest.approx([v.p_adjusted for v in expected.items])


def test_large_differences_take_few_trainings() -> None:
    line = gained(0.02, 10)
    assert line["auto"]["power"] >= 0.9
    assert line["trainings"] <= 0.6


@pytest.mark.parametrize("pool", POOLS[:4], ids=str)
def test_pools_that_are_learnt_from_afresh(pool: Pool) -> None:
    line = splits(pool, 100)
    assert line["false_alarms"] <= 0.06 + 2.6 * np.sqrt(0.06 * 0.94 / 100)
    assert line["coverage"] >= 0.93 - 2.6 * np.sqrt(0.07 * 0.93 / 100)


def test_learners_are_of_equal_worth_and_validate_where_they_have_not_learnt() -> None:
    for pool, seen in ((Pool(KFold(5), 5, 100), 1.0), (Pool(HoldOut(0.2), 5, 100), None)):
        D = np.stack(list(learnt(pool, 60)))
        counts = np.isfinite(D).sum(axis=1)
        assert np.isfinite(D).sum(axis=2) == pytest.approx(20)
        assert seen is None or counts == pytest.approx(seen)
        means = np.nanmean(D, axis=(1, 2))
        assert abs(means.mean()) < 3 * means.std() / np.sqrt(60)


def test_the_test_of_nadeau_and_bengio() -> None:
    """Without overlap it is Student's; with it, the statistic shrinks by the square root of 1 + k n2/n1."""
    means = np.random.default_rng(0).normal(0.3, 1, 8)
    t, p = stats.ttest_1samp(means, 0)
    assert nadeau_bengio(means, 0.0) == pytest.approx(p)
    assert nadeau_bengio(means, 0.25) == pytest.approx(2 * stats.t.sf(abs(t) / np.sqrt(1 + 8 * 0.25), 7))


STUDY = """
import etalon
from keras import Input, Sequential, layers

study = etalon.Study("Spared", data="digits", epochs=1, learning_rate=0.01, precision="float32")


@study.reference
def reference():
    return Sequential([Input((8, 8, 1)), layers.Flatten(), layers.Dense(10, activation="softmax")])


@study.variant(learning_rate=1e-5)
def slow():
    return reference()
"""


def test_a_study_is_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import etalon
    from bench import __main__

    (tmp_path / "spared_study.py").write_text(STUDY)
    monkeypatch.setenv("ETALON_STORE", str(tmp_path / "store"))
    etalon.open_study(tmp_path / "spared_study.py").with_(seeds=5).run(workers=0, progress=False)
    line = spared(tmp_path / "spared_study.py", None, 5)
    assert (line["trainings"], line["instead_of"], line["share"]) == (6, 10, 0.6)
    assert (line["same"], line["of"]) == (1, 1)
    assert line["verdicts"] == {"slow": ["worse", "worse", 3]}
    assert line["recommended"] == ["reference", "reference"]
    arguments = ["bench", "statistics", "--auto", str(tmp_path / "spared_study.py"), "--seeds", "5", "--json"]
    monkeypatch.setattr("sys.argv", arguments)
    assert __main__.main() == 0
    assert json.loads(capsys.readouterr().out) == line


def test_what_was_kept() -> None:
    """Of the parts that have been measured."""
    lines = read()
    promised = [line for line in lines if line.get("looks") in {str(setting) for setting in SETTINGS}]
    assert all(line["studies"] == 2000 for line in promised)
    assert all(line["false_alarms"] <= 0.06 and line["coverage"] >= 0.93 for line in promised)
    assert all(line["auto"]["equivalent"] <= 0.06 for line in lines if line.get("gained") == 0.002)
    assert all(line["false_alarms"] <= 0.06 for line in lines if "split" in line)
