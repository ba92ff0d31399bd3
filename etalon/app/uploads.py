"""Archives of images that a browser sends: checked member by member, kept in the store, never extracted.

uploads/<name>/<name>.zip (.tar, .tar.gz...)    the archive
uploads/<name>/about.json                       what it holds; there once it has been loaded in full
"""

import bz2
import gzip
import lzma
import re
import shutil
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO, Any, BinaryIO, cast
from unicodedata import normalize

from PIL import Image, UnidentifiedImageError
from pydantic import BaseModel, ConfigDict, ValidationError

from etalon.data.containers import ARCHIVES, is_junk
from etalon.data.images import FORMATS, pair
from etalon.data.load import load
from etalon.data.sources import NAMES
from etalon.errors import DataError
from etalon.locales import _, number
from etalon.study.files import clear_errors, replace

UPLOAD = 512 << 20  # bytes of an archive
FILES = 200_000  # in an archive
MEMBER = 64 << 20  # bytes of one, decompressed
WHOLE = 4 << 30  # bytes of all of them
RATIO = 200  # of what is decompressed to what was sent, above which it is no archive of photographs
FREE = 64 << 20  # bytes that any archive may hold, whatever its ratio
DIRECTORY = 24 << 20  # bytes of the table of contents of a zip
NOTES = 64 << 10  # bytes of a header of a tar
PIXELS = 40_000_000  # of one image
DECODED = 4 << 30  # bytes of all the images once decoded
OPENERS: Mapping[str, Callable[..., Any]] = {
    ".gz": gzip.open,
    ".tgz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".txz": lzma.open,
}
BROKEN = (zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, EOFError, zlib.error, RuntimeError, OSError)


class Upload(BaseModel):
    """An archive that was sent, and can be trained on.

    Attributes:
        name: of its folder and of the set.
        file: the name of the archive.
        classes: in label order.
        images: how many, in train and test.
        shape: (h, w, c) of the images as they are loaded.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    file: str
    classes: tuple[str, ...]
    images: int
    shape: tuple[int, int, int]


@dataclass(frozen=True)
class Uploads:
    """Those of a store, in a folder of it."""

    folder: Path

    def known(self) -> dict[str, Upload]:
        """By name."""
        found = {}
        for path in sorted(self.folder.glob("*/about.json")):
            with suppress(OSError, ValidationError):
                upload = Upload.model_validate_json(path.read_bytes())
                found[upload.name] = upload
        return found

    def path(self, upload: Upload) -> Path:
        """Where the archive is."""
        return self.folder / upload.name / upload.file

    def size(self, upload: Upload) -> int:
        """Bytes of the archive; 0 if it is no longer there."""
        with suppress(OSError):
            return self.path(upload).stat().st_size
        return 0

    def remove(self, upload: Upload) -> None:
        """Forget it; half-way, it is no longer known.

        Raises:
            StoreError: the disk refuses.
        """
        with clear_errors(self.folder.parent):
            (self.folder / upload.name / "about.json").unlink(missing_ok=True)
            shutil.rmtree(self.folder / upload.name)

    def take(self, file: BinaryIO, called: str, size: int) -> Upload:
        """Check an archive, keep it, and load it once; of one that is refused nothing stays.

        Args:
            called: the name that the browser gives, of which only letters and the suffix are kept.
            size: the side to which its images are brought.

        Raises:
            DataError: it is no archive of images, or not one that can be trusted.
            StoreError: the disk refuses.
        """
        plain = normalize("NFKD", PurePosixPath(called.replace("\\", "/")).name)
        suffix = next((one for one in sorted(ARCHIVES, key=len, reverse=True) if plain.lower().endswith(one)), "")
        if not suffix:
            raise DataError(
                called[:100],
                _("it is not an archive"),
                _("Send one of {suffixes}, with one folder for each class.").format(suffixes=", ".join(ARCHIVES)),
            )
        words = re.findall("[a-z0-9]+", plain.lower().removesuffix(suffix).encode("ascii", "ignore").decode())
        check(file, plain, suffix, size)
        with clear_errors(self.folder.parent):
            self.folder.mkdir(exist_ok=True)
            with TemporaryDirectory(prefix=".", dir=self.folder) as scratch:
                name, place = self._free("_".join(words)[:40] or "images")
                kept = Path(scratch) / f"{name}{suffix}"
                file.seek(0)
                with kept.open("wb") as target:
                    shutil.copyfileobj(file, target, 1 << 20)
                place.mkdir()
                kept.rename(place / kept.name)
        try:
            dataset = load(place / kept.name, size=size)
            upload = Upload(
                name=name,
                file=kept.name,
                classes=dataset.class_names(),
                images=len(dataset.train) + len(dataset.test),
                shape=dataset.image_shape,
            )
            with clear_errors(self.folder.parent):
                replace(place / "about.json", upload.model_dump_json().encode())
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        return upload

    def _free(self, name: str) -> tuple[str, Path]:
        names = (name if n == 1 else f"{name}_{n}" for n in range(1, 10_000))
        free = next(one for one in names if one not in NAMES and not (self.folder / one).exists())
        return free, self.folder / free


def check(file: BinaryIO, called: str, suffix: str, size: int) -> None:
    """Read an archive through, without keeping anything.

    Raises:
        DataError: a member that points outside, is no image, or is too large; too many of them; a bomb.
    """
    sent = file.seek(0, 2)
    budget = _Budget(called, min(WHOLE, max(FREE, RATIO * sent)))
    pair(size)
    images = 0
    with _readable(called):
        for name, content in _members(file, suffix, budget):
            where = f"{called}: {name[:200]}"
            if name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) or ":" in name.partition("/")[0]:
                raise DataError(where, _("this member points outside its archive"), _("Make the archive again."))
            if is_junk(name):
                continue
            images += 1
            _check_image(where, content)
            if images * size * size * 3 > DECODED:
                raise DataError(
                    called,
                    _("its images at {size} × {size} would take more than {room} GB").format(
                        size=size, room=number(DECODED / 2**30, 0)
                    ),
                    _("Ask for smaller images, or send fewer."),
                )


class _Budget:
    """What may still be decompressed."""

    def __init__(self, called: str, whole: int) -> None:
        self.called, self.left, self.files = called, whole, FILES

    def file(self, size: int) -> None:
        """One more member, of that many bytes."""
        self.files -= 1
        if self.files < 0:
            raise self.many()
        if size > MEMBER:
            raise self._bomb()

    def spend(self, size: int) -> None:
        """So many bytes more."""
        self.left -= size
        if self.left < 0:
            raise self._bomb()

    def many(self) -> DataError:
        """That there are more members than one would look at."""
        return DataError(
            self.called,
            _("more than {n} files").format(n=number(FILES, 0)),
            _("Send fewer images, or give Étalon their folder from the command line."),
        )

    def _bomb(self) -> DataError:
        return DataError(
            self.called,
            _("it holds far more than was sent: it may be made to fill the disk"),
            _("Send an archive of images; a very large one goes through the command line."),
        )


def _members(file: BinaryIO, suffix: str, budget: _Budget) -> Iterator[tuple[str, bytes]]:
    file.seek(0)
    if suffix == ".zip":
        end = zipfile._EndRecData(file)  # type: ignore[attr-defined]  # what ZipFile reads in full when it opens
        if end and end[5] > DIRECTORY:
            raise budget.many()
        with zipfile.ZipFile(file) as archive:
            for entry in archive.infolist():
                if not entry.is_dir():
                    budget.file(entry.file_size)
                    with archive.open(entry) as member:
                        yield entry.filename, _read(member, budget)
        return
    opener = OPENERS.get(f".{suffix.rpartition('.')[2]}")
    stream = cast(BinaryIO, _Counted(opener(file) if opener else file, budget))
    with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Header) as archive:
        for item in archive:
            budget.file(item.size)
            if item.isfile() and not item.issparse():
                content = archive.extractfile(item)
                assert content is not None
                yield item.name, content.read(MEMBER)
            elif not item.isdir():
                raise DataError(
                    f"{budget.called}: {item.name[:200]}",
                    _("this member is a link, or something else than a file"),
                    _("Make the archive again, from images and folders alone."),
                )


def _read(member: IO[bytes], budget: _Budget) -> bytes:
    """A member, whatever size it was said to have."""
    content = member.read(MEMBER + 1)
    budget.spend(len(content) if len(content) <= MEMBER else WHOLE + 1)
    return content


class _Header(tarfile.TarInfo):
    """A member of a tar whose own name and notes are short: tarfile takes them into memory, whatever their size."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if not self.isfile() and self.size > NOTES:
            raise tarfile.ReadError(f"{self.size} bytes of header")
        return cast(tarfile.TarInfo, super()._proc_member(archive))  # type: ignore[misc]


class _Counted:
    """A stream that is counted as it is decompressed, and never read by large pieces."""

    def __init__(self, stream: IO[bytes], budget: _Budget) -> None:
        self._stream, self._budget = stream, budget

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= MEMBER:
            self._budget.spend(WHOLE + 1)
        content = self._stream.read(size)
        self._budget.spend(len(content))
        return content


def _check_image(where: str, content: bytes) -> None:
    """Whether it is an image, by its header, and of a size that can be decoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is lower
            with Image.open(BytesIO(content), formats=FORMATS) as image:
                width, height = image.size
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError, EOFError) as error:
        raise DataError(
            where,
            _("this is not an image that can be read ({error})").format(error=type(error).__name__),
            _("Leave only images in the archive: {formats}.").format(formats=", ".join(FORMATS)),
        ) from error
    if width * height > PIXELS:
        raise DataError(
            where,
            _("an image of {width} × {height} pixels").format(width=width, height=height),
            _("Bring it to {n} million pixels or less.").format(n=PIXELS // 1_000_000),
        )


@contextmanager
def _readable(called: str) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except (*BROKEN, ValueError, NotImplementedError, UnicodeError) as error:
        raise DataError(
            called,
            _("this archive cannot be read ({error})").format(error=error),
            _("Make it again, without a password."),
        ) from error
