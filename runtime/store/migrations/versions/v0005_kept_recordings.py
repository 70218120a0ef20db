"""Recordings with names and times of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    name = sa.Column("name", sa.String(length=400), nullable=False, server_default="")
    op.add_column("recordings", name)
    op.add_column("recordings", sa.Column("expires_at", sa.Float(), nullable=True))
    op.create_index("recordings_by_expiry", "recordings", ["expires_at"], unique=False)
