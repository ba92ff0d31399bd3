import numpy as np
import pytest
import torch

from etalon.kernels.gathering import gather


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("scale", [None, 1 / 255])
def test_what_torch_gathers_in_steps(dtype: type, scale: float | None) -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 5, 4, 3)).astype(dtype)
    images.setflags(write=False)  # as those of the cache are
    index = np.array([3, 19, 0, 3])
    expected = torch.tensor(images[index]).permute(0, 3, 1, 2).float() * (1.0 if scale is None else scale)
    batch = gather(images, index, scale)
    assert torch.equal(batch, expected)
    assert batch.is_contiguous(memory_format=torch.channels_last)
