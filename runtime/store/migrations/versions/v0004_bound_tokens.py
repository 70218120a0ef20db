"""Tokens that are bound to an application."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("application", sa.String(length=64), nullable=False, server_default="")
    op.add_column("tokens", column)
