import numpy as np
import pytest

from etalon.analysis.robustness import corruption_name, robustness
from etalon.data.corruptions import CORRUPTIONS, corrupt, document_noise, document_rotation
from etalon.errors import DataError
from etalon.locales import use


@pytest.fixture(scope="module")
def part():
    """Two classes of 60 images: the ink is on the left, or on the right."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 60)
    x = np.zeros((60, 16, 16, 1), np.uint8)
    for i, label in enumerate(y):
        x[i, 4:12, 1 + 8 * label : 5 + 8 * label] = 200
    return x, y


def side(bias):
    def model(x):
        ink = np.asarray(x, np.float32).mean(axis=(1, 3))  # (n, w)
        left, right = ink[:, :8].mean(axis=1), ink[:, 8:].mean(axis=1)
        return np.stack([left, right + bias], axis=1)

    return model


@pytest.fixture(scope="module")
def found(part):
    calls = []
    record = robustness(
        {"fair": [side(0), side(5)], "biased": [side(40)]},
        part,
        limit=40,
        progress=lambda done, total: calls.append((done, total)),
    )
    return record, calls


def test_numbers_are_those_of_the_corruptions(found, part):
    record, _calls = found
    x, y = part
    chosen = np.sort(np.random.default_rng(0).permutation(60)[:40])
    for i, name in enumerate(CORRUPTIONS):
        for j, severity in enumerate((1, 2, 3, 4, 5)):
            logits = side(40)(corrupt(x[chosen], name, severity, 0))
            assert record.accuracy["biased"][i, j, 0] == np.mean(logits.argmax(axis=1) == y[chosen])
    assert record.accuracy["fair"].shape == (10, 5, 2)
    assert (record.n, record.n_document) == (40, 60)


def test_the_two_tests_of_the_document(found, part):
    record, _calls = found
    x, y = part
    for test, images in (("clean", x), ("noise", document_noise(x)), ("rotation", document_rotation(x))):
        expected = np.mean(side(40)(images).argmax(axis=1) == y)
        assert record.document["biased"][test][0] == expected
    assert list(record.document_frame().columns) == ["clean", "noise", "rotation"]


def test_progress_reaches_its_end(found):
    _record, calls = found
    assert calls[-1] == (3 * 54, 3 * 54)
    assert [done for done, _total in calls] == list(range(1, 163))


def test_drops(found):
    record, _calls = found
    clean = record.clean["fair"]
    expected = ((clean - record.accuracy["fair"]) / clean).mean()
    assert record.mean_relative_drop("fair") == pytest.approx(expected)
    name, drop = record.worst("fair")
    by_corruption = ((clean - record.accuracy["fair"]) / clean).mean(axis=(1, 2))
    assert (name, drop) == (list(CORRUPTIONS)[by_corruption.argmax()], pytest.approx(by_corruption.max()))


def test_frame(found):
    table = found[0].frame()
    assert len(table) == 3 * (50 + 1)
    some = table[(table.model == "fair") & (table.corruption == "blur") & (table.severity == 3) & (table.seed == 1)]
    assert some["accuracy"].item() == found[0].accuracy["fair"][1, 2, 1]


def test_figures(found):
    record, _calls = found
    with use("en"):
        figure = record.plot()
    assert [ax.get_title(loc="left") for ax in figure.axes] == [
        "noise", "blur", "contrast", "brightness", "rotation", "shift", "scale", "shear",
        "JPEG compression", "occlusion",
    ]  # fmt: skip
    line = figure.axes[0].lines[0]
    np.testing.assert_allclose(line.get_xdata(), [0, 1, 2, 3, 4, 5])
    np.testing.assert_allclose(line.get_ydata()[1:], record.accuracy["fair"][0].mean(axis=1))
    examples = record.plot_examples()
    assert len(examples.axes) == 15
    np.testing.assert_allclose(examples.axes[5].images[0].get_array(), record.examples[1, 0, :, :, 0] / 255, rtol=1e-6)
    drawn = [points.get_offsets()[:, 1].tolist() for points in record.plot_document().collections[::2]]
    assert len(drawn) == 3, "original, noisy, rotated: points, and their lines over the seeds"


def test_every_corruption_has_a_name():
    with use("en"):
        assert corruption_name("jpeg") == "JPEG compression"
        assert all(corruption_name(name) for name in CORRUPTIONS)


def test_an_unknown_corruption_is_refused(part):
    with pytest.raises(DataError):
        robustness({"fair": [side(0)]}, part, corruptions=["fog"])
