"""Comparisons by other scores than accuracy: log loss, the recall of a class, macro F1."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from etalon.analysis.calibration import Head
from etalon.analysis.crossed import Comparison, Components, compare, with_components
from etalon.analysis.design import ONCE, Design
from etalon.analysis.predictions import Predictions
from etalon.analysis.verdicts import ALPHA, ROPE, Metric, Trained, Verdicts, judge
from etalon.errors import StudyError
from etalon.locales import _, ngettext

Matrix = NDArray[np.float64]
Counts = NDArray[np.float32]  # whole numbers, exact up to 2^24, multiplied twice as fast

METRICS: tuple[Metric, ...] = ("accuracy", "log_loss", "recall", "macro_f1")
ROPES: Mapping[Metric, float] = {"accuracy": ROPE, "log_loss": 0.01, "recall": ROPE, "macro_f1": ROPE}  # nats
DRAWS, CHUNK = 1000, 250  # resampled sets of images; how many at a time
LEAST = float(np.finfo(np.float32).tiny)  # a probability of 0 in float32 is that at most


def compare_all(
    answers: Mapping[str, Predictions],
    pairs: Mapping[str, tuple[str, str]],
    *,
    metric: Metric = "accuracy",
    of: str | None = None,
    classes: Sequence[str] = (),
    heads: Mapping[str, Head | None] = MappingProxyType({}),
    alpha: float = ALPHA,
    rope: float | None = None,
    design: Design = ONCE,
    trained: Mapping[str, Trained] = MappingProxyType({}),
) -> Verdicts:
    """Compare pairs of variants by a metric, all together.

    Accuracy, log loss and recall are means over images and go through the crossed test as they are; macro F1 is
    not, and goes through it by a bootstrap of the images (`compare_f1`).

    Args:
        answers: of each variant, on the same pool of images.
        pairs: what to call it -> reference, variant; the difference is that of the variant minus the reference.
        metric: "accuracy"; "log_loss", in nats, less is better; "recall", of a class; "macro_f1".
        of: name of the class, for recall.
        classes: names of all.
        heads: what makes the probabilities of each variant, a softmax unless said otherwise; log loss needs it.
        rope: margin of equivalence; 0.01 nat for log loss and 0.2 point for the others by default.
        design: the looks and the overlap to allow for. Seeds are added by accuracy alone, but nothing depends on why.
        trained: what became of the trainings of each variant; known of none by default.

    Raises:
        StudyError: another metric, recall of no class, log loss of what has no probabilities, or variants that have no
            seed in common.
    """
    _check(answers, metric, of, classes, heads)
    if metric == "macro_f1":
        found = _f1s(answers, pairs, alpha, design.overlap)
    else:
        seeds = sorted({seed for one in answers.values() for seed in one.seeds})
        label = classes.index(of) if of is not None else None
        tables = {name: scores(one, seeds, metric, label) for name, one in answers.items()}
        found = {
            name: compare(tables[second] - tables[first], alpha=alpha, overlap=design.overlap)
            for name, (first, second) in pairs.items()
        }
    return judge(
        found,
        alpha=alpha,
        rope=ROPES[metric] if rope is None else rope,
        metric=metric,
        design=design,
        trained={name: (trained[a], trained[b]) for name, (a, b) in pairs.items() if {a, b} <= trained.keys()},
    )


def scores(answers: Predictions, seeds: Sequence[int], metric: Metric, label: int | None = None) -> Matrix:
    """(len(seeds), pool) score of each image for each seed, NaN where there is none.

    Log loss is that of the probabilities in float32, never under the least of them. The recall of a class is the
    accuracy over its images, so that the images of other classes are NaN.

    Args:
        label: number of a class, for recall.
    """
    found = np.full((len(seeds), answers.pool), np.nan)
    for s, seed in enumerate(answers.seeds):
        y, rows = answers.labels[s], answers.index[s]
        if metric == "log_loss":
            probability = answers.probabilities[s][np.arange(len(y)), y].astype(np.float64)
            score = -np.log(np.maximum(probability, LEAST))
        else:
            score = (answers.predicted(s) == y).astype(np.float64)
            if metric == "recall":
                score = np.where(y == label, score, np.nan)
        found[seeds.index(seed), rows] = score
    return found


def macro_f1(answers: Predictions, s: int, weights: Counts | None = None) -> Matrix:
    """Macro F1 of the seed of rank `s`, as scikit-learn computes it over the classes that have images.

    Args:
        weights: (draws, pool) how often each image of the pool is counted; each once by default.

    Returns:
        (draws,) one value a line of weights.
    """
    y, rows = answers.labels[s], answers.index[s]
    counted = np.ones((1, len(y)), np.float32) if weights is None else weights[:, rows]
    return _f1(counted, _each_class(y, answers.n_classes), answers.predicted(s))


def resamples(pool: int, draws: int = DRAWS, seed: int = 0) -> Iterator[Counts]:
    """Sets of images drawn with replacement, as how often each of the pool is drawn: (chunk, pool) at a time."""
    rng = np.random.default_rng(seed)
    for start in range(0, draws, CHUNK):
        drawn = (rng.integers(pool, size=pool) for _draw in range(min(CHUNK, draws - start)))
        yield np.array([np.bincount(images, minlength=pool) for images in drawn], np.float32)


def bootstrap(values: Matrix, replicates: Matrix, n: int, *, alpha: float = ALPHA, overlap: float = 0.0) -> Comparison:
    """The crossed test of a difference that is no mean over images.

    Both ways of drawing are there: the seeds by the variance of their values, which is that of their bootstrap but
    for the factor (k - 1)/k, and the images by resampling them. The covariance over replicates of two seeds is what the
    images do to both (s2_b/N), their variance that and the interaction; the rest is the test of means.

    Args:
        values: (k,) the difference for each seed.
        replicates: (draws, k) the same on images drawn with replacement, the same images for all seeds.
        n: images.
        overlap: as in `crossed.compare`.
    """
    k = len(values)
    covariance = np.atleast_2d(np.cov(replicates, rowvar=False))
    alone = float(np.diag(covariance).mean())
    common = float((covariance.sum() - np.trace(covariance)) / (k * (k - 1))) if k > 1 else 0.0
    common = min(max(0.0, common), alone)
    interaction = alone - common
    rows = float(values.var(ddof=1)) if k > 1 else float("nan")
    parts = Components(
        seeds=max(0.0, rows - interaction) if k > 1 else 0.0,
        images=common * n,
        interaction=interaction * n,
        rows=rows,
        image_part=common + interaction / k,
        shared=1 / n,
        overlap=overlap,
    )
    return with_components(float(values.mean()), parts, k, n, alpha=alpha)


def _check(
    answers: Mapping[str, Predictions],
    metric: Metric,
    of: str | None,
    classes: Sequence[str],
    heads: Mapping[str, Head | None],
) -> None:
    if metric not in METRICS:
        raise StudyError(
            _("metric {name!r}").format(name=metric),
            _("it is not known"),
            _("Choose one of {names}.").format(names=", ".join(METRICS)),
        )
    if metric == "recall" and of not in classes:
        raise StudyError(
            _("recall of class {name!r}").format(name=of),
            _("there is no such class"),
            _("Choose one of {names}.").format(names=", ".join(classes)),
        )
    if metric != "recall" and of is not None:
        raise StudyError(
            _("{metric} of class {name!r}").format(metric=metric, name=of),
            _("only recall is of one class"),
            _("Leave the class out, or ask for recall."),
        )
    for name, one in answers.items():
        if metric == "recall" and of is not None:
            _check_images(one, of, classes.index(of))
        if metric == "log_loss" and heads.get(name, "softmax") != "softmax":
            raise StudyError(
                _("log loss of {name}").format(name=name),
                _("its outputs are no probabilities that add up to 1"),
                _("Compare by accuracy, recall or macro_f1."),
            )


def _check_images(answers: Predictions, of: str, label: int) -> None:
    n = max(int((y == label).sum()) for y in answers.labels)
    if n < 2:
        where = {"validation": _("validation"), "test": _("test")}[answers.part]
        raise StudyError(
            _("recall of class {name!r}").format(name=of),
            ngettext("class {name} has {n} image in {part}", "class {name} has {n} images in {part}", n).format(
                name=of, n=n, part=where
            ),
            _("A comparison takes two images at least: compare by accuracy, or add images of this class."),
        )


def _f1s(
    answers: Mapping[str, Predictions], pairs: Mapping[str, tuple[str, str]], alpha: float, overlap: float
) -> dict[str, Comparison]:
    """Each variant is resampled once, on the same images as the others."""
    values = {name: np.hstack([macro_f1(one, s) for s in range(len(one.seeds))]) for name, one in answers.items()}
    drawn = _resampled(answers)
    found = {}
    for label, (first, second) in pairs.items():
        one, other = answers[first], answers[second]
        seeds = [seed for seed in one.seeds if seed in other.seeds]
        at, there = ([x.seeds.index(seed) for seed in seeds] for x in (one, other))
        seen = np.zeros(one.pool, bool)
        for s in at:
            seen[one.index[s]] = True
        n = int(seen.sum())
        if n < 2:
            raise _no_seed(first, second)
        moved = values[second][there] - values[first][at]
        replicates = drawn[second][:, there] - drawn[first][:, at]
        found[label] = bootstrap(moved, replicates, n, alpha=alpha, overlap=overlap)
    return found


def _resampled(answers: Mapping[str, Predictions]) -> dict[str, Matrix]:
    """(draws, k) macro F1 of each variant on the same resampled images, which are counted once for all who saw them."""
    asked: dict[tuple[bytes, bytes], list[tuple[str, int]]] = {}
    for name, one in answers.items():
        for s in range(len(one.seeds)):
            asked.setdefault((one.index[s].tobytes(), one.labels[s].tobytes()), []).append((name, s))
    said = {(name, s): one.predicted(s) for name, one in answers.items() for s in range(len(one.seeds))}
    found = {name: np.empty((DRAWS, len(one.seeds))) for name, one in answers.items()}
    start = 0
    for weights in resamples(max(one.pool for one in answers.values())):
        chunk = slice(start, start := start + len(weights))
        for places in asked.values():
            one, at = answers[places[0][0]], places[0][1]
            counted = weights[:, one.index[at]]
            true = _each_class(one.labels[at], one.n_classes)
            for name, s in places:
                found[name][chunk, s] = _f1(counted, true, said[name, s])
    return found


def _each_class(labels: NDArray[np.int64], n_classes: int) -> NDArray[np.bool_]:
    """(m, n_classes) whether each image is of each class."""
    found: NDArray[np.bool_] = labels[:, None] == np.arange(n_classes)
    return found


def _f1(counted: Counts, true: NDArray[np.bool_], predicted: NDArray[np.int64]) -> Matrix:
    """(draws,) macro F1 where images are counted (draws, m) times, 0 for a class of which nothing is drawn or said."""
    said = _each_class(predicted, true.shape[1])
    columns = np.hstack([true & said, true, said]).astype(np.float32)
    hits, there, answered = np.hsplit((counted @ columns).astype(np.float64), 3)
    sizes = there + answered
    f1 = np.divide(2 * hits, sizes, out=np.zeros_like(hits), where=sizes > 0)  # (draws, n_classes)
    found: Matrix = f1[:, true.any(axis=0)].mean(axis=1)
    return found


def _no_seed(first: str, second: str) -> StudyError:
    return StudyError(
        _("{first} and {second}").format(first=first, second=second),
        _("they have no seed in common"),
        _("Train both with the same seeds."),
    )
