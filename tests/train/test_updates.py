import math

import pytest

from etalon.errors import RecipeError
from etalon.train.updates import smallest_batch, updates


def test_one_update_a_batch() -> None:
    assert updates(48_000, 242) == 199
    assert updates(1_000, 1_000, epochs=3) == 3
    assert updates(1_001, 1_000) == 2


@pytest.mark.parametrize(("images", "limit", "epochs"), [(48_000, 200, 1), (48_000, 200, 20), (7, 3, 1), (10, 11, 1)])
def test_smallest_batch_against_trying_them_all(images: int, limit: int, epochs: int) -> None:
    tried = next(b for b in range(1, images + 1) if epochs * math.ceil(images / b) < limit)
    assert smallest_batch(images, limit, epochs) == tried


def test_what_no_batch_can_do() -> None:
    with pytest.raises(RecipeError, match="each epoch updates the weights once"):
        smallest_batch(100, fewer_than=20, epochs=20)


@pytest.mark.parametrize(("images", "batch"), [(0, 1), (1, 0), (5, -2)])
def test_numbers_are_positive(images: int, batch: int) -> None:
    with pytest.raises(RecipeError, match="1 or more"):
        updates(images, batch)
