"""The tables of a store's records, and how those of an older store become them.

The table `schema` holds one number. An older one is brought up by the scripts of `etalon.study.migrations`, all in one
transaction; a newer one is refused, by this version as by those before it.
"""

from pathlib import Path

import sqlalchemy as sql

SCHEMA = 2
SUMMED = 2  # the first schema in which every run has its checksums beside it

tables = sql.MetaData()
_schema = sql.Table("schema", tables, sql.Column("version", sql.Integer, primary_key=True))
trials = sql.Table(
    "trials",
    tables,
    sql.Column("key", sql.String(64), primary_key=True),
    sql.Column("study", sql.String, nullable=False),
    sql.Column("variant", sql.String, nullable=False),
    sql.Column("seed", sql.BigInteger, nullable=False),
    sql.Column("status", sql.String(16), nullable=False),  # done, pruned, diverged, failed
    sql.Column("error", sql.Text),
    sql.Column("fit_time", sql.Float),  # seconds
    sql.Column("val_accuracy", sql.Float),
    sql.Column("finished", sql.DateTime(timezone=True), nullable=False),
)
openings = sql.Table(
    "openings",
    tables,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("data", sql.String(64), nullable=False),
    sql.Column("choice", sql.String(64), nullable=False),
    sql.Column("study", sql.String, nullable=False),
    sql.Column("candidates", sql.Integer, nullable=False),
    sql.Column("recommended", sql.String, nullable=False),
    sql.Column("opened", sql.DateTime(timezone=True), nullable=False),
    sql.Index("openings_once", "data", "choice", unique=True),
)


def found(connection: sql.Connection) -> int | None:
    """The schema of the tables that are there; None if there are none."""
    if not sql.inspect(connection).has_table(_schema.name):
        return None
    version: int | None = connection.execute(sql.select(_schema.c.version)).scalar()
    return version


def make(connection: sql.Connection) -> None:
    """Make the tables, all of them or none."""
    tables.create_all(connection)
    connection.execute(_schema.insert().values(version=SCHEMA))


def upgrade(connection: sql.Connection, older: int) -> None:
    """Bring the tables up from an `older` schema, in the transaction of the connection."""
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from alembic.script import ScriptDirectory

    folder = str(Path(__file__).parent / "migrations")
    scripts = ScriptDirectory(folder, version_locations=[folder])
    steps = reversed(list(scripts.iterate_revisions(str(SCHEMA), str(older))))
    with Operations.context(MigrationContext.configure(connection)):
        for step in steps:
            step.module.upgrade()
    connection.execute(_schema.update().values(version=SCHEMA))
