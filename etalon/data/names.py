"""The names of the classes: their order, and their two languages."""

from collections.abc import Collection, Mapping, Sequence

from etalon.errors import DataError
from etalon.locales import LANGUAGES, _

Given = Sequence[str] | Mapping[str, Sequence[str]] | None  # what the user passes in classes=
Classes = Mapping[str, tuple[str, ...]]  # by language, in label order


def translated(given: Sequence[str] | Mapping[str, Sequence[str]]) -> Classes:
    """Both languages from what the user gave; a missing one has the names of the other.

    Raises:
        DataError: a language that Étalon does not speak, or lists of different lengths.
    """
    if not isinstance(given, Mapping):
        return {lang: tuple(map(str, given)) for lang in LANGUAGES}
    known = {lang: tuple(map(str, given[lang])) for lang in LANGUAGES if lang in given}
    if not known or set(given) - set(LANGUAGES) or len({len(names) for names in known.values()}) > 1:
        raise DataError(
            f"classes={dict(given)!r}",
            _("the names of the classes are one list, or one for each language, of one length"),
            _('Say classes=["cat", "dog"] or classes={{"en": ["cat", "dog"], "fr": ["chat", "chien"]}}.').format(),
        )
    either = next(iter(known.values()))
    return {lang: known.get(lang, either) for lang in LANGUAGES}


def order(given: Given, found: Collection[str], where: str) -> tuple[tuple[str, ...], Classes]:
    """The labels found as words, in label order, and their names by language.

    Without `given` the order is alphabetical, or that of the numbers if all are numbers.

    Raises:
        DataError: names given that are not those found, in either language.
    """
    if given is None:
        words = natural(found)
        return words, translated(words)
    names = translated(given)
    for lang in LANGUAGES:
        if set(names[lang]) == set(found) and len(names[lang]) == len(found):
            return names[lang], names
    raise DataError(
        f"classes={given!r}",
        _("{where} holds the classes {found}").format(where=where, found=", ".join(natural(found))),
        _("Name exactly these, in the order you want; a translation goes in a second list."),
    )


def numbered(given: Given, n: int) -> Classes:
    """The names of `n` classes known by number only: those given, else the numbers."""
    return translated(given if given is not None else [str(label) for label in range(n)])


def natural(names: Collection[str]) -> tuple[str, ...]:
    """Sorted: by value if all are whole numbers ("2" before "10"), else alphabetically."""
    if all(name.isdecimal() for name in names):
        return tuple(sorted(names, key=int))
    return tuple(sorted(names))
