"""The comparison table: one set of rows for the terminal, the notebook, pandas and the report."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Literal

from etalon.analysis.crossed import Interval
from etalon.analysis.times import duration
from etalon.analysis.verdicts import Verdict
from etalon.figures.bars import bars, over_seeds
from etalon.figures.intervals import verdict_name, with_interval
from etalon.locales import _, in_points, number, p_cell, p_value, percent, points
from etalon.report.blocks import Badge, Cell, Column, Kind, Table, Tone
from etalon.report.evidence import Entry, Evidence
from etalon.report.inline import escape as escape_markup

if TYPE_CHECKING:
    import pandas as pd

    from etalon.figures.style import Axes

What = Literal["accuracy", "time"]
Field = tuple[str, Kind, Callable[[Entry], Cell]]  # header, kind, what stands there for a variant

TONES: dict[str, Tone] = {"better": "good", "worse": "bad", "equivalent": "neutral", "undecided": "unsure"}


@dataclass(frozen=True, eq=False)
class Comparison:
    """All the variants side by side, the reference first, the recommended one marked."""

    evidence: Evidence

    def block(self, caption: str = "", source: str | None = None) -> Table:
        """What the models are worth, as a table of the report."""
        return self._block(self._merits(), caption, source)

    def costs(self, caption: str = "", source: str | None = None) -> Table:
        """What the models cost, as a table of the report."""
        return self._block(self._costs(), caption, source)

    def steps(self) -> Table:
        """The variants that come after another one than the reference, each compared with it, as a table."""
        columns = [
            Column(_("Variant")),
            Column(_("Compared with")),
            Column(_("Difference (points)"), "number"),
            Column(_("Adjusted p"), "number"),
            Column(_("Verdict"), "verdict"),
        ]
        rows = [
            [
                escape_markup(verdict.variant),
                escape_markup(self.evidence.parent(self.evidence[verdict.variant])),
                _difference(verdict),
                p_cell(verdict.p_adjusted),
                _badge(verdict),
            ]
            for verdict in self.evidence.later
        ]
        caption = _(
            "Variants compared with the one that they come after; p adjusted by Holm (steps judged together: {n})"
        ).format(n=len(self.evidence.steps or ()))
        return Table(columns, rows, caption, source='opened.verdicts(pairs="steps")')

    def frame(self) -> "pd.DataFrame":
        """Numbers, not texts: accuracies, differences and gaps are fractions, times are seconds."""
        import pandas as pd

        rows = []
        for entry in self.evidence.entries:
            row = {
                "factors": "; ".join(factor.sentence() for factor in entry.candidate.factors),
                "weights": entry.candidate.weights.total,
                "val_accuracy": entry.validation.accuracy.value,
                "gap": entry.curves.overfitting.gap,
                "fit_time": entry.fit_time,
                "seeds": len(entry.fit_times),
            }
            if entry.test:
                row["accuracy"] = entry.test.accuracy.value
            if self.evidence.balance.unbalanced:
                row["balanced_accuracy"] = (entry.test or entry.validation).balanced
            if entry.verdict:
                row |= {
                    "difference": entry.verdict.difference,
                    "low": entry.verdict.low_simultaneous,
                    "high": entry.verdict.high_simultaneous,
                    "p_adjusted": entry.verdict.p_adjusted,
                    "verdict": entry.verdict.verdict,
                }
            rows.append(row)
        return pd.DataFrame(rows, index=pd.Index([entry.name for entry in self.evidence.entries], name="variant"))

    def plot(self, what: What = "accuracy", ax: "Axes | None" = None) -> "Axes":
        """Bars from 0, one a model: of accuracy with its 95% interval, or of time with its spread over seeds."""
        entries = self.evidence.entries
        names, reference = [entry.name for entry in entries], entries[0].name
        if what == "time":
            times = [entry.fit_times for entry in entries]
            values, low, high = [entry.fit_time for entry in entries], list(map(min, times)), list(map(max, times))
            label, digits = _("Training time (s)"), 0 if max(values) > 20 else 1
        else:
            found = [(entry.test or entry.validation).accuracy for entry in entries]
            values, low, high = [f.value for f in found], [f.low for f in found], [f.high for f in found]
            label, digits = _("Test accuracy") if self._on_test else _("Validation accuracy"), 2
        shares, k = what == "accuracy", max(len(entry.fit_times) for entry in entries)
        noted = _("mean over the seeds; lines: 95% intervals") if shares else over_seeds(k)
        return bars(
            names,
            {label: values},
            low={label: low},
            high={label: high},
            ax=ax,
            ylabel=noted or label,
            title=label,
            percent=shares,
            digits=digits,
            reference=reference,
        )

    def __str__(self) -> str:
        import io

        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table as RichTable

        columns, rows = self._whole()
        table = RichTable(box=SIMPLE_HEAD, pad_edge=False)
        for column in columns:
            table.add_column(column.header, justify="right" if column.kind == "number" else "left", no_wrap=True)
        for entry, row in zip(self.evidence.entries, rows, strict=True):
            mark = "→ " if entry is self.evidence.chosen else "  "
            table.add_row(mark + row[0], *row[1:])
        written = io.StringIO()
        Console(file=written, width=200, color_system=None).print(table)
        return "\n".join([*(line.rstrip() for line in written.getvalue().splitlines()), *self._notes()])

    def _repr_html_(self) -> str:
        columns, rows = self._whole()
        head = "".join(f"<th>{escape(column.header)}</th>" for column in columns)
        body = ""
        for entry, row in zip(self.evidence.entries, rows, strict=True):
            style = ' style="font-weight:bold"' if entry is self.evidence.chosen else ""
            body += f"<tr{style}>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
        notes = "".join(f"<p>{escape(note)}</p>" for note in self._notes())
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"

    @property
    def _on_test(self) -> bool:
        return self.evidence.reference.test is not None

    def _block(self, fields: Sequence[Field], caption: str, source: str | None) -> Table:
        columns = [Column(_("Model")), *(Column(header, kind) for header, kind, _cell in fields)]
        entries = self.evidence.entries
        rows = [[escape_markup(entry.name), *(cell(entry) for _header, _kind, cell in fields)] for entry in entries]
        chosen = [i for i, entry in enumerate(entries) if entry is self.evidence.chosen]
        return Table(columns, rows, caption, highlight=chosen, source=source)

    def _whole(self) -> tuple[list[Column], list[list[str]]]:
        """Every column, as plain texts."""
        fields = [*self._merits(), *self._costs()[1 if not self._on_test else 0 :]]
        columns = [Column(_("Model")), *(Column(header, kind) for header, kind, _cell in fields)]
        rows = []
        for entry in self.evidence.entries:
            cells = [cell(entry) for _header, _kind, cell in fields]
            rows.append([entry.name, *(cell.text if isinstance(cell, Badge) else cell for cell in cells)])
        return columns, rows

    def _merits(self) -> list[Field]:
        title = _("Test accuracy") if self._on_test else _("Validation accuracy")
        return [
            (title, "number", lambda e: accuracy((e.test or e.validation).accuracy)),
            *self._balanced(),
            (_("Difference (points)"), "number", lambda e: _difference(e.verdict)),
            (_("Adjusted p"), "number", lambda e: p_cell(e.verdict.p_adjusted if e.verdict else None)),
            (_("Verdict"), "verdict", lambda e: _badge(e.verdict)),
            *self._uneven(),
        ]

    def _uneven(self) -> list[Field]:
        """Where some variants have more seeds than others, or might have."""
        if self.evidence.planned is None and len({len(e.fit_times) for e in self.evidence.entries}) == 1:
            return []
        return [(_("Seeds"), "number", lambda e: number(len(e.fit_times), 0))]

    def _balanced(self) -> list[Field]:
        """Where the classes are not of one size, accuracy alone flatters those that answer the largest."""
        if not self.evidence.balance.unbalanced:
            return []
        return [(_("Balanced accuracy"), "number", lambda e: percent((e.test or e.validation).balanced))]

    def _costs(self) -> list[Field]:
        return [
            (_("Validation accuracy"), "number", lambda e: percent(e.validation.accuracy.value)),
            (_("Gap (points)"), "number", lambda e: points(e.curves.overfitting.gap)),
            (_("Weights"), "number", lambda e: number(e.candidate.weights.total, 0)),
            (_("Time"), "number", lambda e: duration(e.fit_times)),
        ]

    def _notes(self) -> list[str]:
        part = _("test") if self._on_test else _("validation")
        notes = [
            _(
                "Differences with {reference} on {part}, with simultaneous 95% intervals (seeds: {k}; images: {n}); p "
                "adjusted by Holm (variants: {m}); equivalence margin {rope}."
            ).format(
                reference=self.evidence.reference.name,
                part=part,
                k=self._seeds,
                n=number(self._images, 0),
                m=len(self.evidence.verdicts),
                rope=in_points(self.evidence.rope, margin=True),
            ),
            *self.evidence.verdicts.notes,
            *map(self._step, self.evidence.later),
            *filter(None, [self.evidence.shared, self.evidence.spared, self.evidence.mixture]),
            *self.evidence.recommendation.reasons,
        ]
        lost = [_("{name}: every trial broke down.").format(name=name) for name in self.evidence.lost]
        return notes + lost

    def _step(self, verdict: Verdict) -> str:
        """The verdict on a variant against the one that it comes after, in a line."""
        return _("{name} compared with {parent}, in points: {difference}, {p}, {verdict}.").format(
            name=verdict.variant,
            parent=self.evidence.parent(self.evidence[verdict.variant]),
            difference=_difference(verdict),
            p=p_value(verdict.p_adjusted),
            verdict=verdict_name(verdict.verdict),
        )

    @property
    def _seeds(self) -> str:
        """Of a comparison; from the least to the greatest number, where they differ."""
        ks = [v.comparison.k for v in self.evidence.verdicts.items] or [len(self.evidence.seeds)]
        return f"{max(ks)}" if min(ks) == max(ks) else f"{min(ks)} – {max(ks)}"

    @property
    def _images(self) -> int:
        scores = self.evidence.reference.test or self.evidence.reference.validation
        return scores.accuracy.n


def _difference(verdict: Verdict | None) -> str:
    if verdict is None:
        return "—"
    return with_interval(verdict.difference, *verdict.shown)


def _badge(verdict: Verdict | None) -> Cell:
    return Badge(verdict_name(verdict.verdict), TONES[verdict.verdict]) if verdict else _("reference")


def comparison(evidence: Evidence) -> Comparison:
    """The comparison table of a study."""
    return Comparison(evidence)


def accuracy(interval: Interval) -> str:
    """A mean accuracy with half the width of its interval, or with its limits when it stops at 0 or 1."""
    above, below = interval.high - interval.value, interval.value - interval.low
    if abs(above - below) > 1e-9:
        limits = _("[{low}, {high}]").format(low=percent(interval.low), high=percent(interval.high))
        return f"{percent(interval.value)} {limits}"
    return f"{percent(interval.value)} ± {number(100 * above)}"


def named(text: str, *names: str) -> str:
    """A plain sentence as inline markup: each of these names, where it comes first, in the letters of a program."""
    marked = escape_markup(text)
    for name in sorted({*names} - {""}, key=len, reverse=True):
        where = re.search(rf"(?<![\w`]){re.escape(escape_markup(name))}(?![\w`])", marked)
        if where:
            marked = f"{marked[: where.start()]}`{name}`{marked[where.end() :]}"
    return marked


def at(entry: Entry) -> str:
    """The Python that finds a variant's results in a notebook."""
    return f"opened[{entry.name!r}]"
