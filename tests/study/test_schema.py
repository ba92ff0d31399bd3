"""A store of an older schema is brought up to this one, whatever happens; one of a newer schema is refused."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import sqlalchemy as sql
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from servers import Server
from small_studies import finished_run, some_weights
from store_contract import KEY, OTHER, RUN_FILES

from etalon.errors import StoreError
from etalon.study import migrations, schema
from etalon.study.migrations import schema_1, schema_2
from etalon.study.schema import SCHEMA
from etalon.study.store import Store

FAILED, PRUNED = "ad" * 16, "ae" * 16
# What Étalon wrote when it knew schema 1 only, as the databases themselves tell it.
TABLES_1 = {
    "sqlite": """
        CREATE TABLE schema (version INTEGER NOT NULL, PRIMARY KEY (version));
        CREATE TABLE trials (
            "key" VARCHAR(64) NOT NULL, study VARCHAR NOT NULL, variant VARCHAR NOT NULL, seed INTEGER NOT NULL,
            status VARCHAR(16) NOT NULL, error TEXT, fit_time FLOAT, val_accuracy FLOAT, finished DATETIME NOT NULL,
            PRIMARY KEY ("key"));
        CREATE TABLE openings (
            id INTEGER NOT NULL, data VARCHAR(64) NOT NULL, choice VARCHAR(64) NOT NULL, study VARCHAR NOT NULL,
            candidates INTEGER NOT NULL, recommended VARCHAR NOT NULL, opened DATETIME NOT NULL, PRIMARY KEY (id));
    """,
    "postgresql": """
        CREATE TABLE schema (version SERIAL NOT NULL, PRIMARY KEY (version));
        CREATE TABLE trials (
            key VARCHAR(64) NOT NULL, study VARCHAR NOT NULL, variant VARCHAR NOT NULL, seed INTEGER NOT NULL,
            status VARCHAR(16) NOT NULL, error TEXT, fit_time FLOAT, val_accuracy FLOAT,
            finished TIMESTAMP WITH TIME ZONE NOT NULL, PRIMARY KEY (key));
        CREATE TABLE openings (
            id SERIAL NOT NULL, data VARCHAR(64) NOT NULL, choice VARCHAR(64) NOT NULL, study VARCHAR NOT NULL,
            candidates INTEGER NOT NULL, recommended VARCHAR NOT NULL, opened TIMESTAMP WITH TIME ZONE NOT NULL,
            PRIMARY KEY (id));
    """,
}
ROWS_1 = f"""
    INSERT INTO schema VALUES (1);
    INSERT INTO trials VALUES ('{KEY}', 'Étude', 'reference', 3, 'done', NULL, 0.3, 0.75, '2026-11-20 10:00:00.000000');
    INSERT INTO trials VALUES ('{FAILED}', 'É', 'w', 4, 'failed', 'no', NULL, NULL, '2026-11-20 11:00:00.250000');
    INSERT INTO trials VALUES ('{PRUNED}', 'É', 'w', 5, 'pruned', NULL, 0.1, 0.5, '2026-11-20 12:00:00.000000');
    INSERT INTO openings (data, choice, study, candidates, recommended, opened) VALUES
        ('data', 'first', 'Étude', 4, 'wide', '2026-11-20 13:00:00.000000'),
        ('data', 'first', 'Étude', 4, 'wide', '2026-11-20 13:00:00.100000'),
        ('data', 'second', 'Étude', 4, 'wide', '2026-11-20 14:00:00.000000'),
        ('other', 'first', 'Étude', 4, 'wide', '2026-11-20 15:00:00.000000');
"""


class Old(NamedTuple):
    """A store of schema 1: how to open it with Étalon, and how to look behind."""

    folder: Path
    url: str | None
    ask: Callable[[str], list[Any]]
    engine: sql.Engine

    def open(self) -> Store:
        return Store(self.folder, self.url)


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, store_folder: Path, tmp_path: Path) -> Iterator[Old]:
    """One finished run that is recorded, one that is not, two trials that ended otherwise, an opening written twice."""
    (tmp_path / "elsewhere").mkdir()
    written = Store(tmp_path / "elsewhere" / "store")
    for key in (KEY, OTHER):
        written.save(finished_run(key), some_weights())
        (written.folder / "runs" / key / "SHA256SUMS").unlink()
    store_folder.mkdir()
    (written.folder / "runs").rename(store_folder / "runs")
    if request.param == "sqlite":
        url, file = None, store_folder / "etalon.db"
        with closing(sqlite3.connect(file)) as connection:
            connection.executescript("PRAGMA journal_mode=WAL;" + TABLES_1["sqlite"] + ROWS_1)
        engine = sql.create_engine(f"sqlite:///{file}", poolclass=sql.NullPool)
    else:
        server: Server = request.getfixturevalue("server")
        url = request.getfixturevalue("database")()
        with server.connect(url.split("/")[3].split("?")[0]) as there:
            there.execute((TABLES_1["postgresql"] + ROWS_1).replace(".000000'", "Z'").encode())
        engine = sql.create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=sql.NullPool)

    def ask(query: str) -> list[Any]:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sql.text(query))]

    yield Old(store_folder, url, ask, engine)
    engine.dispose()


def differences(engine: sql.Engine) -> list[Any]:
    """Where the tables are not those of the code, as alembic sees it."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, schema.tables))


def test_nothing_is_lost(old: Old) -> None:
    store = old.open()
    found = store.records()
    assert [(r.key, r.status, r.error) for r in found.values()] == [
        (KEY, "done", None),
        (FAILED, "failed", "no"),
        (PRUNED, "pruned", None),
    ]
    assert (found[KEY].study, found[KEY].seed, found[KEY].fit_time, found[KEY].val_accuracy) == ("Étude", 3, 0.3, 0.75)
    assert found[PRUNED].finished == datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert store.finished([KEY, OTHER, FAILED]) == {KEY, OTHER}
    for key in (KEY, OTHER):
        assert store.load(key).scalars() == finished_run(key).scalars()
        assert all(np.array_equal(array, some_weights()[name]) for name, array in store.weights(key).items())
    assert [opening.choice for opening in store.openings("data")] == ["first", "second"]
    assert len(store.openings("other")) == 1
    assert old.ask("SELECT version FROM schema") == [(SCHEMA,)]


def test_what_schema_2_brings(old: Old) -> None:
    store = old.open()
    store.save(finished_run(FAILED, seed=2**32 - 1), {})
    assert store.records()[FAILED].seed == 2**32 - 1
    columns, values = (
        "data, choice, study, candidates, recommended, opened",
        "'data', 'first', 's', 4, 'v', '2026-11-20'",
    )
    with pytest.raises(sql.exc.IntegrityError):
        old.ask(f"INSERT INTO openings ({columns}) VALUES ({values}) RETURNING id")
    for name in RUN_FILES:
        path = store.folder / "runs" / OTHER / name
        written = path.read_bytes()
        path.write_bytes(written[:-1] + b"?")
        with pytest.raises(StoreError, match=f"{name}: .*no longer what was written"):
            store.weights(OTHER) if name == "weights.safetensors" else store.load(OTHER)
        path.write_bytes(written)


def test_the_tables_are_those_of_a_new_store(old: Old) -> None:
    assert differences(old.engine)
    old.open()
    assert differences(old.engine) == []


def test_the_scripts_make_the_tables_from_nothing(tmp_path: Path, database: Callable[[], str]) -> None:
    for url in (f"sqlite:///{tmp_path}/new.db", database().replace("postgresql:", "postgresql+psycopg:")):
        engine = sql.create_engine(url, poolclass=sql.NullPool)
        with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
            schema_1.upgrade()
            schema_2.upgrade()
        assert differences(engine) == []


def test_a_new_store_has_the_tables_of_the_code(store_folder: Path) -> None:
    Store(store_folder)
    engine = sql.create_engine(f"sqlite:///{store_folder}/etalon.db", poolclass=sql.NullPool)
    assert differences(engine) == []


def test_the_last_script_leads_to_the_schema_of_the_code() -> None:
    (folder,) = migrations.__path__
    assert ScriptDirectory(folder, version_locations=[folder]).get_heads() == [str(SCHEMA)]


def test_opened_again_nothing_moves(old: Old, monkeypatch: pytest.MonkeyPatch) -> None:
    old.open()
    monkeypatch.setattr(schema, "upgrade", lambda *_: pytest.fail("migrated twice"))
    monkeypatch.setattr("etalon.study.store.seal", lambda *_: pytest.fail("sealed twice"))
    old.open()


def test_processes_that_open_it_at_once_migrate_it_once(old: Old, forks: ForkServerContext) -> None:
    started = [forks.Process(target=Store, args=(old.folder, old.url)) for _ in range(6)]
    for process in started:
        process.start()
    for process in started:
        process.join()
    assert [process.exitcode for process in started] == [0] * len(started)
    assert old.ask("SELECT version FROM schema") == [(SCHEMA,)]
    assert differences(old.engine) == []
    assert set(old.open().records()) == {KEY, FAILED, PRUNED}


@pytest.mark.parametrize("step", ["create_index", "execute"])
def test_a_migration_that_stops_half_way_has_not_begun(old: Old, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def state() -> Any:
        found = sql.inspect(old.engine)
        tables = {name: [str(column["type"]) for column in found.get_columns(name)] for name in found.get_table_names()}
        rows = [sorted(old.ask(f"SELECT * FROM {name}")) for name in sorted(tables)]
        return tables, found.get_indexes("openings"), rows

    before = state()
    with monkeypatch.context() as patched:
        patched.setattr(op, step, lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            old.open()
    assert state() == before
    assert old.open().load(KEY).key == KEY
    assert differences(old.engine) == []


def test_a_newer_schema_is_refused(old: Old) -> None:
    store = old.open()
    with old.engine.begin() as connection:
        connection.execute(sql.text(f"UPDATE schema SET version = {SCHEMA + 1}"))
    files = {path: path.read_bytes() for path in (store.folder / "runs").rglob("*") if path.is_file()}
    with pytest.raises(StoreError, match=rf"of schema {SCHEMA + 1}: it was written by a newer version .*Upgrade"):
        old.open()
    assert old.ask("SELECT version FROM schema") == [(SCHEMA + 1,)]
    assert {path: path.read_bytes() for path in files} == files


def test_a_newer_schema_with_other_tables_is_left_alone(store_folder: Path) -> None:
    store_folder.mkdir()
    with closing(sqlite3.connect(store_folder / "etalon.db")) as connection:
        connection.executescript("CREATE TABLE schema (version INTEGER); INSERT INTO schema VALUES (9);")
    with pytest.raises(StoreError, match="of schema 9: it was written by a newer version"):
        Store(store_folder)
    with closing(sqlite3.connect(store_folder / "etalon.db")) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("schema",)]
