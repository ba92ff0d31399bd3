"""The two languages: the French catalogue is whole, and numbers are written as each language writes them."""

import gettext
import re
import string
from datetime import UTC, datetime
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from typer.main import get_command

import etalon
from etalon import locales
from etalon.cli import app
from etalon.errors import ReportError
from etalon.locales import use
from etalon.verbs.spoken import texts

PACKAGE = Path(etalon.__file__).parent
KEYWORDS = {"_": None, "ngettext": (1, 2)}
N, T = "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}"  # the second parts thousands

Id = str | tuple[str, ...]


def forms(text: Id) -> tuple[str, ...]:
    """The one form of a message, or its singular and its plural."""
    return (text,) if isinstance(text, str) else tuple(text)


def fields(text: str) -> set[str]:
    """The names that `format` replaces, with how it writes them."""
    parts = string.Formatter().parse(text)
    return {f"{name}!{conversion}:{spec}" for _text, name, spec, conversion in parts if name is not None}


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    with (PACKAGE / "locales" / "fr.po").open("rb") as file:
        return read_po(file, locale="fr")


@pytest.fixture(scope="module")
def messages(catalogue: Catalog) -> list[Message]:
    return [message for message in catalogue if message.id]


@pytest.fixture(scope="module")
def code() -> set[Id]:
    """Every message of the package."""
    methods = [("**.py", "python"), ("**.html", "jinja2")]
    found = extract_from_dir(PACKAGE, methods, keywords=KEYWORDS)
    helps = {item.help for item in texts(get_command(app))}
    return {message for _file, _line, message, _comments, _context in found} | helps


@pytest.fixture
def _no_language(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ETALON_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)


class TestCatalogue:
    """fr.po; `scripts/messages` brings it up to date."""

    def test_every_message_of_the_code_is_there_and_no_other(self, messages: list[Message], code: set[Id]) -> None:
        assert len(code) > 600
        assert {message.id for message in messages} == code

    def test_none_is_untranslated_doubtful_or_abandoned(self, messages: list[Message], catalogue: Catalog) -> None:
        assert [message.id for message in messages if not all(forms(message.string))] == []
        assert [message.id for message in messages if message.fuzzy] == []
        assert dict(catalogue.obsolete) == {}

    def test_plurals_have_two_forms(self, messages: list[Message]) -> None:
        assert [m.id for m in messages if len(forms(m.id)) != len(forms(m.string))] == []

    def test_placeholders_agree(self, messages: list[Message]) -> None:
        for message in messages:
            wanted = [fields(form) for form in forms(message.id)]
            found = [fields(form) for form in forms(message.string)]
            for form in found:  # "one image" may leave the number out
                assert form <= set.union(*wanted), message.id
            assert set.union(*found) == set.union(*wanted), message.id

    def test_inline_markup_agrees(self, messages: list[Message]) -> None:
        for message in messages:
            for mark in ("**", "`"):
                counts = {form.count(mark) for form in (*forms(message.id), *forms(message.string))}
                assert len(counts) == 1, message.id

    def test_sentences_end_alike(self, messages: list[Message]) -> None:
        for message in messages:
            for english, french in zip(forms(message.id), forms(message.string), strict=True):
                assert (english[-1] == ".") == (french[-1] == "."), english

    def test_spaces_and_apostrophes_are_those_of_french(self, messages: list[Message]) -> None:
        for message in messages:
            for form in forms(message.string):
                assert re.findall(r" [:;?!%»]|« |\w'\w", form) == [], form
                plain = re.sub(r"\{[^}]*\}", "0", form)
                assert re.findall(rf"[^{N}(][;?!»]", plain) == [], form

    def test_a_standard_reader_reads_it(self) -> None:
        header = (PACKAGE / "locales" / "fr.po").read_text(encoding="utf-8").split("\n\n")[0]
        assert "charset=utf-8" in header
        assert "nplurals=2; plural=(n > 1);" in header


class TestLanguage:
    """Which language is in force."""

    @pytest.mark.usefixtures("_no_language")
    def test_english_where_nothing_is_said(self) -> None:
        assert locales.language() == "en"

    @pytest.mark.usefixtures("_no_language")
    @pytest.mark.parametrize(
        ("variables", "expected"),
        [
            ({"LANG": "fr_FR.UTF-8"}, "fr"),
            ({"LANG": "fr"}, "fr"),
            ({"LANG": "en_GB.UTF-8"}, "en"),
            ({"LANG": "de_DE.UTF-8"}, "en"),
            ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "fr_FR.UTF-8"}, "fr"),
            ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "en_GB.UTF-8", "LC_ALL": "fr_FR.UTF-8"}, "fr"),
            ({"LANG": "fr_FR.UTF-8", "ETALON_LANG": "en"}, "en"),
            ({"LANG": "en_GB.UTF-8", "ETALON_LANG": "fr"}, "fr"),
            ({"ETALON_LANG": ""}, "en"),
        ],
    )
    def test_the_environment(self, variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert locales.language() == expected

    def test_use_is_over_the_environment_and_ends_with_its_block(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ETALON_LANG", "en")
        with use("fr"):
            assert locales.language() == "fr"
            with use("en"):
                assert locales.language() == "en"
            with use(None):
                assert locales.language() == "fr"
            assert locales.language() == "fr"
        assert locales.language() == "en"

    def test_use_ends_with_its_block_even_if_that_fails(self) -> None:
        with pytest.raises(ZeroDivisionError), use("fr"):
            _ = 1 / 0
        assert locales.language() == "en"

    @pytest.mark.parametrize("lang", ["de", "FR", "fr_FR"])
    def test_another_language_is_refused(self, lang: str, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(ReportError, match=r"Étalon speaks English and French\. Choose one of en, fr\."), use(lang):
            pass
        monkeypatch.setenv("ETALON_LANG", lang)
        with pytest.raises(ReportError, match=f"language '{lang}'"):
            locales.language()


class TestMessages:
    """What is said in each language."""

    def test_a_message(self) -> None:
        with use("en"):
            assert locales._("Learning curves of every variant") == "Learning curves of every variant"
        with use("fr"):
            assert locales._("Learning curves of every variant") == "Courbes d’apprentissage de toutes les variantes"

    def test_what_is_not_in_the_catalogue_stays_as_it_is(self) -> None:
        with use("fr"):
            assert locales._("no such message") == "no such message"  # said by this test alone

    @pytest.mark.parametrize(
        ("n", "english", "french"),
        [
            (0, "0 epochs", "0 époque"),
            (1, "1 epoch", "1 époque"),
            (2, "2 epochs", "2 époques"),
            (5, "5 epochs", "5 époques"),
        ],
    )
    def test_french_is_singular_for_0_and_1(self, n: int, english: str, french: str) -> None:
        for lang, expected in (("en", english), ("fr", french)):
            with use(lang):
                assert locales.ngettext("{n} epoch", "{n} epochs", n).format(n=n) == expected

    def test_a_text_of_the_user(self) -> None:
        both = {"en": "Reading digits", "fr": "Lire des chiffres"}
        with use("fr"):
            assert locales.choose(both) == "Lire des chiffres"
            assert locales.choose({"en": "Reading digits"}) == "Reading digits"
            assert locales.choose("as it is") == "as it is"
            assert locales.choose({}) == ""
        with use("en"):
            assert locales.choose(both) == "Reading digits"

    def test_the_standard_library_reads_the_same(self, catalogue: Catalog) -> None:
        found = locales._catalogue("fr")
        assert isinstance(found, gettext.GNUTranslations)
        assert found.gettext("Conclusion") == catalogue["Conclusion"].string


class TestNumbers:
    """Numbers, durations, days."""

    @pytest.mark.parametrize(
        ("call", "english", "french"),
        [
            (lambda: locales.number(1234.5), "1,234.50", f"1{T}234,50"),
            (lambda: locales.number(225034, 0), "225,034", f"225{T}034"),
            (lambda: locales.number(-0.5, 1), "-0.5", "-0,5"),
            (lambda: locales.percent(0.9894), "98.94%", f"98,94{N}%"),
            (lambda: locales.percent(1, 0), "100%", f"100{N}%"),
            (lambda: locales.points(0.0031), "+0.31", "+0,31"),
            (lambda: locales.points(-0.0031), "−0.31", "−0,31"),
            (lambda: locales.points(0), "±0.00", "±0,00"),
            (lambda: locales.points(0.12345, 1), "+12.3", "+12,3"),
            (lambda: locales.in_points(0.0031), "+0.31 points", "+0,31 point"),
            (lambda: locales.in_points(-0.0199), "−1.99 points", "−1,99 point"),
            (lambda: locales.in_points(-0.019999), "−2.00 points", "−2,00 points"),
            (lambda: locales.in_points(0.0417), "+4.17 points", "+4,17 points"),
            (lambda: locales.in_points(0.002, margin=True), "±0.20 points", "±0,20 point"),
            (lambda: locales.in_points(0.02, margin=True), "±2.00 points", "±2,00 points"),
            (lambda: locales.p_value(0.042), "p = 0.042", "p = 0,042"),
            (lambda: locales.p_value(0.0002), "p < 0.001", "p < 0,001"),
            (lambda: locales.seconds(0.04), "0.04 s", "0,04 s"),
            (lambda: locales.seconds(0.84), "0.8 s", "0,8 s"),
            (lambda: locales.seconds(42.2), "42 s", "42 s"),
            (lambda: locales.seconds(185), "3 min 05 s", "3 min 05 s"),
            (lambda: locales.date(datetime(2026, 3, 9, 8, 5)), "9 March 2026, 08:05", "9 mars 2026 à 08:05"),
        ],
    )
    def test_as_each_language_writes_them(self, call: object, english: str, french: str) -> None:
        assert callable(call)
        with use("en"):
            assert call() == english
        with use("fr"):
            assert call() == french

    def test_a_moment_is_told_in_the_machines_own_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import time

        monkeypatch.setenv("TZ", "Europe/Paris")
        time.tzset()
        try:
            with use("fr"):
                assert locales.date(datetime(2026, 7, 1, 12, 0, tzinfo=UTC)) == "1 juillet 2026 à 14:00"
        finally:
            monkeypatch.delenv("TZ")
            time.tzset()
