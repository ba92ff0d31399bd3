from collections import Counter

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from etalon.analysis.cases import HOW, cell, contradictions, contrast, hardest
from etalon.errors import StudyError

CLASSES = 4


def each(p, seed=None):
    """(seed, image, true, predicted, confidence), one answer after the other."""
    for s, one in enumerate(p.seeds):
        if seed in (None, one):
            for i, y, a, c in zip(p.index[s], p.labels[s], p.predicted(s), p.confidence(s), strict=True):
                yield one, int(i), int(y), int(a), float(c)


@pytest.mark.parametrize("seed", [None, 0])
def test_a_cell_holds_exactly_its_images(answers, seed):
    p = answers(share=0.6)
    counts = sum(confusion_matrix(p.labels[s], p.predicted(s)) for s in ([0, 1, 2] if seed is None else [0]))
    for true in range(CLASSES):
        for predicted in range(CLASSES):
            found = cell(p, true=true, predicted=predicted, seed=p.seeds[0] if seed == 0 else None)
            wanted = Counter(
                i for _s, i, y, a, _c in each(p, p.seeds[0] if seed == 0 else None) if (y, a) == (true, predicted)
            )
            assert dict(zip(found.index.tolist(), found.times.tolist(), strict=True)) == wanted
            assert found.times.sum() == counts[true, predicted]
            assert set(found.predicted[:, 0].tolist()) <= {predicted}


def test_errors_tell_the_commonest_answer_and_its_confidence(answers):
    p = answers(share=0.9)
    found = cell(p)
    answered: dict[int, list[tuple[int, float]]] = {}
    seen: Counter[int] = Counter()
    for _s, i, y, a, c in each(p):
        seen[i] += 1
        if a != y:
            answered.setdefault(i, []).append((a, c))
    assert found.index.tolist() == sorted(answered)
    for k, i in enumerate(found.index.tolist()):
        votes = Counter(a for a, _c in answered[i])
        most = max(votes.values())
        chosen = min(a for a, n in votes.items() if n == most)
        assert found.predicted[k, 0] == chosen
        assert found.confidence[k, 0] == pytest.approx(np.mean([c for a, c in answered[i] if a == chosen]))
        assert (found.times[k], found.seen[k]) == (len(answered[i]), seen[i])


def test_contradictions_go_seed_against_the_same_seed(answers):
    a, b = answers(share=0.7), answers(share=0.8, skill=1.0)
    counted = contrast(a, b)
    for w, how in enumerate(HOW):
        wanted: Counter[int] = Counter()
        for s, one in enumerate(a.seeds):
            second = {i: answer for seed, i, _y, answer, _c in each(b) if seed == one}
            for seed, i, y, first, _c in each(a):
                if seed == one and i in second and first != second[i]:
                    way = "first" if first == y else "second" if second[i] == y else "both"
                    if way == how:
                        wanted[i] += 1
            assert counted.each[s, :, w].sum() == len(contradictions(a, b, how, seed=one))
        found = contradictions(a, b, how)
        assert dict(zip(found.index.tolist(), found.times.tolist(), strict=True)) == wanted
        assert (found.predicted[:, 0] != found.predicted[:, 1]).all()
        assert found.predicted.shape == found.confidence.shape == (len(found), 2)


def test_the_hardest_images_count_all_variants(answers):
    a, b = answers(share=0.7), answers(share=0.8, skill=1.0)
    found = hardest([a, b]).by("seeds")
    wrong = Counter(i for p in (a, b) for _s, i, y, answer, _c in each(p) if answer != y)
    assert dict(zip(found.index.tolist(), found.times.tolist(), strict=True)) == wrong
    assert (np.diff(found.times) <= 0).all()


def test_orders(answers):
    found = cell(answers())
    assert (np.diff(found.by("place").index) > 0).all()
    assert (np.diff(found.by("confidence").confidence[:, 0]) <= 0).all()
    assert len(found.by("seeds")[:2]) == min(2, len(found))


def test_nothing_found(answers):
    p = answers()
    empty = cell(p)[:0]
    assert len(empty) == 0
    assert len(empty.by("seeds")) == len(empty.by("confidence")) == 0


def test_refusals(answers):
    p = answers()
    with pytest.raises(StudyError, match="numbered from 0 to 3"):
        cell(p, true=4)
    with pytest.raises(StudyError, match="not trained with it"):
        cell(p, seed=99)
