"""Seeds and images, both drawn at random: how far a mean over the two can be trusted.

The model is the two-way random-effects one, `x[s, i] = mean + a_s + b_i + e_si` (seed, image, interaction), the
"multi-reader multi-case" design of Gallas et al. (iMRMC). It holds whether each seed answered for the same images
(a test set), for images drawn anew (a hold-out a seed), or for its own (k folds).
"""

from dataclasses import dataclass, replace
from math import inf, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from etalon.analysis.design import ONCE, Design
from etalon.errors import StudyError
from etalon.locales import _

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Components:
    """Where the variance comes from; each is the variance of one draw.

    Attributes:
        seeds: of the seeds' own effect (s2_a); 0 with one seed, which tells nothing of it.
        images: of the images' own effect (s2_b).
        interaction: of what is proper to an image with a seed (s2_e).
        rows: variance of the seeds' means (s2_seeds, ddof 1), NaN with one seed.
        image_part: variance of the mean due to the images (I).
        shared: what remains of each unit of `images` however many seeds are added: mean over pairs of seeds of
            images seen by both / (m_s m_s'), 1/N when all see the same N.
        overlap: what remains of each unit of `seeds`, because their training images overlap; see `compare`.
    """

    seeds: float
    images: float
    interaction: float
    rows: float
    image_part: float
    shared: float
    overlap: float = 0.0


@dataclass(frozen=True)
class Comparison:
    """A mean difference and what is known of it.

    Attributes:
        difference: d, mean over seeds of the means over images.
        low, high: its interval at level 1 - alpha.
        p: two-sided, for a difference of 0.
        nu: degrees of freedom.
        variance: V, of d.
        k: seeds.
        n: images seen by one seed at least.
        seeds_assessed: False with one seed: p and interval are then those of the trained networks at hand, and
            say nothing of what another seed would give.
    """

    difference: float
    low: float
    high: float
    p: float
    nu: float
    variance: float
    components: Components
    k: int
    n: int
    seeds_assessed: bool

    @property
    def error(self) -> float:
        """Standard error of the difference."""
        return sqrt(self.variance)

    def interval(self, alpha: float = 0.05) -> tuple[float, float]:
        """Limits of the interval at level 1 - alpha."""
        half = quantile(1 - alpha / 2, self.nu) * self.error
        return self.difference - half, self.difference + half

    def equivalence_p(self, rope: float) -> float:
        """p-value of two one-sided tests (Schuirmann 1987): small when the difference lies within ±rope.

        Of a rate it says too much where images are few: see `outlook.unseen`.
        """
        if self.variance == 0:
            return 0.0 if abs(self.difference) < rope else 1.0
        return upper_tail((rope - abs(self.difference)) / self.error, self.nu)


@dataclass(frozen=True)
class Interval:
    """A mean with the limits of its interval, and the number of seeds and images behind it."""

    value: float
    low: float
    high: float
    k: int
    n: int
    seeds_assessed: bool


def compare(D: ArrayLike, *, alpha: float = 0.05, overlap: float = 0.0) -> Comparison:
    """Test whether a mean difference is 0, taking both seeds and images as samples.

    With k seeds that all saw the same N images this is the test of the two-way random-effects design:

        V  = s2_seeds/k + s2_images/N - s2_resid/(k N), at least s2_seeds/k and s2_images/N
        nu = V^2 / [(s2_seeds/k)^2/(k-1) + (s2_images/N)^2/(N-1)]        (Satterthwaite 1946)

    and otherwise the same quantities estimated from the cells that exist: the image component from the
    covariance of pairs of seeds over the images both saw, the interaction from what is left of the variance
    within seeds. Where the covariance is negative or cannot be had (no image seen twice), the image component
    is 0 and the image part is the variance within seeds over the number of cells.

    Seeds that learn from draws of one pool of images have training images in common, and differ less from one another
    than from seeds with other images. Nadeau and Bengio (2003) allow for it by 1/k + n_validation/n_training in the
    place of 1/k. Images that validate several seeds, the other reason why hold-outs depend on one another, are
    accounted for already by the image part, image by image; so the factor is put on the seeds' own effect alone. With
    s2_a = s2_seeds less what the images explain of it:

        V  = s2_a (1/k + overlap) + image part, at least s2_seeds/k + s2_a overlap and the image part

    Args:
        D: (k, N) difference of score of an image for a seed, variant minus reference; NaN where not seen.
            Rows without any image (a seed that was not trained) are left out.
        alpha: of the interval, which has level 1 - alpha.
        overlap: n_validation/n_training of each seed, where the seeds validate on what they leave of one pool; 0 for
            seeds that all learn from the same images, and on images from which no seed learns.

    Raises:
        StudyError: nothing was seen, or fewer than two images by a seed.
    """
    D = _rows(D)
    k, n = len(D), int(np.isfinite(D).any(axis=0).sum())
    difference = float(np.nanmean(D, axis=1).mean())
    components = replace(_components(D), overlap=overlap)
    if components.image_part == 0 and difference != 0 and not components.rows > 0:
        components = _degenerate(components, difference, n)
    return with_components(difference, components, k, n, alpha=alpha)


def mean_accuracy(correct: ArrayLike, *, alpha: float = 0.05, design: Design = ONCE) -> Interval:
    """Mean accuracy with an interval for other seeds and other images, within [0, 1].

    Args:
        correct: (k, N) 1 or 0, NaN where a seed has not seen the image.
        design: the looks and the overlap to allow for.

    When every answer is right (or wrong), the interval is that of one more image with the other answer.

    Raises:
        StudyError: as `compare`.
    """
    found = compare(correct, overlap=design.overlap)
    low, high = found.interval(design.level(alpha, found.k))
    if found.variance == 0:  # all wrong: the mirror of all right
        mirror = mean_accuracy(1 - np.asarray(correct, float), alpha=alpha, design=design)
        low, high = 1 - mirror.high, 1 - mirror.low
    return Interval(found.difference, max(0.0, low), min(1.0, high), found.k, found.n, found.seeds_assessed)


def gap(first: ArrayLike, second: ArrayLike, *, alpha: float = 0.05) -> Comparison:
    """Test whether the same seeds score alike on two sets of different images (validation and test).

    The variance of d is that of the seeds' differences plus the image parts of both sets. It is no smaller than the
    truth: the interaction is counted in both.

    Args:
        first, second: (k, N1) and (k, N2), rows for the same seeds, NaN where not seen.

    Raises:
        StudyError: as `compare`, or other numbers of seeds.
    """
    one, two = _rows(first), _rows(second)
    if len(one) != len(two):
        raise _refusal(_("scores over other numbers of seeds, {a} and {b}").format(a=len(one), b=len(two)))
    k = len(one)
    parts = _components(one), _components(two)
    differences = np.nanmean(one, axis=1) - np.nanmean(two, axis=1)
    n = int(np.isfinite(one).any(axis=0).sum() + np.isfinite(two).any(axis=0).sum())
    image_part = parts[0].image_part + parts[1].image_part
    rows = float(differences.var(ddof=1)) if k > 1 else float("nan")
    components = Components(
        seeds=rows if k > 1 else 0.0,
        images=parts[0].images + parts[1].images,
        interaction=parts[0].interaction + parts[1].interaction,
        rows=rows,
        image_part=image_part,
        shared=0.0,
    )
    return with_components(float(differences.mean()), components, k, n, alpha=alpha)


def with_components(difference: float, components: Components, k: int, n: int, *, alpha: float = 0.05) -> Comparison:
    """The test and the interval of a difference whose variance is known by its parts, for `k` seeds and `n` images."""
    variance, nu = total(components, k, n)
    half = quantile(1 - alpha / 2, nu) * sqrt(variance)
    p = 2 * upper_tail(abs(difference) / sqrt(variance), nu) if variance > 0 else 1.0
    return Comparison(
        difference, difference - half, difference + half, p, nu, variance, components, k, n, seeds_assessed=k > 1
    )


def total(components: Components, k: int, n: int) -> tuple[float, float]:
    """V and nu for `k` seeds and `n` images."""
    common = components.overlap * components.seeds
    seed_part = components.rows / k + common if k > 1 else 0.0
    image_part = components.image_part
    variance = max(components.seeds / k + common + image_part, seed_part, image_part)
    spread = image_part**2 / (n - 1) + (seed_part**2 / (k - 1) if k > 1 else 0.0)
    return variance, variance**2 / spread if spread > 0 else float(n - 1)


def quantile(level: float, nu: float) -> float:
    """Of Student's law."""
    from scipy.special import stdtrit

    return float(stdtrit(nu, level))


def upper_tail(t: float, nu: float) -> float:
    """P(T > t) of Student's law."""
    from scipy.special import stdtr

    return float(stdtr(nu, -t)) if t < inf else 0.0


def _rows(D: ArrayLike) -> Matrix:
    """The seeds that saw something, in float64."""
    matrix = np.atleast_2d(np.asarray(D, np.float64))
    matrix = matrix[np.isfinite(matrix).any(axis=1)]
    if not len(matrix) or np.isfinite(matrix).sum(axis=1).min() < 2:
        raise _refusal(_("scores of shape {shape}").format(shape=np.shape(D)))
    return matrix


def _refusal(received: str) -> StudyError:
    return StudyError(
        received,
        _("a comparison needs two images or more for each seed, and the same seeds on both sides"),
        _("Give one row a seed and one column an image, NaN where a seed has not seen an image."),
    )


def _components(D: Matrix) -> Components:
    """Unbiased estimates, then what must not be negative is set to 0."""
    k = len(D)
    seen = np.isfinite(D)
    m = seen.sum(axis=1).astype(float)  # (k,) images of each seed
    means = np.nanmean(D, axis=1)
    R = np.where(seen, D - means[:, None], 0.0)
    within = float((R**2).sum() / (m - 1).sum())
    covariance, shared = _between(R, seen.astype(np.float64), m)
    images = max(0.0, covariance)
    interaction = max(0.0, within - images)
    weights = (seen / m[:, None]).sum(axis=0) / k  # (N,) of each image in the mean; their sum is 1
    image_part = images * float((weights**2).sum()) + interaction * float((1 / m).sum()) / k**2
    rows = float(means.var(ddof=1)) if k > 1 else float("nan")
    noise = (images + interaction) * float((1 / m).mean()) - images * shared
    seeds = max(0.0, rows - noise) if k > 1 else 0.0
    return Components(seeds, images, interaction, rows, image_part, shared)


def _between(R: Matrix, seen: Matrix, m: Matrix) -> tuple[float, float]:
    """Covariance of two seeds over the images that both saw, and the mean of q_ss'/(m_s m_s')."""
    k = len(R)
    if k < 2:
        return 0.0, 0.0
    pairs = np.triu_indices(k, 1)
    products = (R @ R.T)[pairs]
    q = (seen @ seen.T)[pairs]
    one, other = m[pairs[0]], m[pairs[1]]
    # a row is centred on the mean of all its images, of which q are shared: this many degrees of freedom are left
    freedom = float((q * (1 - 1 / one - 1 / other + q / (one * other))).sum())
    covariance = float(products.sum()) / freedom if freedom > 0 else 0.0
    return covariance, float((q / (one * other)).mean())


def _degenerate(components: Components, difference: float, n: int) -> Components:
    """Every cell has the same value: as if one image more had shown no difference."""
    return replace(components, image_part=(difference / (n + 1)) ** 2)
