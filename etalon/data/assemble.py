"""The last steps of loading: a test part if there is none, one size, and a sentence on provenance."""

from collections.abc import Sequence
from pathlib import Path

from etalon.data import cache
from etalon.data.arrays import Raw
from etalon.data.dataset import Dataset, Part, PartName
from etalon.data.images import Size, resize
from etalon.data.names import Given, translated
from etalon.data.splits import HoldOut, divide
from etalon.locales import Text, _, choose, each, ngettext, percent

PARTS: tuple[PartName, PartName] = ("train", "test")


def assemble(raw: Raw, name: str, origin: Text, *, size: Size | None, test: float, seed: int) -> Dataset:
    """A dataset from arrays in memory.

    Args:
        raw: the images as the source has them.
        origin: where they come from, the beginning of the provenance.
        size: (h, w) to bring them to.
        test: share of each class set apart when the source has no test part.
        seed: of that draw.
    """
    notes = [origin, *raw.notes]
    if raw.test is None:
        notes.append(held_out(test, seed))
    if size and raw.train.x.shape[1:3] != size:
        notes.append(resized(size))
    train, held = (Part(resize(part.x, size), part.y) for part in _halves(raw, test, seed))
    return Dataset(name, train, held, raw.classes, sentence(notes))


def keep(raw: Raw, folder: Path, size: Size | None, test: float = 0.2, seed: int = 0) -> cache.Meta:
    """Write arrays into a folder of the cache; the arguments are those of `assemble`."""
    for name, part in zip(PARTS, _halves(raw, test, seed), strict=True):
        cache.save(folder, name, resize(part.x, size), part.y)
    return {
        "classes": dict(raw.classes),
        "held_out": raw.test is None,
        "validation": "",
        "resized": raw.train.x.shape[1:3] != size,
        "notes": list(raw.notes),
    }


def reopen(
    found: cache.Decoded,
    name: str,
    origin: Text,
    *,
    size: Size | None,
    test: float,
    seed: int,
    classes: Given = None,
) -> Dataset:
    """A dataset from what the cache holds; `classes`, if given, are other names for the same labels."""
    notes = [origin, *found.meta.get("notes", ())]
    if found.meta["validation"]:
        notes.append(each(lambda: _joined(found.meta["validation"])))
    if n := found.meta.get("ignored", 0):
        notes.append(left_out(n))
    if found.meta["held_out"]:
        notes.append(held_out(test, seed))
    if size and found.meta.get("resized", True):
        notes.append(resized(size))
    if classes is not None:
        return Dataset(name, found.train, found.test, translated(classes), sentence(notes))
    names = {lang: tuple(words) for lang, words in found.meta["classes"].items()}
    return Dataset(name, found.train, found.test, names, sentence(notes), found.meta["digest"])


def _halves(raw: Raw, test: float, seed: int) -> tuple[Part, Part]:
    """The training part and the test part, drawn class by class if the source has none."""
    if raw.test is not None:
        return raw.train, raw.test
    learn, rest = divide(HoldOut(test), raw.train.y, seed)
    return Part(raw.train.x[learn], raw.train.y[learn]), Part(raw.train.x[rest], raw.train.y[rest])


def _joined(part: PartName) -> str:
    """What became of the source's own validation part."""
    if part == "train":
        return _("its validation part joined to the training part")
    return _("its validation part taken as the test part")


def left_out(n: int) -> Text:
    """That files whose extension is that of no image were left out."""
    return each(
        lambda: ngettext("{n} file that is no image left out", "{n} files that are no images left out", n).format(n=n)
    )


def held_out(share: float, seed: int) -> Text:
    """That the test part was drawn here."""
    return each(
        lambda: _("{share} of the images of each class set apart as the test part (seed {seed})").format(
            share=percent(share, 0), seed=seed
        )
    )


def resized(size: Size) -> Text:
    """That the images were brought to one size."""
    return each(lambda: _("resized to {h}×{w} pixels").format(h=size[0], w=size[1]))


def sentence(notes: Sequence[Text]) -> Text:
    """One sentence from its clauses, in each language."""

    def joined() -> str:
        text = _("; ").join(choose(note) for note in notes)
        return f"{text[:1].upper()}{text[1:]}."

    return each(joined)
