"""Where the records of a store are: SQLite in its folder, or another database by URL."""

import os
import re
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sql

from etalon.errors import StoreError
from etalon.locales import _
from etalon.study.files import replace

VARIABLE = "ETALON_DATABASE"
OWN, NOTE = "etalon.db", "database"  # in the store's folder: its own database, or which other one it has
DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
SECRETS = ("password", "sslpassword")
NO_URL = (sql.exc.ArgumentError, ValueError)  # the latter for a port that is no number
PATIENCE = 60  # seconds, while others write
REACH = 10  # seconds, until a server is taken to be away


class Database:
    """Transactions, and what their failures mean.

    Args:
        url: of SQLite or PostgreSQL, as SQLAlchemy writes it; None: SQLite in the folder.
        folder: of the store.

    Raises:
        StoreError: no database can be reached by the URL.
    """

    def __init__(self, url: str | None, folder: Path) -> None:
        self._shown = str(folder) if url is None else without_secrets(url)
        try:
            parsed = sql.URL.create("sqlite", database=str(folder / OWN)) if url is None else sql.make_url(url)
            kind = parsed.get_backend_name()
            if kind not in DRIVERS:
                raise ValueError(_("only sqlite and postgresql are known"))
            options: dict[str, Any] = {"connect_args": {"timeout": PATIENCE}}
            if kind != "sqlite":
                options = {"connect_args": {"connect_timeout": REACH}, "poolclass": sql.NullPool}
            self._engine = sql.create_engine(parsed.set(drivername=DRIVERS[kind]), **options)
        except (sql.exc.SQLAlchemyError, ImportError, ValueError) as error:
            raise StoreError(
                _("the URL {url}").format(url=self._shown),
                _("no database can be reached by it ({error})").format(error=error),
                _("Correct it. PostgreSQL needs `pip install etalon[postgresql]`."),
            ) from None  # what caused it may show the URL
        self._secrets = [str(secret) for secret in (parsed.password, *map(parsed.query.get, SECRETS)) if secret]
        weakref.finalize(self, self._engine.dispose)
        self.kind = self._engine.dialect.name
        if self.kind == "sqlite":
            sql.event.listen(self._engine, "connect", _configure)
            sql.event.listen(self._engine, "begin", _begin)

    @contextmanager
    def transaction(self, *, writes: bool) -> Iterator[sql.Connection]:
        """Done in full or not at all.

        Raises:
            StoreError: the database cannot be reached, or refuses.
        """
        try:
            with self._engine.connect() as connection:
                connection = connection.execution_options(writes=writes)
                with connection.begin():
                    yield connection
        except sql.exc.SQLAlchemyError as error:
            told = " ".join(str(error.__cause__ or error).split())
            for secret in self._secrets:
                told = told.replace(secret, "***")
            raise StoreError(
                _("the store {store}").format(store=self._shown),
                _("its database refuses ({error})").format(error=told),
                _("Check the disk, its rights and the URL; the runs already finished are safe."),
            ) from error


def url_of(folder: Path, given: str | None) -> str | None:
    """The URL of the database that has the records of the store at `folder`; None for SQLite in the folder.

    A store stays with the database that it was made with: in another one its ledger would look empty. A new one is made
    with the URL `given`, else with that of ETALON_DATABASE, else with SQLite in its folder.

    Raises:
        StoreError: another one is given, or none where one is needed.
    """
    note = folder / NOTE
    made_with = note.read_text().strip() if note.exists() else None
    if made_with is None and (folder / OWN).exists():
        if given is not None:
            raise StoreError(
                _("the store {store}").format(store=folder),
                _("its records are in its own {name}, not in {url}").format(name=OWN, url=without_secrets(given)),
                _("Open it without a URL, or give another folder."),
            )
        return None
    url = given or os.environ.get(VARIABLE) or None
    if made_with is not None and (url is None or _place(url) != made_with):
        raise StoreError(
            _("the store {store}").format(store=folder),
            _("its records are in the database {place}").format(place=made_with),
            _("Give its URL in {variable}. If the database has moved, correct the file {note}.").format(
                variable=VARIABLE, note=note
            ),
        )
    return url


def note_url(folder: Path, url: str) -> None:
    """Write down in the store's folder which database has its records; no user and no password."""
    if not (folder / NOTE).exists():
        replace(folder / NOTE, f"{_place(url)}\n".encode())


def without_secrets(url: str) -> str:
    """A URL that may be shown."""
    try:
        parsed = sql.make_url(url)
    except NO_URL:
        return re.sub(r":[^/].*@", ":***@", url)
    hidden = {name: "hidden" for name in SECRETS if name in parsed.query}
    return parsed.update_query_dict(hidden).render_as_string(hide_password=True)


def _place(url: str) -> str:
    """What tells a database from others, whoever asks for it."""
    try:
        parsed = sql.make_url(url)
    except NO_URL:
        return without_secrets(url)
    kind = parsed.get_backend_name()
    kind = DRIVERS.get(kind, kind).partition("+")[0]
    query = {name: value for name, value in parsed.query.items() if name in ("host", "port", "dbname")}
    return sql.URL.create(kind, None, None, parsed.host, parsed.port, parsed.database, query).render_as_string()


def _configure(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # Python would begin transactions late, and none to change tables
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _begin(connection: sql.Connection) -> None:
    """Writers queue up from the beginning: a reader that turns writer can be refused without having waited."""
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")
