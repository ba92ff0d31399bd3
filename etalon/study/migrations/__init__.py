"""How the tables of a store went from one schema to the next: alembic's scripts, run by `etalon.study.schema`."""
