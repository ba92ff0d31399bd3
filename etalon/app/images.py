"""The images of a study as PNG, one by one or many in a sheet. Those of test stay behind the seal."""

import math
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Path, Query, Response
from numpy.typing import NDArray
from PIL import Image

from etalon.app.parts import OfStudy, View
from etalon.data import dataset
from etalon.data.dataset import Images
from etalon.data.images import resize
from etalon.errors import DataError
from etalon.locales import _

router = APIRouter()

COLUMNS = 25  # of a sheet
MOST = 500  # images of a sheet
THUMB = 96  # pixels: the larger side of an image of a sheet
LARGEST = 2048  # pixels: the larger side of an image that is enlarged
DIGITS = 12  # of the digest of the images, in an address
PICTURE: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}}}
FOREVER = "private, max-age=31536000, immutable"

PartName = Annotated[Literal["train", "test"], Path(description="Train, or test once it has been opened.")]
Index = Annotated[int, Path(ge=0, le=10**9, description="Place of the image in its part.")]
Version = Annotated[str, Query(alias="v", pattern="^[0-9a-f]*$", max_length=64)]
Listed = Annotated[str, Query(alias="i", pattern=r"^\d{1,9}(\.\d{1,9})*$", max_length=10 * MOST)]


@dataclass(frozen=True)
class Sheet:
    """Where images stand in the one picture that holds them: what a gallery is drawn from.

    Attributes:
        address: of the picture.
        columns, rows: of images.
        ratio: width over height of an image.
    """

    address: str
    columns: int
    rows: int
    ratio: float

    def place(self, k: int) -> str:
        """The CSS position of the k-th image."""
        row, column = divmod(k, self.columns)
        x, y = (100 * at / max(1, n - 1) for at, n in ((column, self.columns), (row, self.rows)))
        return f"{x:.6g}% {y:.6g}%"


@router.get("/studies/{study}/images/{part}/sheet.png", response_class=Response, responses=PICTURE)
def several(view: OfStudy, part: PartName, i: Listed, v: Version = "") -> Response:
    """Several images side by side, row after row."""
    indices = [int(index) for index in i.split(".")[:MOST]]
    return _png(laid(_pool(view, part, max(indices)), indices), view, v)


@router.get("/studies/{study}/images/{part}/{index}.png", response_class=Response, responses=PICTURE)
def one(
    view: OfStudy, part: PartName, index: Index, scale: Annotated[int, Query(ge=1, le=16)] = 1, v: Version = ""
) -> Response:
    """One image, as it is, or each pixel `scale` times, as far as `LARGEST` allows."""
    image = pixels(view, part, index)
    scale = max(1, min(scale, LARGEST // max(image.shape)))
    return _png(image.repeat(scale, axis=0).repeat(scale, axis=1), view, v)


def pool(view: View, part: Literal["train", "test"]) -> dataset.Part:
    """The images of a part.

    Raises:
        StudyError: those of test, while they are sealed.
    """
    if part == "train":
        return view.desk.dataset(view.dossier.id).train
    return view.desk.result(view.dossier.id, "test", view.stamp).dataset.test


def pixels(view: View, part: Literal["train", "test"], index: int) -> Images:
    """One image, uint8 (h, w, c).

    Raises:
        DataError: there are not so many.
    """
    return np.asarray(_pool(view, part, index)[index])


def _pool(view: View, part: Literal["train", "test"], last: int) -> Images:
    """The images of a part, uint8 (n, h, w, c), that must go as far as `last`."""
    images = pool(view, part)
    if last >= len(images):
        raise DataError(
            _("image {index} of {part}").format(index=last, part=part),
            _("this part has {n} images").format(n=len(images)),
            _("They are numbered from 0 to {last}.").format(last=len(images) - 1),
        )
    return images.x


def address(view: View, part: Literal["train", "test"], index: int) -> str:
    """Where one image is."""
    return f"{view.here}/images/{part}/{index}.png?v={view.dossier.dataset.digest[:DIGITS]}"


def sheet(view: View, part: Literal["train", "test"], indices: Sequence[int] | NDArray[np.int64]) -> Sheet:
    """Where several are; `MOST` at most."""
    h, w, _c = view.dossier.dataset.shape
    columns = min(COLUMNS, max(1, len(indices)))
    listed = ".".join(str(int(index)) for index in indices)
    where = f"{view.here}/images/{part}/sheet.png?i={listed}&v={view.dossier.dataset.digest[:DIGITS]}"
    return Sheet(where, columns, math.ceil(len(indices) / columns), w / h)


def png(image: Images) -> bytes:
    """An image uint8 (h, w, c) as a PNG file, nothing lost."""
    file = BytesIO()
    Image.fromarray(np.ascontiguousarray(image[..., 0] if image.shape[-1] == 1 else image)).save(
        file, "PNG", compress_level=1
    )
    return file.getvalue()


def embedded(image: Images) -> str:
    """An image as an address that holds it."""
    return f"data:image/png;base64,{b64encode(png(image)).decode()}"


def laid(images: Images, indices: Sequence[int]) -> Images:
    """Some of (n, h, w, c) -> one image, rows of `COLUMNS`; large ones are reduced, each as soon as it is read."""
    h, w, c = images.shape[1:]
    scale = min(1.0, THUMB / max(h, w))
    h, w = max(1, round(h * scale)), max(1, round(w * scale))
    columns = min(COLUMNS, len(indices))
    rows = math.ceil(len(indices) / columns)
    sheet = np.zeros((rows * columns, h, w, c), np.uint8)
    for place, index in enumerate(indices):
        sheet[place] = resize(images[index : index + 1], (h, w))[0]
    return sheet.reshape(rows, columns, h, w, c).swapaxes(1, 2).reshape(rows * h, columns * w, c)


def _png(image: Images, view: View, version: str) -> Response:
    """The address says which images: it can be kept for ever if they are those."""
    same = bool(version) and view.dossier.dataset.digest.startswith(version)
    return Response(png(image), media_type="image/png", headers={"cache-control": FOREVER} if same else None)
