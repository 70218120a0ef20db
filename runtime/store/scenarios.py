"""Scenario versions and rules in the database: every function is part of one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs
from sqlalchemy import Connection, Table, delete, func, insert, select, update

from runtime.store.schema import modules, rules, scenarios, sounds, versions

KEPT_VERSIONS: Final = 30
"""Of each scenario; older ones go when a new one comes, never the current one."""


@attrs.frozen(kw_only=True)
class StoredVersion:
    """One version with all it needs to be loaded."""

    application: str
    scenario: str
    number: int
    digest: str
    main: str
    modules: Mapping[str, str]
    sounds: Mapping[str, str]


@attrs.frozen(kw_only=True)
class NewVersion:
    """What is to be kept."""

    application: str
    scenario: str
    digest: str
    main: str
    modules: Mapping[str, str]
    sounds: Mapping[str, tuple[str, int]]
    """SHA-256 and size by name."""
    created_at: float
    created_by: str


def add_version(connection: Connection, new: NewVersion) -> tuple[int, bool]:
    """Its number, and whether it is a new one; what is current already is not kept twice."""
    place = _place(connection, new.application, new.scenario)
    if place is None:
        named = {"application": new.application, "name": new.scenario, "current": 0}
        scenario_id, current, number = _insert(connection, scenarios, named), 0, 0
    else:
        scenario_id, current = place
        of = versions.c.scenario_id == scenario_id
        number = connection.execute(select(func.max(versions.c.number)).where(of)).scalar() or 0
        same = select(versions.c.digest).where(of, versions.c.number == current)
        if connection.execute(same).scalar() == new.digest:
            return current, False
    values = {
        "scenario_id": scenario_id,
        "number": number + 1,
        "digest": new.digest,
        "main": new.main,
        "created_at": new.created_at,
        "created_by": new.created_by,
    }
    _add_parts(connection, _insert(connection, versions, values), new)
    set_current = update(scenarios).where(scenarios.c.id == scenario_id)
    connection.execute(set_current.values(current=number + 1))
    _drop_old_versions(connection, scenario_id)
    return number + 1, True


def _insert(connection: Connection, table: Table, values: Mapping[str, Any]) -> int:
    """The key of the new row."""
    key = connection.execute(insert(table).values(values)).inserted_primary_key
    assert key is not None
    return int(key[0])


def _add_parts(connection: Connection, version_id: int, new: NewVersion) -> None:
    code = [
        {"version_id": version_id, "name": name, "source": source}
        for name, source in new.modules.items()
    ]
    audio = [
        {"version_id": version_id, "name": name, "sha256": sha256, "size_bytes": size}
        for name, (sha256, size) in new.sounds.items()
    ]
    for table, rows in ((modules, code), (sounds, audio)):
        if rows:
            connection.execute(insert(table), rows)


def _drop_old_versions(connection: Connection, scenario_id: int) -> None:
    """Beyond KEPT_VERSIONS. Sessions that run one have it in memory, and its folder stays until the
    next start."""
    of = versions.c.scenario_id == scenario_id
    newest_first = select(versions.c.number).where(of).order_by(versions.c.number.desc())
    gone = list(connection.execute(newest_first).scalars())[KEPT_VERSIONS:]
    if gone:
        connection.execute(delete(versions).where(of, versions.c.number.in_(gone)))


def set_current(connection: Connection, application: str, scenario: str, number: int) -> bool:
    """Whether there is such a version."""
    place = _place(connection, application, scenario)
    if place is None:
        return False
    there = (versions.c.scenario_id == place[0]) & (versions.c.number == number)
    if connection.execute(select(versions.c.id).where(there)).first() is None:
        return False
    connection.execute(update(scenarios).where(scenarios.c.id == place[0]).values(current=number))
    return True


def delete_scenario(connection: Connection, application: str, scenario: str) -> bool:
    """With all its versions; whether there was one."""
    there = (scenarios.c.application == application) & (scenarios.c.name == scenario)
    return connection.execute(delete(scenarios).where(there)).rowcount > 0


def current_versions(connection: Connection) -> list[StoredVersion]:
    """Of all scenarios of all applications, in the order of their names."""
    query = (
        select(versions.c.id, versions.c.number, versions.c.digest, versions.c.main, scenarios)
        .join(scenarios, scenarios.c.id == versions.c.scenario_id)
        .where(versions.c.number == scenarios.c.current)
        .order_by(scenarios.c.application, scenarios.c.name)
    )
    rows = connection.execute(query).all()
    return [_loaded(connection, row.id, row) for row in rows]


def _loaded(connection: Connection, version_id: int, row: Any) -> StoredVersion:
    code = select(modules.c.name, modules.c.source).where(modules.c.version_id == version_id)
    audio = select(sounds.c.name, sounds.c.sha256).where(sounds.c.version_id == version_id)
    return StoredVersion(
        application=row.application,
        scenario=row.name,
        number=row.number,
        digest=row.digest,
        main=row.main,
        modules={row.name: row.source for row in connection.execute(code)},
        sounds={row.name: row.sha256 for row in connection.execute(audio)},
    )


def list_versions(
    connection: Connection, application: str, scenario: str
) -> list[dict[str, Any]] | None:
    """Newest first; None when there is no such scenario."""
    place = _place(connection, application, scenario)
    if place is None:
        return None
    query = select(
        versions.c.number, versions.c.digest, versions.c.created_at, versions.c.created_by
    ).where(versions.c.scenario_id == place[0])
    rows = connection.execute(query.order_by(versions.c.number.desc())).mappings()
    return [
        {"version": row["number"], **{k: row[k] for k in row if k != "number"}}
        | {"current": row["number"] == place[1]}
        for row in rows
    ]


def used_digests(connection: Connection) -> set[str]:
    return set(connection.execute(select(versions.c.digest).distinct()).scalars())


def used_sounds(connection: Connection) -> set[str]:
    return set(connection.execute(select(sounds.c.sha256).distinct()).scalars())


def list_rules(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """By application, in order."""
    found: dict[str, list[dict[str, Any]]] = {}
    query = select(rules).order_by(rules.c.application, rules.c.position)
    for row in connection.execute(query).mappings():
        values = {key: row[key] for key in row if key not in ("application", "position")}
        found.setdefault(row["application"], []).append(values)
    return found


def put_rules(connection: Connection, application: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """These, in this order, instead of those that were there."""
    connection.execute(delete(rules).where(rules.c.application == application))
    if rows:
        values = [
            {"application": application, "position": position, **row}
            for position, row in enumerate(rows)
        ]
        connection.execute(insert(rules), values)


def _place(connection: Connection, application: str, scenario: str) -> tuple[int, int] | None:
    there = (scenarios.c.application == application) & (scenarios.c.name == scenario)
    row = connection.execute(select(scenarios.c.id, scenarios.c.current).where(there)).first()
    return None if row is None else (row.id, row.current)
