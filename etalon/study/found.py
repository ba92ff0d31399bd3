"""What a search has found: every configuration tried, the one chosen, and how to judge it afresh."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

from etalon.data.dataset import Dataset
from etalon.data.splits import KFold, Split
from etalon.errors import StudyError
from etalon.figures.curves import shared_legend
from etalon.figures.searches import response
from etalon.figures.style import canvas, panels, style
from etalon.locales import Text, _, ngettext, number, percent
from etalon.locales.columns import aligned
from etalon.study.space import Arguments, Between, Space, State
from etalon.study.variant import Variant

if TYPE_CHECKING:
    import pandas as pd

    from etalon.figures.style import Axes, Figure

METRICS = {"val_loss": min, "val_accuracy": max}  # what is measured, and which of two values is the better
HUGE = 1000  # a loss that has exploded is written with three figures
LOG = 10  # a list of positive values this far apart is drawn on a log scale


class Searched(Protocol):
    """What a search asks of a study, `etalon.Study`."""

    title: Text
    variants: dict[str, Variant]
    settings: dict[str, Any]
    split: Split
    seeds: tuple[int, ...]
    origin: str

    @property
    def dataset(self) -> Dataset:
        """The images."""

    @property
    def folder(self) -> Path:
        """Where the finished trials are."""

    def with_(self, **changes: Any) -> Self:
        """A copy."""


@dataclass(frozen=True, eq=False)
class Configuration:
    """Some arguments that were tried.

    Attributes:
        name: of its trials in the store.
        state: "finished"; "pruned", stopped by successive halving; "diverged"; "failed", tried again the next time.
        epochs: of the longest of its trainings; None if one broke down.
        scores: one a seed, of the weights kept; empty if a training broke down.
        error: what broke down.
    """

    name: str
    arguments: Arguments
    state: State
    epochs: int | None = None
    scores: tuple[float, ...] = ()
    error: str = ""

    @property
    def score(self) -> float:
        """The mean over seeds; NaN if there is none."""
        return float(np.mean(self.scores)) if self.scores else float("nan")


@dataclass(frozen=True, eq=False, repr=False)
class Search:
    """What a search has found, on validation; the test images have not been looked at.

    Attributes:
        searched: the study.
        settings: of the recipe of every trial, over the study's own.
        of: the variant whose arguments or settings were searched.
        over: the values or ranges, by argument.
        metric: "val_loss" or "val_accuracy".
        seeds: over which it is averaged.
        configurations: those tried, in the order in which they were proposed.
    """

    searched: Searched
    settings: Mapping[str, Any]
    of: str
    over: Space
    metric: str
    seeds: tuple[int, ...]
    configurations: tuple[Configuration, ...]

    def __len__(self) -> int:
        return len(self.configurations)

    def __iter__(self) -> Iterator[Configuration]:
        return iter(self.configurations)

    @property
    def chosen(self) -> Configuration:
        """The best of the configurations that were trained in full, the first of them if several are.

        Raises:
            StudyError: none was.
        """
        finished = [c for c in self if c.state == "finished"]
        if not finished:
            raise StudyError(
                ngettext("a search over {n} configuration", "a search over {n} configurations", len(self)).format(
                    n=len(self)
                ),
                _("no training came to its end"),
                " ".join(self._broken),
            )
        return METRICS[self.metric](finished, key=lambda c: c.score)

    @property
    def best(self) -> Arguments:
        """The arguments chosen.

        Raises:
            StudyError: no training came to its end.
        """
        return dict(self.chosen.arguments)

    def study(self, seeds: int | None = None, **changes: Any) -> Any:
        """A study that compares the choice with the reference, with seeds that the search has not seen.

        Args:
            seeds: how many; by default as many as the study has.
            changes: as in `Study.with_`.

        Raises:
            StudyError: no training came to its end; or a study of folds, which has no other seeds.
        """
        old = self.searched
        if isinstance(old.split, KFold) and not changes.keys() & {"validation", "split"}:
            raise StudyError(
                _("a study of {n} folds").format(n=old.split.folds),
                _("each fold takes the place of a seed, and the search has seen some of them"),
                _("Say validation=0.2 to compare with seeds of their own."),
            )
        wanted = len(old.seeds) if seeds is None else seeds
        fresh = [seed for seed in range(wanted + len(self.seeds)) if seed not in self.seeds][:wanted]
        new = old.with_(**{"title": self._title, **self.settings, **changes, "seeds": fresh})
        because = _("the best of {n} configurations on validation, by {metric}").format(n=len(self), metric=self.metric)
        winner = varied(old.variants[self.of], {**self.settings, **self.best}, self.chosen.name, because)
        reference = next(iter(old.variants.values()))
        new.variants = {reference.name: reference, winner.name: winner}
        new.origin = ""  # no file makes it
        return new

    def frame(self) -> "pd.DataFrame":
        """A line a configuration: its arguments, epochs_trained, state, and the metric, mean over seeds."""
        import pandas as pd

        measured = {
            "epochs_trained": pd.array([c.epochs for c in self], dtype="Int64"),
            "state": [c.state for c in self],
            self.metric: [c.score for c in self],
        }
        return pd.DataFrame({**{name: [c.arguments[name] for c in self] for name in self.over}, **measured})

    def plot(self, argument: str | None = None, ax: "Axes | None" = None, *, legend: bool = True) -> "Axes":
        """The metric against the values of an argument, by default the first; bars go from lowest seed to highest."""
        argument = argument or next(iter(self.over))
        if argument not in self.over:
            raise StudyError(
                _("argument {name!r}").format(name=argument),
                _("it was not searched"),
                _("Choose one of {names}.").format(names=", ".join(self.over)),
            )
        chosen = [i for i, c in enumerate(self) if any(c.state == "finished" for c in self) and c is self.chosen]
        return response(
            [_abscissa(c.arguments[argument]) for c in self],
            [c.score for c in self],
            [c.state for c in self],
            low=[min(c.scores, default=np.nan) for c in self],
            high=[max(c.scores, default=np.nan) for c in self],
            chosen=chosen[0] if chosen else None,
            log=_on_log_scale(self.over[argument]),
            joined=len(self.over) == 1,
            unit="number" if self.metric == "val_loss" else "percent",
            ax=ax,
            legend=legend,
            xlabel=argument,
            ylabel=self._measure,
        )

    def figure(self) -> "Figure":
        """`plot` for every argument, side by side."""
        figure = canvas(0.8 + 4.6 * len(self.over), 4.0)
        cells = panels(1, len(self.over), 0, 0, figure=figure)  # all with the same ordinates
        for ax, name in zip(cells, self.over, strict=True):
            self.plot(name, ax, legend=False)
            ax.label_outer()
        with style():
            shared_legend(figure, cells[0])
        return figure

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `json.dumps`; arguments that JSON does not know are written as texts."""
        finished = any(c.state == "finished" for c in self)
        lines = [
            {
                "arguments": {name: _abscissa(value) for name, value in c.arguments.items()},
                "epochs_trained": c.epochs,
                "state": c.state,
                self.metric: c.score if c.scores else None,
                "error": c.error,
            }
            for c in self
        ]
        best = {name: _abscissa(value) for name, value in self.best.items()} if finished else None
        return {"of": self.of, "seeds": list(self.seeds), "best": best, "configurations": lines}

    def __repr__(self) -> str:
        best = self.chosen.name if any(c.state == "finished" for c in self) else None
        return f"Search({len(self)} configurations, best {best})"

    def __str__(self) -> str:
        marks = ["  ", *("→ " if self._is_chosen(c) else "  " for c in self)]
        lines = map(str.__add__, marks, aligned(self._table(), left=(), ruled=False))
        return "\n".join([*lines, "", *self._notes()])

    def _repr_html_(self) -> str:
        head, *rows = self._table()
        titles = "".join(f"<th>{escape(cell)}</th>" for cell in head)
        body = ""
        for configuration, row in zip(self, rows, strict=True):
            weight = ' style="font-weight:bold"' if self._is_chosen(configuration) else ""
            body += f"<tr{weight}>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
        notes = "".join(f"<p>{escape(note)}</p>" for note in self._notes())
        return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>{notes}"

    @property
    def _title(self) -> Text:
        """Of the study of the choice, which the store must not take for the one that was searched."""
        title, chosen = self.searched.title, self.chosen.name
        return f"{title} · {chosen}" if isinstance(title, str) else {k: f"{v} · {chosen}" for k, v in title.items()}

    def _is_chosen(self, configuration: Configuration) -> bool:
        return configuration.state == "finished" and configuration is self.chosen

    def _table(self) -> list[list[str]]:
        """Cells, the heads first."""
        rows = [
            [
                *(written(c.arguments[name]) for name in self.over),
                "—" if c.epochs is None else str(c.epochs),
                state_name(c.state),
                self._score(c),
            ]
            for c in self
        ]
        return [[*self.over, _("Epochs"), _("State"), self._measure], *rows]

    def _score(self, configuration: Configuration) -> str:
        if not configuration.scores:
            return "—"
        if self.metric == "val_accuracy":
            return percent(configuration.score)
        return number(configuration.score, 4) if configuration.score < HUGE else f"{configuration.score:.3g}"

    def _notes(self) -> list[str]:
        seeds = ngettext("Mean over {n} seed.", "Mean over {n} seeds.", len(self.seeds)).format(n=len(self.seeds))
        if not any(c.state == "finished" for c in self):
            return [_("No training came to its end."), *self._broken]
        warning = _(
            "The score of the choice flatters it: it is the best of {n}, measured on the images that chose it. "
            "found.study() compares it with the reference afresh, with other seeds; the test images are still sealed."
        ).format(n=len(self))
        return [seeds, warning, *self._broken]

    @property
    def _broken(self) -> list[str]:
        return [_("{what}: {how}").format(what=c.name, how=c.error) for c in self if c.error]

    @property
    def _measure(self) -> str:
        return {"val_loss": _("Validation loss"), "val_accuracy": _("Validation accuracy")}[self.metric]


def varied(base: Variant, keywords: Mapping[str, Any], name: str, because: Text = "") -> Variant:
    """`base` with other arguments or settings.

    Raises:
        StudyError: a keyword that is neither.
    """
    return Variant.of(base.build, because or base.because, {**base.arguments, **base.settings, **keywords}, name)


def written(value: Any) -> str:
    """A value as Python writes it, a float with four figures; a function or an object by its name."""
    if isinstance(value, float):
        return f"{value:.4g}"
    text = repr(value)
    return str(getattr(value, "__name__", type(value).__name__)) if " at 0x" in text else text


def state_name(state: State) -> str:
    """A state in the language in force."""
    names = {
        "finished": _("finished"),
        "pruned": _("pruned"),
        "diverged": _("diverged"),
        "failed": _("failed"),
    }
    return names[state]


def _abscissa(value: Any) -> Any:
    return value if isinstance(value, int | float | str) else written(value)


def _on_log_scale(values: Any) -> bool:
    if isinstance(values, Between):
        return values.log
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return numbers and min(values) > 0 and max(values) >= LOG * min(values)
