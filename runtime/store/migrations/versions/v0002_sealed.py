"""Secrets, key-value pairs, users and numbers of applications; calls found by their result."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("calls_by_result", "calls", ["result", "session_id"], unique=False)
    _secrets_and_pairs()
    _users_and_numbers()


def _secrets_and_pairs() -> None:
    op.create_table(
        "secrets",
        sa.Column("application", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("hosts", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.Float(), nullable=False),
        sa.Column("changed_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("application", "name"),
    )
    op.create_table(
        "pairs",
        sa.Column("application", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("expire", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("application", "name"),
    )
    op.create_index("pairs_by_expiry", "pairs", ["expire"], unique=False)


def _users_and_numbers() -> None:
    op.create_table(
        "users",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("application", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("max_contacts", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_index("users_by_application", "users", ["application", "name"], unique=False)
    op.create_table(
        "numbers",
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("application", sa.String(length=64), nullable=False),
        sa.Column("scenario", sa.String(length=64), nullable=False),
        sa.Column("custom_data", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("numbers_by_application", "numbers", ["application", "number"], unique=False)
