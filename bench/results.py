"""What was measured: plain records, kept as JSON beside what made them, so that the document can be written again."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Self


@dataclass(frozen=True)
class Spread:
    """A figure over the rounds."""

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Of one value a round."""
        return cls(median(values), min(values), max(values))


@dataclass(frozen=True)
class Bar:
    """What is wanted of a figure: of its ratio where the unit is x, else of our own value."""

    limit: float
    most: bool = False
    unit: str = "x"

    def __str__(self) -> str:
        return f"at {'most' if self.most else 'least'} {self.limit:g}{'' if self.unit == 'x' else ' '}{self.unit}"

    def met(self, value: float) -> bool:
        """Whether a median reaches it."""
        return value <= self.limit if self.most else value >= self.limit


@dataclass(frozen=True)
class Figure:
    """Ours, theirs, and the ratio taken round by round."""

    what: str
    unit: str
    ours: Spread
    peer: Spread | None = None
    ratio: Spread | None = None
    bar: Bar | None = None

    @property
    def met(self) -> bool | None:
        """Whether the bar is reached; None where there is none."""
        if self.bar is None:
            return None
        value = self.ratio if self.bar.unit == "x" else self.ours
        return self.bar.met(value.median) if value else None

    def line(self) -> dict[str, Any]:
        """Medians, and the ratio with its spread."""
        return {
            "ours": self.ours.median,
            "peer": self.peer and self.peer.median,
            "ratio": self.ratio and asdict(self.ratio),
            "wanted": self.bar and str(self.bar),
            "met": self.met,
            "what": self.what,
            "unit": self.unit,
        }


@dataclass(frozen=True)
class Row:
    """One contender: `n` plays of the final, or the one of the heat, whose images are fewer."""

    name: str
    value: Spread
    n: int
    heat: bool = False
    accuracy: float | None = None
    peak: int | None = None


@dataclass(frozen=True)
class Result:
    """One id of the bench.

    figures: the first one is the id's own.
    conditions: data, images, epochs, seeds: all that one must know to read the figure.
    facts: what is neither a figure nor a row: a verdict, a curve, a profile.
    provenance: date, machine, versions, revision.
    """

    id: str
    work: str
    against: str = ""
    conditions: str = ""
    n: int = 0
    figures: Sequence[Figure] = ()
    rows: Sequence[Row] = ()
    left_out: dict[str, str] = field(default_factory=dict)
    skipped: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    command: str = ""
    provenance: dict[str, Any] = field(default_factory=dict)

    def line(self) -> dict[str, Any]:
        """The one line of `--json`."""
        nothing = {"ours": None, "peer": None, "ratio": None, "wanted": None}
        first = self.figures[0].line() if self.figures else {**nothing, "skipped": self.skipped}
        others = {"also": [figure.line() for figure in self.figures[1:]]} if len(self.figures) > 1 else {}
        told = {"against": self.against, "n": self.n, "conditions": self.conditions, "left_out": self.left_out}
        return {"id": self.id, **first, **told, **others, **self.facts, **self.provenance}

    def save(self, folder: Path) -> None:
        """One file an id."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.id}.json").write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        """The reverse of `save`."""
        found = json.loads(path.read_text())
        figures = tuple(
            Figure(
                **{
                    **f,
                    **{k: f[k] and Spread(**f[k]) for k in ("ours", "peer", "ratio")},
                    "bar": f["bar"] and Bar(**f["bar"]),
                }
            )
            for f in found["figures"]
        )
        rows = tuple(Row(**{**row, "value": Spread(**row["value"])}) for row in found["rows"])
        return cls(**{**found, "figures": figures, "rows": rows})
