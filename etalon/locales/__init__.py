"""The two languages of what a user reads: sentences by gettext, numbers by babel.

Messages are written in English in the code; `fr.po` beside this file holds the French.
"""

import gettext
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from difflib import get_close_matches
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path

from etalon.errors import EtalonError, ReportError

LANGUAGES = ("en", "fr")
P_LEAST = 0.001  # under it a p-value is only said to be so
Text = str | Mapping[str, str]  # what a user wrote, in one language or in each

_current: ContextVar[str | None] = ContextVar("etalon_language", default=None)


def language() -> str:
    """The language in force: that of `use`, else ETALON_LANG, else the system's, else English."""
    chosen = _current.get() or os.environ.get("ETALON_LANG")
    if chosen:
        return _checked(chosen)
    system = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "fr" if system.startswith("fr") else "en"


@contextmanager
def use(lang: str | None) -> Iterator[None]:
    """Speak `lang` ("en" or "fr") inside the block; None leaves the language as it is.

    Raises:
        ReportError: another language.
    """
    token = _current.set(_checked(lang) if lang else _current.get())
    try:
        yield
    finally:
        _current.reset(token)


def _(message: str) -> str:
    """`message` in the language in force."""
    return _catalogue(language()).gettext(message)


def ngettext(singular: str, plural: str, n: int) -> str:
    """The singular or the plural in the language in force (French: 0 and 1 are singular)."""
    return _catalogue(language()).ngettext(singular, plural, n)


def choose(text: Text) -> str:
    """A user's text in the language in force, or in the one that there is."""
    if isinstance(text, str):
        return text
    return text.get(language()) or next(iter(text.values()), "")


def each(make: Callable[[], str]) -> dict[str, str]:
    """What `make` says in each language, for a text that is kept and read in whichever is then in force."""
    told = {}
    for lang in LANGUAGES:
        with use(lang):
            told[lang] = make()
    return told


def among(wanted: str, names: Sequence[str]) -> str:
    """What to use instead of a name that does not exist: the nearest ones first, if there are any, then all."""
    folded = {name.casefold(): name for name in names}
    near = [folded[one] for one in get_close_matches(wanted.casefold(), list(folded))]
    nearest = _("The nearest: {names}.").format(names=", ".join(near))
    there_are = _("There are {names}.").format(names=", ".join(names) or _("none"))
    return f"{nearest} {there_are}" if near else there_are


def number(value: float, digits: int = 2) -> str:
    """`value` with `digits` decimals: 1,234.50 in English, 1 234,50 in French."""
    return _decimal(float(value), _pattern(digits), language())


def percent(fraction: float, digits: int = 2) -> str:
    """A fraction as a percentage: 0.9894 is 98.94% in English, 98,94 % in French."""
    return _decimal(float(fraction), _pattern(digits) + ("%" if language() == "en" else "\u00a0%"), language())


def points(fraction: float, digits: int = 2) -> str:
    """A difference of fractions in points, always signed: 0.0031 is +0.31."""
    sign = "+" if fraction > 0 else "−" if round(fraction * 100, digits) < 0 else "±" if fraction == 0 else ""
    return sign + number(abs(fraction) * 100, digits)


def p_value(p: float | None) -> str:
    """A p-value as one reads it: p = 0.042, p < 0.001; a dash where nothing was tested."""
    return p_cell(p) if p is None else f"p {p_cell(p)}" if p < P_LEAST else f"p = {p_cell(p)}"


def p_cell(p: float | None) -> str:
    """The same under a heading that says what it is: 0.042, < 0.001, or a dash."""
    return "—" if p is None else f"< {number(P_LEAST, 3)}" if p < P_LEAST else number(p, 3)


def in_points(fraction: float, digits: int = 2, *, margin: bool = False) -> str:
    """`points` with their unit: +0.31 points is +0,31 point in French; as a margin, ±0.20 points."""
    written = "±" + number(abs(fraction) * 100, digits) if margin else points(fraction, digits)
    whole = int(round(abs(fraction) * 100, digits))  # French: the plural begins at 2; English: always the plural
    return ngettext("{points} points", "{points} points", whole).format(points=written)


def seconds(duration: float) -> str:
    """A duration in seconds as one reads it: 0.8 s, 42 s, 3 min 05 s."""
    rounded = round(duration, 2 if 0.005 <= duration < 0.095 else 1 if duration < 10 else 0)
    if rounded < 60:
        return f"{number(rounded, 2 if 0 < rounded < 0.095 else 1 if rounded < 10 else 0)} s"
    minutes, rest = divmod(round(duration), 60)
    return f"{minutes} min {rest:02d} s"


def date(moment: datetime) -> str:
    """A day and an hour, in words; a moment with a time zone is told in this machine's own."""
    from babel.dates import format_datetime

    local = moment.astimezone().replace(tzinfo=None) if moment.tzinfo else moment
    return str(format_datetime(local, format=_("d MMMM y, HH:mm"), locale=language()))


def _refusal(received: str, why: str, remedy: str) -> str:
    """The three parts of an error, punctuated in the language in force."""
    try:
        pattern = _("{received}: {why}. {remedy}")
    except ReportError:  # the error may be that there is no such language
        pattern = "{received}: {why}. {remedy}"
    return pattern.format(received=received, why=why, remedy=remedy)


EtalonError.joined = _refusal


def _checked(lang: str) -> str:
    if lang not in LANGUAGES:
        with use("en" if lang == os.environ.get("ETALON_LANG") else None):
            raise ReportError(
                _("language {lang!r}").format(lang=lang),
                _("Étalon speaks English and French"),
                _("Choose one of {names}.").format(names=", ".join(LANGUAGES)),
            )
    return lang


@lru_cache(maxsize=4096)
def _decimal(value: float, pattern: str, lang: str) -> str:
    """Babel's formatting, remembered: a figure asks for the same ticks hundreds of times."""
    from babel.numbers import format_decimal

    if not abs(value) < 1e12:  # a loss that has exploded, or is no number at all: babel would refuse it
        return f"{value:.3g}"
    return str(format_decimal(value, format=pattern, locale=lang))


def _pattern(digits: int) -> str:
    return "#,##0" + ("." + "0" * digits if digits else "")


@cache
def _catalogue(lang: str) -> gettext.NullTranslations:
    path = Path(__file__).with_name(f"{lang}.po")
    if not path.exists():
        return gettext.NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    with path.open("rb") as file:
        catalogue = read_po(file, locale=lang)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
