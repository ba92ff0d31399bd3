"""The markup inside a text: **bold**, *emphasis*, `code`; a backslash keeps a mark as it is."""

import re
from collections.abc import Callable
from dataclasses import dataclass

_MARKUP = re.compile(
    r"""
    \\(?P<literal>[\\*`])
    | `(?P<code>[^`]+)`
    | (?<![\w*]) \*\* (?=\S) (?P<bold>(?:\\.|[^\\])+?) (?<=\S) \*\* (?![\w*])
    | (?<![\w*]) \*   (?=\S) (?P<emphasis>(?:\\.|[^\\*]|\*\*)+?) (?<=\S) \* (?![\w*])
    """,
    re.VERBOSE | re.DOTALL,
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_UNIT = re.compile(r"(?<=\d) (?=(?:s|min|h|points?|MB|Mo)\b)")
_APOSTROPHE = re.compile(r"(?<=\w)'(?=\w)")
_FRENCH = re.compile(r" (?=[:%»€])|(?<=«) ")
_HYPHENATED = re.compile(r"[^\W_][\w'’/]*-[^\W_][\w'’/-]*")
_FRENCH_THIN = re.compile("[ \N{NO-BREAK SPACE}](?=[;?!])")


WHOLE = 12  # letters of a hyphenated word, from which a line may cut it


@dataclass(frozen=True)
class Span:
    """A run of text of one style."""

    text: str
    bold: bool = False
    emphasis: bool = False
    code: bool = False


def spans(text: str, lang: str = "en") -> tuple[Span, ...]:
    """`text` cut where its style changes, with the apostrophes and unbreakable spaces its language wants."""
    return tuple(_parse(_CONTROL.sub("", text), lang, bold=False, emphasis=False))


def plain(text: str, lang: str = "en") -> str:
    """`text` without its markup."""
    return "".join(span.text for span in spans(text, lang))


def escape(text: str) -> str:
    """`text` such that none of it is taken for markup (a file's name, a reason typed by a user).

    Not for what stands between backticks, where only the backtick itself has a meaning.
    """
    return re.sub(r"[\\*`]", r"\\\g<0>", text)


def typeset(text: str, lang: str) -> str:
    """`text`, which has no markup, with the apostrophes and unbreakable spaces its language wants."""
    text = _APOSTROPHE.sub("\N{RIGHT SINGLE QUOTATION MARK}", _UNIT.sub("\N{NO-BREAK SPACE}", text))
    if lang == "fr":
        text = _FRENCH_THIN.sub("\N{NARROW NO-BREAK SPACE}", _FRENCH.sub("\N{NO-BREAK SPACE}", text))
    return text


def kept_whole(text: str, keep: Callable[[str], str]) -> str:
    """`text` with `keep` applied to its short hyphenated words, such as T-shirt/top, which no line must cut."""
    return _HYPHENATED.sub(lambda match: keep(match[0]) if len(match[0]) < WHOLE else match[0], text)


def _parse(text: str, lang: str, *, bold: bool, emphasis: bool) -> list[Span]:
    found, position, pending = [], 0, ""
    for match in _MARKUP.finditer(text):
        pending += text[position : match.start()]
        position = match.end()
        if match["literal"]:
            pending += match["literal"]
            continue
        found += _text(pending, lang, bold, emphasis)
        pending = ""
        if match["code"]:
            found.append(Span(match["code"], bold, emphasis, code=True))
        elif match["bold"]:
            found += _parse(match["bold"], lang, bold=True, emphasis=emphasis)
        else:
            found += _parse(match["emphasis"], lang, bold=bold, emphasis=True)
    return found + _text(pending + text[position:], lang, bold, emphasis)


def _text(text: str, lang: str, bold: bool, emphasis: bool) -> list[Span]:
    return [Span(typeset(text, lang), bold, emphasis)] if text else []
