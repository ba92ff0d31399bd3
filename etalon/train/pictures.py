"""Where a batch of images is taken from: the memory map on the disk, or the memory of the device."""

import threading
import weakref
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from etalon.kernels.gathering import gather

CHUNK = 4096  # images sent to a device at a time


class Pictures(Protocol):
    """Images uint8 or float32 (n, h, w, c)."""

    def take(self, index: Tensor, scale: float | None) -> Tensor:
        """Those at `index` int64 (b,), times `scale`: float32 (b, c, h, w), a view in channels-last memory."""

    def __len__(self) -> int: ...


class Mapped:
    """Images in the memory of the processor, often a map of a file."""

    def __init__(self, images: np.ndarray) -> None:
        self._images = images

    def take(self, index: Tensor, scale: float | None) -> Tensor:
        """See Pictures."""
        return gather(self._images, index.numpy(), scale)

    def __len__(self) -> int:
        return len(self._images)


class Resident:
    """Images kept on a device, in the bytes they have on the disk."""

    def __init__(self, images: np.ndarray, device: torch.device) -> None:
        kind = torch.uint8 if images.dtype == np.uint8 else torch.float32
        self._images = torch.empty(images.shape, dtype=kind, device=device)
        for start in range(0, len(images), CHUNK):
            part = slice(start, start + CHUNK)
            self._images[part] = torch.from_numpy(np.array(images[part]))

    def take(self, index: Tensor, scale: float | None) -> Tensor:
        """See Pictures; the index is on the device."""
        batch = self._images.index_select(0, index).float()
        return (batch if scale is None else batch * scale).permute(0, 3, 1, 2)

    def __len__(self) -> int:
        return len(self._images)

    @property
    def size(self) -> int:
        """Bytes on the device."""
        return self._images.nbytes


_resident: dict[tuple[int, torch.device], Resident] = {}
_sending = threading.Lock()


def pictures(images: np.ndarray, device: torch.device) -> Pictures:
    """A device holds the same images once, whoever trains on them, as long as the array lives."""
    if device.type == "cpu":
        return Mapped(images)
    with _sending:
        place = id(images), device
        if place not in _resident:
            _resident[place] = Resident(images, device)
            weakref.finalize(images, _resident.pop, place, None)
        return _resident[place]


def resident_bytes(device: torch.device) -> int:
    """What the images take on a device."""
    return sum(held.size for (_, where), held in _resident.items() if where == device)
