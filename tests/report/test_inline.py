import pytest

from etalon.report.inline import Span, escape, kept_whole, plain, spans


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("plain", (Span("plain"),)),
        ("a **b** c", (Span("a "), Span("b", bold=True), Span(" c"))),
        ("*a*", (Span("a", emphasis=True),)),
        ("`x*y*z`", (Span("x*y*z", code=True),)),
        ("***a***", (Span("a", bold=True, emphasis=True),)),
        ("**a *b* `c`**", (
            Span("a ", bold=True),
            Span("b", bold=True, emphasis=True),
            Span(" ", bold=True),
            Span("c", bold=True, code=True),
        )),
        ("2 * 3 * 4", (Span("2 * 3 * 4"),)),
        ("3*4*5", (Span("3*4*5"),)),
        ("a ** b", (Span("a ** b"),)),
        ("with_dropout_2", (Span("with_dropout_2"),)),
        (r"\*a\* \`b\` \\", (Span(r"*a* `b` \ ".rstrip()),)),
        (r"**a\*b**", (Span("a*b", bold=True),)),
        ("open **never closed", (Span("open **never closed"),)),
        ("bell\x07 and nul\x00", (Span("bell and nul"),)),
    ],
)  # fmt: skip
def test_spans(text: str, expected: tuple[Span, ...]) -> None:
    assert spans(text) == expected


@pytest.mark.parametrize("text", ["a*b*c", "**x**", "`code`", r"C:\path\*", "***", "``", "<b>&"])
def test_escaped_text_comes_out_as_it_went_in(text: str) -> None:
    assert plain(escape(text)) == text
    assert not any(span.bold or span.emphasis or span.code for span in spans(escape(text)))


def test_spaces_and_apostrophes_of_each_language() -> None:
    assert plain("l'écart : 98,94 % « net » ; oui ?", "fr") == (
        "l’écart\xa0: 98,94\xa0% «\xa0net\xa0»\u202f; oui\u202f?"
    )
    assert plain("+0,31 point, 3,2 Mo !", "fr") == "+0,31\xa0point, 3,2\xa0Mo\u202f!"
    assert plain("don't wait 3 min 05 s : no", "en") == "don’t wait 3\xa0min 05\xa0s : no"
    assert spans("`l'a : b`", "fr") == (Span("l'a : b", code=True),)


def test_many_unmatched_marks_are_read_quickly() -> None:
    text = "*a " * 3000
    assert plain(text) == text


def test_short_hyphenated_words_stay_whole() -> None:
    marked = "«T-shirt» <T-shirt/top>, overfitting-prone, <2026-11-21>, a - b"
    given = marked.replace("<", "").replace(">", "").replace("«", "").replace("»", "")
    assert kept_whole(given, lambda word: f"<{word}>") == marked.replace("«", "<").replace("»", ">")
