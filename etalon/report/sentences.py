"""The findings of a study as a pandas table that prints as its sentences."""

from collections.abc import Callable, Iterable

import pandas as pd

from etalon.analysis.findings import Finding
from etalon.locales import _

COLUMNS = ("question", "kind", "variant", "text", "numbers")


class Sentences(pd.DataFrame):
    """A line a finding; `print` gives the sentences, where pandas would cut them short."""

    @classmethod
    def of(cls, findings: Iterable[tuple[str, Finding]]) -> "Sentences":
        """The findings, each with the name of the question that it answers, "" for none."""
        rows = [(asked, f.kind, f.variant, f.text, dict(f.numbers)) for asked, f in findings]
        return cls(rows, columns=list(COLUMNS))

    @property
    def _constructor(self) -> Callable[..., pd.DataFrame]:
        return pd.DataFrame  # a part of it is a table like any other

    def __str__(self) -> str:
        told = zip(self["question"], self["text"], strict=True)
        return "\n".join(_("{what}: {told}").format(what=asked, told=text) if asked else text for asked, text in told)
