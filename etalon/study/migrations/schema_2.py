"""Seeds up to 2³² − 1, which PostgreSQL's integers do not hold; one opening of a test set for one choice."""

import sqlalchemy as sql
from alembic import op

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """From schema 1. Two processes may have written the same opening at once: the first of them stays."""
    with op.batch_alter_table("trials") as batch:  # SQLite makes the table anew
        batch.alter_column("seed", existing_type=sql.Integer(), existing_nullable=False, type_=sql.BigInteger())
    op.execute("DELETE FROM openings WHERE id NOT IN (SELECT MIN(id) FROM openings GROUP BY data, choice)")
    op.create_index("openings_once", "openings", ["data", "choice"], unique=True)
