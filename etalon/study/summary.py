"""What a store holds, study by study."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from etalon.locales import _, ngettext, number, seconds
from etalon.study.settings import Settings
from etalon.study.store import Record, Store


@dataclass(frozen=True)
class Line:
    """The trials of one variant of one study with the same settings; `keys` are those of the finished ones.

    pruned: stopped by a search before their end.
    quick: of a first look.
    settings: what tells them from the other trials of that name, in the language that was in force; "" without others.
    """

    study: str
    variant: str
    done: int
    failed: int
    pruned: int
    fit_time: float
    last: datetime
    keys: tuple[str, ...]
    quick: bool = False
    settings: str = ""


@dataclass(frozen=True)
class Summary:
    """All the studies of a store."""

    lines: tuple[Line, ...]

    def __str__(self) -> str:
        if not self.lines:
            return _("The store is empty.")
        width = max(len(line.variant) for line in self.lines)
        shown, study = [], None
        for line in self.lines:
            if line.study != study:
                study = line.study
                shown.append(study)
            failed = "" if not line.failed else ", " + _("{n} failed").format(n=line.failed)
            pruned = ngettext("{n} stopped by a search", "{n} stopped by a search", line.pruned).format(n=line.pruned)
            pruned = f", {pruned}" if line.pruned else ""
            done = ngettext("{n} done", "{n} done", line.done).format(n=line.done)
            told = ", ".join(filter(None, [_("quick") if line.quick else "", line.settings]))
            told = f" ({told})" if told else ""
            shown.append(f"  {line.variant:{width}}  {done}{pruned}{failed}, {seconds(line.fit_time)}{told}")
        return "\n".join(shown)

    def to_json(self) -> list[dict[str, Any]]:
        """One entry a line."""
        return [{**asdict(line), "last": line.last.isoformat()} for line in self.lines]


def summary(store: Store) -> Summary:
    """Count the trials of every study, those of other settings apart."""
    records = store.records()
    settings = store.settings(records)
    named: dict[tuple[str, str], dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for record in records.values():
        named[record.study, record.variant][settings[record.key].identity].append(record)
    lines = []
    for (study, variant), groups in sorted(named.items()):
        alike = [settings[some[0].key] for some in groups.values()]
        for some, own, told in zip(groups.values(), alike, _apart(alike), strict=True):
            lines.append(_line(study, variant, some, own.quick, told))
    return Summary(tuple(lines))


def _line(study: str, variant: str, records: Sequence[Record], quick: bool, settings: str) -> Line:
    return Line(
        study,
        variant,
        sum(r.status == "done" for r in records),
        sum(r.status in ("diverged", "failed") for r in records),
        sum(r.status == "pruned" for r in records),
        sum(r.fit_time or 0.0 for r in records),
        max(r.finished for r in records),
        tuple(r.key for r in records if r.status == "done"),
        quick,
        settings,
    )


def _apart(several: Sequence[Settings]) -> list[str]:
    """What tells settings from one another, for each; nothing for one alone."""
    if len(several) == 1:
        return [""]
    from etalon.models.factors import apart  # torch, which a store without such cases does without

    known = [one.recipe for one in several if one.recipe is not None]
    recipes = iter(apart(known))
    found = []
    for one in several:
        told = [_("no longer in the study") if not one.current else ""]
        told.append(next(recipes) if one.recipe is not None else _("settings not written down"))
        if one.weights is not None and len({other.weights for other in several}) > 1:
            told.append(_("{weights} weights").format(weights=number(one.weights, 0)))
        if one.data and len({other.data for other in several if other.data}) > 1:
            told.append(one.data)
        found.append(", ".join(filter(None, told)))
    return found
