"""The tables in DATA/callstage.db, as queries see them; the migrations make them.

A test holds this page to what the migrations leave behind. Times are seconds since the epoch.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

HEAD: Final = "0005"
"""The newest migration: a database that has it is opened without loading the migration tool."""

metadata: Final = MetaData()

scenarios: Final = Table(
    "scenarios",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("application", String(64), nullable=False),
    Column("name", String(64), nullable=False),
    Column("current", Integer, nullable=False),
    UniqueConstraint("application", "name"),
)

versions: Final = Table(
    "versions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("scenario_id", Integer, ForeignKey("scenarios.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("main", String(64), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("created_by", String(64), nullable=False),
    UniqueConstraint("scenario_id", "number"),
)

modules: Final = Table(
    "modules",
    metadata,
    Column("version_id", Integer, ForeignKey("versions.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("source", Text, nullable=False),
)

sounds: Final = Table(
    "sounds",
    metadata,
    Column("version_id", Integer, ForeignKey("versions.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Index("sounds_by_content", "sha256"),
)

rules: Final = Table(
    "rules",
    metadata,
    Column("application", String(64), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("name", String(64), nullable=False),
    Column("to", Text, nullable=False),
    Column("scenario", String(64), nullable=False),
    Column("conference", Boolean, nullable=False),
    Column("custom_data", Text, nullable=False),
    UniqueConstraint("application", "name"),
)

sessions: Final = Table(
    "sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("run", String(64), nullable=False),
    Column("application", String(64), nullable=False),
    Column("scenario", Text, nullable=False),
    Column("version", String(64), nullable=False),
    Column("rule", Text),
    Column("started_at", Float, nullable=False),
    Column("duration_s", Float),
    Column("end_cause", Text),
    Column("end_detail", Text, nullable=False),
    Column("custom_data", Text, nullable=False),
    Index("sessions_by_time", "started_at", "id"),
    Index("sessions_by_application", "application", "started_at"),
    Index("sessions_by_custom_data", "custom_data", "started_at"),
    Index("sessions_by_end", "end_cause", "started_at"),
)

calls: Final = Table(
    "calls",
    metadata,
    Column("id", String(96), primary_key=True),
    Column("session_id", String(64), nullable=False),
    Column("incoming", Boolean, nullable=False),
    Column("number", Text, nullable=False),
    Column("callerid", Text, nullable=False),
    Column("remote", Text, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("duration_s", Float, nullable=False),
    Column("result", String(16), nullable=False),
    Column("code", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("custom_data", Text, nullable=False),
    Index("calls_by_session", "session_id"),
    Index("calls_by_number", "number", "session_id"),
    Index("calls_by_callerid", "callerid", "session_id"),
    Index("calls_by_custom_data", "custom_data", "session_id"),
    Index("calls_by_result", "result", "session_id"),
)

recordings: Final = Table(
    "recordings",
    metadata,
    Column("session_id", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("finished_at", Float, nullable=False),
    Column("duration_s", Float),
    Column("size_bytes", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("name", String(400), nullable=False, server_default=""),
    Column("expires_at", Float),
    Index("recordings_by_time", "finished_at"),
    Index("recordings_by_expiry", "expires_at"),
)

tokens: Final = Table(
    "tokens",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("scopes", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("application", String(64), nullable=False, server_default=""),
)

secrets: Final = Table(
    "secrets",
    metadata,
    Column("application", String(64), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("hosts", Text, nullable=False),
    Column("changed_at", Float, nullable=False),
    Column("changed_by", String(64), nullable=False),
)

pairs: Final = Table(
    "pairs",
    metadata,
    Column("application", String(64), primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("expire", Integer, nullable=False),
    Index("pairs_by_expiry", "expire"),
)

users: Final = Table(
    "users",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("application", String(64), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("max_contacts", Integer, nullable=False),
    Column("changed_at", Float, nullable=False),
    Index("users_by_application", "application", "name"),
)

mailboxes: Final = Table(
    "mailboxes",
    metadata,
    Column("user", String(64), primary_key=True),
    Column("new", BigInteger, nullable=False),
    Column("old", BigInteger, nullable=False),
    Column("changed_at", Float, nullable=False),
)

numbers: Final = Table(
    "numbers",
    metadata,
    Column("number", String(64), primary_key=True),
    Column("application", String(64), nullable=False),
    Column("scenario", String(64), nullable=False),
    Column("custom_data", Text, nullable=False),
    Column("changed_at", Float, nullable=False),
    Index("numbers_by_application", "application", "number"),
)
