"""The tables as they were first."""

import sqlalchemy as sql
from alembic import op

revision = "1"
down_revision = None


def upgrade() -> None:
    """From nothing."""
    op.create_table("schema", sql.Column("version", sql.Integer, primary_key=True))
    op.create_table(
        "trials",
        sql.Column("key", sql.String(64), primary_key=True),
        sql.Column("study", sql.String, nullable=False),
        sql.Column("variant", sql.String, nullable=False),
        sql.Column("seed", sql.Integer, nullable=False),
        sql.Column("status", sql.String(16), nullable=False),
        sql.Column("error", sql.Text),
        sql.Column("fit_time", sql.Float),
        sql.Column("val_accuracy", sql.Float),
        sql.Column("finished", sql.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "openings",
        sql.Column("id", sql.Integer, primary_key=True),
        sql.Column("data", sql.String(64), nullable=False),
        sql.Column("choice", sql.String(64), nullable=False),
        sql.Column("study", sql.String, nullable=False),
        sql.Column("candidates", sql.Integer, nullable=False),
        sql.Column("recommended", sql.String, nullable=False),
        sql.Column("opened", sql.DateTime(timezone=True), nullable=False),
    )
