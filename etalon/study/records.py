"""What a store knows of each trial, and the ledger of the openings of the test set."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite

from etalon.study import schema
from etalon.study.database import Database
from etalon.study.schema import openings, trials

INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
AT_ONCE = 500  # keys in one query: databases limit how many
TURN = int.from_bytes(b"etalon", "big")  # PostgreSQL's name of the lock under which tables are made


@dataclass(frozen=True)
class Record:
    """One line of the store: a trial and what became of it."""

    key: str
    study: str
    variant: str
    seed: int
    status: str
    error: str | None
    fit_time: float | None
    val_accuracy: float | None
    finished: datetime


@dataclass(frozen=True)
class Opening:
    """One opening of a sealed test set.

    Attributes:
        data: digest of the images.
        choice: digest of the trials that were measured on it.
        candidates: how many variants they belong to.
        recommended: the one that validation had chosen.
    """

    data: str
    choice: str
    study: str
    candidates: int
    recommended: str
    opened: datetime


class Records:
    """The tables, whatever the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def schema(self) -> int | None:
        """The schema of the tables; None if there are none yet."""
        with self._database.transaction(writes=False) as connection:
            return schema.found(connection)

    def prepare(self) -> None:
        """Make the tables, or bring those of an older schema up; once, however many processes ask for it."""
        with self._database.transaction(writes=True) as connection:
            if self._database.kind == "postgresql":
                connection.execute(sql.select(sql.func.pg_advisory_xact_lock(TURN)))
            found = schema.found(connection)
            if found is None:
                schema.make(connection)
            elif found < schema.SCHEMA:
                schema.upgrade(connection, found)

    def of(self, keys: Iterable[str] | None = None) -> dict[str, Record]:
        """What is known of these trials, or of all, by key; the oldest first."""
        query = sql.select(trials)
        wanted = None if keys is None else sorted(set(keys))
        with self._database.transaction(writes=False) as connection:
            if wanted is None:
                rows = list(connection.execute(query))
            else:
                parts = (wanted[start : start + AT_ONCE] for start in range(0, len(wanted), AT_ONCE))
                rows = [row for part in parts for row in connection.execute(query.where(trials.c.key.in_(part)))]
        found = [Record(**{**row._mapping, "finished": _aware(row.finished)}) for row in rows]
        return {record.key: record for record in sorted(found, key=lambda record: record.finished)}

    def put(self, **values: Any) -> None:
        """Record what became of a trial, in place of what was known of it."""
        row = {column.name: values.get(column.name) for column in trials.c}
        row |= {name: _storable(value) for name, value in row.items() if isinstance(value, str)}
        statement = INSERT[self._database.kind](trials).values({**row, "finished": datetime.now(UTC)})
        statement = statement.on_conflict_do_update(
            index_elements=[trials.c.key], set_={name: statement.excluded[name] for name in row if name != "key"}
        )
        with self._database.transaction(writes=True) as connection:
            connection.execute(statement)

    def open_test(self, data: str, choice: str, study: str, candidates: int, recommended: str) -> None:
        """Write down that a test set was opened, once for a given choice."""
        row = Opening(data, choice, _storable(study), candidates, _storable(recommended), datetime.now(UTC))
        statement = INSERT[self._database.kind](openings).values(vars(row))
        with self._database.transaction(writes=True) as connection:
            connection.execute(statement.on_conflict_do_nothing(index_elements=[openings.c.data, openings.c.choice]))

    def openings(self, data: str) -> list[Opening]:
        """Every opening of this test set, oldest first."""
        query = sql.select(openings).where(openings.c.data == data).order_by(openings.c.id)
        with self._database.transaction(writes=False) as connection:
            rows = connection.execute(query).all()
        return [Opening(r.data, r.choice, r.study, r.candidates, r.recommended, _aware(r.opened)) for r in rows]


def _storable(text: str) -> str:
    """Text without what databases refuse: NUL, and halves of characters (from the names of files)."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _aware(moment: datetime) -> datetime:
    """SQLite forgets the time zone; all moments are written in UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
