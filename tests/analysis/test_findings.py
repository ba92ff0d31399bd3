from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from etalon.analysis import findings
from etalon.analysis.crossed import compare
from etalon.analysis.mistakes import confusion, per_class
from etalon.analysis.robustness import Robustness
from etalon.analysis.verdicts import Trained, judge, verdicts
from etalon.locales import use

NAMES = ("cat", "dog", "bird", "fish")


@pytest.fixture(autouse=True)
def english():
    with use("en"):
        yield


def test_effects_say_no_more_than_their_interval(found):
    good, bad, same, copy = findings.effects(found)
    assert good.text.startswith("good is better by +")
    assert good.numbers["low"] > 0
    assert bad.text.startswith("bad is worse: −")
    assert "contains 0" in same.text
    assert "with these 5 seeds a difference under" in same.text
    assert "equivalent" in copy.text
    assert "90% interval" in copy.text
    assert "±0.20 points" in copy.text
    assert same.numbers["detectable"] > 0


def shifts(*means: float):
    """Verdicts on log losses that differ by so much from that of the reference, on average."""
    rng = np.random.default_rng(0)
    found = {f"by {mean}": compare(rng.normal(mean, 0.02, (5, 200))) for mean in means}
    return judge(found, metric="log_loss", rope=0.01)


def test_log_loss_is_told_in_nats():
    better, worse, same = findings.effects(shifts(-0.1, 0.1, 0.0))
    assert better.text.startswith("Log loss: by -0.1 is better, lower by 0.10")
    assert worse.text.startswith("Log loss: by 0.1 is worse, higher by 0.09")
    assert "(95% interval −0.1" in better.text
    assert same.text.startswith("Log loss: by 0.0 is equivalent to the reference: ")
    assert "within the margin of ±0.0100 nats" in same.text
    for one in (better, worse, same):
        assert "nats" in one.text
        assert "point" not in one.text
    v = shifts(-0.1).items[0]
    assert findings.effect(v, 0.01, metric="log_loss").text == (
        f"by -0.1 is better, lower by {-v.difference:.4f} nats (95% interval −{-v.low_simultaneous:.4f} to "
        f"−{-v.high_simultaneous:.4f})."
    )


def test_log_loss_in_french():
    with use("fr"):
        better, _same = findings.effects(shifts(-0.1, 0.0))
    assert better.text.startswith("Perte logarithmique\N{NO-BREAK SPACE}: by -0.1 fait mieux, 0,10")
    assert " nat de moins (intervalle" in better.text  # under 2: no plural


def test_holm_may_decide_on_log_loss_too():
    good, bad = shifts(-0.1, 0.1).items
    text = findings.effect(replace(good, high_simultaneous=0.0), 0.01, metric="log_loss").text
    assert "all variants together, from −0.1" in text
    assert "to less than 0: by how much" in text
    text = findings.effect(replace(bad, low_simultaneous=0.0), 0.01, metric="log_loss").text
    assert "all variants together, more than 0 and up to +0.1" in text


def test_log_losses_may_differ_by_more_than_one():
    undecided = replace(shifts(0.0).items[0], verdict="undecided", detectable=2.34, low_simultaneous=-1.7)
    text = findings.effect(undecided, 0.01, metric="log_loss").text
    assert "(−1.7000 to " in text
    assert "a difference under 2.3400 nats could well not have been seen" in text


def test_holm_may_decide_where_the_wider_interval_does_not(found):
    text = findings.effect(replace(found["good"], low_simultaneous=0.0), 0.002).text
    assert "all variants together, more than 0 and up to +" in text
    assert "by how much is not well known" in text
    text = findings.effect(replace(found["bad"], high_simultaneous=0.0), 0.002).text
    assert "to less than 0: by how much is not well known" in text


def test_one_seed(found):
    verdict = replace(found["same"], detectable=None, seeds_needed=None)
    assert "the seed alone can do that" in findings.effect(verdict, 0.002).text


def test_seeds_too_few_to_show_anything(found):
    text = findings.effect(replace(found["same"], detectable=2.34, low_simultaneous=-1.7), 0.002).text
    assert "these 5 seeds are too few to show any difference" in text
    assert "(−100.00 to " in text


def test_images_too_few_for_equivalence():
    a = np.ones((3, 30))
    text = findings.effect(verdicts(a, {"x": a})["x"], 0.002).text
    assert "could seem as close on 30 images by chance: it takes 1,497." in text


def test_trainings_that_broke_down(found):
    hurt = replace(found["same"], trained=(Trained("reference", 5), Trained("same", 8, broken=3)), p_adjusted=None)
    told = findings.effect(hurt, 0.002)
    assert "same broke down with 3 seeds of 8, and the seeds left are not drawn at random." in told.text
    assert "p_adjusted" not in told.numbers


def test_seeds_that_would_settle(found):
    assert "About 12 seeds" in findings.effect(replace(found["same"], seeds_needed=12), 0.002).text
    assert "more images" in findings.effect(replace(found["same"], seeds_needed=None), 0.002).text


def test_classes_and_confusions(answers):
    p = answers()
    classes = per_class(p, NAMES)
    worst = findings.worst_classes(classes)
    assert worst.text.startswith(f"The worst class is {classes.worst()[0][0]} (")
    assert findings.worst_classes(classes, 2).text.startswith("The worst classes are ")
    three = findings.confusions(confusion(p, NAMES))
    first = confusion(p, NAMES).most_confused()[0]
    assert three.text.startswith(
        f"The 3 commonest confusions are {first.true} taken for {first.predicted} ({first.count:.1f} images, "
    )
    assert three.text.endswith("Counts are means over 3 seeds.")
    assert findings.confusions(confusion(answers(skill=100), NAMES)).text == "No image is misclassified."


def test_robustness():
    accuracy = np.array([[[0.8], [0.6]], [[0.5], [0.1]]])
    record = Robustness(
        ("blur", "jpeg"),
        (1, 2),
        {"m": accuracy},
        {"m": np.array([1.0])},
        {"m": {"clean": np.array([0.99]), "noise": np.array([0.95]), "rotation": np.array([0.9])}},
        np.zeros((3, 5, 8, 8, 1), np.float32),
        10,
        20,
    )
    finding = findings.robustness(record, "m")
    assert "99.00% of the original images, 95.00% of the noisy ones, 90.00% of the rotated ones" in finding.text
    assert "the one that hurts the most is JPEG compression (70.0%)" in finding.text
    assert finding.numbers["mean_relative_drop"] == pytest.approx(0.5)


def test_several_factors():
    factors = [SimpleNamespace(sentence=lambda t=t: t) for t in ("epochs: 5 → 15", "Dropout(0.25) added")]
    assert findings.several_factors("v", factors[:1]) is None
    text = findings.several_factors("v", factors).text
    assert "2 factors (epochs: 5 → 15; Dropout(0.25) added)" in text


def test_consistency(answers):
    same = findings.consistency(answers(share=0.5), answers(seed=1, pool=400))
    assert "compatible with 0" in same.text
    worse = findings.consistency(answers(skill=6), answers(seed=1, skill=1, pool=400))
    assert "more than chance explains" in worse.text
    assert worse.numbers["high"] < 0


def test_overfitting():
    from etalon.analysis.curves import overfitting
    from tests.analysis.test_learning import RISE, run

    finding = findings.overfits(overfitting([run(0, RISE), run(1, RISE)]))
    assert finding.text.startswith("wide overfits from epoch 4.")
    assert finding.numbers["overfits_from"] == 4
