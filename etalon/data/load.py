"""One function for every source of labelled images."""

from pathlib import Path
from typing import Any

from etalon.data import cache as caching
from etalon.data.arrays import from_arrays
from etalon.data.assemble import assemble, keep, reopen
from etalon.data.containers import Container, contain, is_archive
from etalon.data.dataset import Dataset
from etalon.data.folders import read
from etalon.data.formats import cifar_content, cifar_files, idx_files, read_cifar, read_idx, read_npz
from etalon.data.images import Size, pair
from etalon.data.listing import list_table, list_tree
from etalon.data.names import Given
from etalon.data.sources import NAMES, canonical, load_named
from etalon.errors import DataError
from etalon.locales import Text, _, each

_TABLES = (".csv", ".tsv")


def load(
    source: Any,
    *,
    size: int | tuple[int, int] | None = None,
    classes: Given = None,
    test: float = 0.2,
    seed: int = 0,
    cache: str | Path | None = None,
    name: str | None = None,
) -> Dataset:
    """Labelled images from a name, files or arrays.

    Args:
        source: one of

            - a name: "digits", "mnist", "fashion_mnist", "cifar10" (a folder of that name is "./mnist");
            - a folder, .zip, .tar, .tar.gz, .tar.xz holding `<class>/*` or `{train,test}/<class>/*`, or the
              four IDX files of an MNIST-like set, or CIFAR-10's python or binary version;
            - a .npz with x_train, y_train, x_test, y_test, or x, y;
            - a .csv of path, label and perhaps part, paths relative to it;
            - arrays (x, y) or ((x_train, y_train), (x_test, y_test)), as `keras.datasets` returns them;
            - a Dataset, returned as it is.
        size: side or (h, w) to bring the images to, bicubic to enlarge and bilinear to shrink; needed when files
            differ in size.
        classes: names in label order, or {"en": names, "fr": names}.
        test: share of each class set apart when the source has no test part.
        seed: of that draw.
        cache: folder for decoded images; by default the user's cache folder.
        name: what reports call the set; by default that of the source.

    Returns:
        uint8 images and int64 labels; image files are memory-mapped from the cache.

    Raises:
        DataError: anything that cannot be used, with the reason and the remedy.
        SourceError: a named set that cannot be fetched, or whose content is wrong.

    Example:
        >>> load("digits").image_shape
        (8, 8, 1)
    """
    loader = _Loader(pair(size), classes, test, seed, Path(cache) if cache else None)
    if isinstance(source, Dataset):
        return loader.unchanged(source)
    dataset = loader.open(source)
    if name is None:
        return dataset
    return Dataset(name, dataset.train, dataset.test, dataset.classes, dataset.origin, dataset.digest)


class _Loader:
    """The options of one call."""

    def __init__(self, size: Size | None, classes: Given, test: float, seed: int, root: Path | None) -> None:
        self.size, self.classes, self.test, self.seed, self.root = size, classes, test, seed, root

    def unchanged(self, dataset: Dataset) -> Dataset:
        if self.classes is not None or self.size not in (None, dataset.image_shape[:2]):
            raise DataError(
                _("the dataset {name} with size= or classes=").format(name=dataset.name),
                _("a dataset is returned as it is"),
                _("Load it from its source with these options."),
            )
        return dataset

    def open(self, source: Any) -> Dataset:
        if isinstance(source, str) and (known := canonical(source)):
            return load_named(
                known, size=self.size, classes=self.classes, test=self.test, seed=self.seed, root=self.root
            )
        if isinstance(source, (str, Path)):
            return self.path(Path(source).expanduser())
        if isinstance(source, (tuple, list)) and len(source) == 2:
            pairs = list(source) if all(_is_pair(item) for item in source) else [tuple(source)]
            return self.arrays(pairs, "arrays", each(lambda: _("arrays given in memory")))
        raise _unknown(f"{type(source).__name__}" + (f" ({len(source)})" if hasattr(source, "__len__") else ""))

    def path(self, path: Path) -> Dataset:
        suffix = path.suffix.lower()
        if not path.exists():
            raise _unknown(repr(str(path)))
        if suffix == ".npz":
            origin = each(lambda: _("arrays of {path}").format(path=path.name))
            return self.arrays(read_npz(path), path.stem, origin)
        if suffix in _TABLES:
            return self.table(path)
        if path.is_dir() or is_archive(path):
            return self.container(contain(path))
        raise _unknown(repr(str(path)))

    def container(self, container: Container) -> Dataset:
        if files := idx_files(container):
            origin = each(lambda: _("IDX files of {path}").format(path=container.path.name))
            return self.arrays(read_idx(container, files), _stem(container.path), origin)
        if batches := cifar_files(container):
            return self.cifar(container, batches)
        found = read(
            container,
            lambda: list_tree(container),
            size=self.size,
            classes=self.classes,
            test=self.test,
            seed=self.seed,
            root=self.root,
        )
        origin = each(lambda: _("image files of {path}").format(path=container.path.name))
        return self.reopen(found, _stem(container.path), origin)

    def table(self, path: Path) -> Dataset:
        listing, container = list_table(path)
        found = read(
            container,
            lambda: listing,
            size=self.size,
            classes=self.classes,
            test=self.test,
            seed=self.seed,
            root=self.root,
            rows=(listing.names, listing.classes, listing.parts),
        )
        origin = each(lambda: _("image files listed in {path}").format(path=path.name))
        return self.reopen(found, path.stem, origin)

    def cifar(self, container: Container, files: dict[str, str]) -> Dataset:
        def build(folder: Path) -> caching.Meta:
            content = cifar_content(container, files)
            pairs, names = read_cifar(content, str(container.path))
            return keep(from_arrays(pairs, self.classes or names or None, str(container.path)), folder, self.size)

        key = caching.key(container.path, container.stamps(), size=self.size, classes=self.classes)
        origin = each(lambda: _("CIFAR-10 batches of {path}, content not checked").format(path=container.path.name))
        return self.reopen(caching.decoded(self.root, key, build), _stem(container.path), origin)

    def arrays(self, pairs: list[Any], name: str, origin: Text) -> Dataset:
        raw = from_arrays(pairs, self.classes, name)
        return assemble(raw, name, origin, size=self.size, test=self.test, seed=self.seed)

    def reopen(self, found: caching.Decoded, name: str, origin: Text) -> Dataset:
        return reopen(found, name, origin, size=self.size, test=self.test, seed=self.seed)


def _is_pair(item: Any) -> bool:
    """Whether an item is (x, y), and not images in a list."""
    return isinstance(item, (tuple, list)) and len(item) == 2 and getattr(item[0], "ndim", 0) >= 2


def _stem(path: Path) -> str:
    name = path.resolve().name
    return name if path.is_dir() else name.split(".", 1)[0]


def _unknown(received: str) -> DataError:
    return DataError(
        received,
        _("there is no such source of images"),
        _(
            "Give a name ({names}), a folder or an archive of image files in one folder per class, four IDX "
            "files, a .npz, a .csv of path,label, or arrays ((x_train, y_train), (x_test, y_test))."
        ).format(names=", ".join(NAMES)),
    )
