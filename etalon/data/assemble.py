"""The last steps of loading: a test part if there is none, one size, and a sentence on provenance."""

from collections.abc import Sequence
from pathlib import Path

from etalon.data import cache
from etalon.data.arrays import Raw
from etalon.data.dataset import Dataset, Part
from etalon.data.images import Size, resize
from etalon.data.names import Given, translated
from etalon.data.splits import HoldOut, divide
from etalon.locales import _, percent


def assemble(raw: Raw, name: str, origin: str, *, size: Size | None, test: float, seed: int) -> Dataset:
    """A dataset from arrays in memory.

    Args:
        raw: the images as the source has them.
        origin: where they come from, the beginning of the provenance.
        size: (h, w) to bring them to.
        test: share of each class set apart when the source has no test part.
        seed: of that draw.
    """
    notes = [origin, *raw.notes]
    train, held = raw.train, raw.test
    if held is None:
        learn, rest = divide(HoldOut(test), train.y, seed)
        train, held = Part(train.x[learn], train.y[learn]), Part(train.x[rest], train.y[rest])
        notes.append(held_out(test, seed))
    if size and raw.train.x.shape[1:3] != size:
        notes.append(resized(size))
    train, held = (Part(resize(part.x, size), part.y) for part in (train, held))
    return Dataset(name, train, held, raw.classes, sentence(notes))


def keep(raw: Raw, folder: Path, size: Size | None) -> cache.Meta:
    """Write arrays that have a test part into a folder of the cache."""
    assert raw.test is not None
    cache.save(folder, "train", resize(raw.train.x, size), raw.train.y)
    cache.save(folder, "test", resize(raw.test.x, size), raw.test.y)
    return {"classes": dict(raw.classes), "held_out": False, "validation": "", "notes": list(raw.notes)}


def reopen(
    found: cache.Decoded,
    name: str,
    origin: str,
    *,
    size: Size | None,
    test: float,
    seed: int,
    classes: Given = None,
) -> Dataset:
    """A dataset from what the cache holds; `classes`, if given, are other names for the same labels."""
    notes = [origin, *found.meta.get("notes", ())]
    if found.meta["validation"]:
        notes.append(_("its validation part joined to {part}").format(part=found.meta["validation"]))
    if found.meta["held_out"]:
        notes.append(held_out(test, seed))
    if size:
        notes.append(resized(size))
    if classes is not None:
        return Dataset(name, found.train, found.test, translated(classes), sentence(notes))
    names = {lang: tuple(words) for lang, words in found.meta["classes"].items()}
    return Dataset(name, found.train, found.test, names, sentence(notes), found.meta["digest"])


def held_out(share: float, seed: int) -> str:
    """That the test part was drawn here."""
    return _("{share} of the images of each class set apart as the test part (seed {seed})").format(
        share=percent(share, 0), seed=seed
    )


def resized(size: Size) -> str:
    """That the images were brought to one size."""
    return _("resized to {h}×{w} pixels").format(h=size[0], w=size[1])


def sentence(notes: Sequence[str]) -> str:
    """One sentence from its clauses."""
    text = _("; ").join(notes)
    return f"{text[:1].upper()}{text[1:]}."
