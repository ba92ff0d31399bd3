"""What a store holds, study by study."""

from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from etalon.locales import _, ngettext, seconds
from etalon.study.store import Record, Store


@dataclass(frozen=True)
class Line:
    """The trials of one variant of one study; `keys` are those of the finished ones, for `etalon show`.

    pruned: stopped by a search before their end.
    """

    study: str
    variant: str
    done: int
    failed: int
    pruned: int
    fit_time: float
    last: datetime
    keys: tuple[str, ...]


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
            shown.append(f"  {line.variant:{width}}  {done}{pruned}{failed}, {seconds(line.fit_time)}")
        return "\n".join(shown)

    def to_json(self) -> list[dict[str, Any]]:
        """One entry a variant."""
        return [{**asdict(line), "last": line.last.isoformat()} for line in self.lines]


def summary(store: Store) -> Summary:
    """Count the trials of every study."""
    groups: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in store.records().values():
        groups[record.study, record.variant].append(record)
    return Summary(
        tuple(
            Line(
                study,
                variant,
                sum(r.status == "done" for r in records),
                sum(r.status in ("diverged", "failed") for r in records),
                sum(r.status == "pruned" for r in records),
                sum(r.fit_time or 0.0 for r in records),
                max(r.finished for r in records),
                tuple(r.key for r in records if r.status == "done"),
            )
            for (study, variant), records in sorted(groups.items())
        )
    )
