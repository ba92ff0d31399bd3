"""How often the weights are updated: once a batch."""

from etalon.errors import RecipeError
from etalon.locales import _


def updates(images: int, batch_size: int, epochs: int = 1) -> int:
    """Updates of the weights in `epochs` epochs over `images` images; the last batch of an epoch may be smaller.

    Raises:
        RecipeError: a number that is not positive.
    """
    _check(images=images, batch_size=batch_size, epochs=epochs)
    return epochs * -(-images // batch_size)


def smallest_batch(images: int, fewer_than: int, epochs: int = 1) -> int:
    """The smallest batch size with which `epochs` epochs update the weights fewer than `fewer_than` times.

    Raises:
        RecipeError: a number that is not positive, or fewer updates than one an epoch.

    Example:
        >>> smallest_batch(48_000, fewer_than=200)
        242
    """
    _check(images=images, fewer_than=fewer_than, epochs=epochs)
    most = (fewer_than - 1) // epochs  # batches in an epoch
    if most < 1:
        raise RecipeError(
            _("fewer than {n} updates in {epochs} epochs").format(n=fewer_than, epochs=epochs),
            _("each epoch updates the weights once at least"),
            _("Ask for fewer than {n}, or more.").format(n=epochs + 1),
        )
    return -(-images // most)


def _check(**numbers: int) -> None:
    for name, value in numbers.items():
        if value < 1:
            raise RecipeError(f"{name}={value}", _("it is a number of 1 or more"), _("Correct it."))
