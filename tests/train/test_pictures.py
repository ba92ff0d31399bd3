import gc

import numpy as np
import pytest
import torch

from etalon.train.device import CPU
from etalon.train.pictures import CHUNK, Mapped, Resident, pictures, resident_bytes

META = torch.device("meta")  # a device that holds shapes only


@pytest.mark.parametrize("scale", [None, 1 / 255])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_both_give_the_same_bits(kind: type, scale: float | None) -> None:
    images = np.random.default_rng(0).integers(0, 256, (CHUNK + 10, 3, 2, 3)).astype(kind)
    images.flags.writeable = False  # as a memory map is
    index = torch.tensor([CHUNK + 9, 0, 17, 17])
    ours, theirs = Resident(images, CPU).take(index, scale), Mapped(images).take(index, scale)
    assert torch.equal(ours, theirs)
    assert ours.dtype == torch.float32
    assert ours.shape == (4, 3, 3, 2)
    assert ours.is_contiguous(memory_format=torch.channels_last)


def test_a_device_holds_the_same_images_once() -> None:
    images = np.zeros((5, 4, 4, 1), np.uint8)
    assert isinstance(pictures(images, CPU), Mapped)
    held = pictures(images, META)
    assert pictures(images, META) is held
    assert pictures(images.copy(), META) is not held
    gc.collect()
    assert resident_bytes(META) == 80
    del images
    gc.collect()
    assert resident_bytes(META) == 0
