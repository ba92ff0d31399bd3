"""The course as short lessons: programs with their texts in French and in English, shown as notebooks or pages."""

from etalon.locales import language
from etalon.report.inline import typeset

__all__ = ["say"]


def say(*, fr: str, en: str) -> str:
    """A text of a lesson in the language in force, with the spaces and apostrophes that it wants."""
    lang = language()
    return typeset({"fr": fr, "en": en}[lang], lang)
