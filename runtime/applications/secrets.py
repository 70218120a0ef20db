"""Secrets of applications: set over HTTP, never shown again, for the sessions that begin then.

Values are sealed in the database (store/sealing.py) and in the open in this process alone, which
puts them into requests. What the operator configured cannot be replaced from here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

import attrs
import trio

from runtime.applications.catalogue import MAX_APPLICATIONS
from runtime.applications.faults import Fault, Kind, Refused, unknown
from runtime.applications.reading import check_name, raise_faults, read_table, read_text
from runtime.config.settings import SecretSettings
from runtime.decisions.secrets import (
    MAX_SECRETS,
    SECRET_NAME,
    Secret,
    make_secret,
    read_host,
    why_no_value,
)
from runtime.store import Database
from runtime.store import secrets as stored
from runtime.store.sealing import KeyRing
from runtime.store.secrets import StoredSecret

MAX_HOSTS: Final = 20
"""Of one secret: the list is short, and each entry is a decision."""


class ApplicationSecrets:
    """`load` before sessions run."""

    def __init__(
        self,
        store: Database,
        ring: KeyRing,
        configured: Iterable[SecretSettings],
        wall_time: Callable[[], float] = time.time,
    ) -> None:
        """`configured`: the operator's own."""
        self._store = store
        self._ring = ring
        self._configured = tuple(configured)
        self._wall_time = wall_time
        self._changing = trio.Lock()
        self._by_application: dict[str, dict[str, StoredSecret]] = {}

    async def load(self) -> None:
        """What was set before. Raises StoreError, SealBroken."""
        rows = await self._store.read(partial(stored.list_secrets, ring=self._ring))
        found: dict[str, dict[str, StoredSecret]] = {}
        for row in rows:
            found.setdefault(row.application, {})[row.name] = row
        self._by_application = found

    def of(self, application: str) -> tuple[Secret, ...]:
        """As a session that begins now may use them."""
        there = self._by_application.get(application, {}).values()
        mine = {each.name: make_secret(each.name, each.value, each.hosts) for each in there}
        operators = self._operators(application).values()
        wins = {each.name: make_secret(each.name, each.value, each.hosts) for each in operators}
        return tuple({**mine, **wins}.values())

    def _operators(self, application: str) -> dict[str, SecretSettings]:
        """What is configured for all, and for this one."""
        return {each.name: each for each in self._configured if each.is_for(application)}

    def listing(self, application: str) -> list[dict[str, Any]]:
        """Without values."""
        there = self._by_application.get(application, {})
        return [_shown(there[name]) for name in sorted(there)]

    async def put(self, application: str, name: str, body: Any, *, by: str) -> tuple[Any, bool]:
        """Set or replace one; how it is shown, and whether it is new. Raises Refused."""
        check_name("an application", application)
        value, hosts = self._read(application, name, body)
        new = StoredSecret(
            application=application,
            name=name,
            value=value,
            hosts=hosts,
            changed_at=self._wall_time(),
            changed_by=by,
        )
        async with self._changing:
            self._check_room(application, name)
            write = partial(stored.put_secret, ring=self._ring, new=new)
            is_new = await self._store.write(write)
            there = self._by_application.get(application, {})
            self._by_application[application] = {**there, name: new}
        return _shown(new), is_new

    async def delete(self, application: str, name: str) -> None:
        """Sessions that run keep it. Raises Refused."""
        async with self._changing:
            drop = partial(stored.delete_secret, application=application, name=name)
            if not await self._store.write(drop):
                raise unknown(f"{application[:64]} has no secret {name[:64]!r}")
            left = dict(self._by_application.get(application, {}))
            left.pop(name, None)
            self._by_application[application] = left

    def _read(self, application: str, name: str, body: Any) -> tuple[str, tuple[str, ...]]:
        faults: list[Fault] = []
        if not SECRET_NAME.fullmatch(name):
            faults.append(("name", f"{name[:64]!r} must be 1 to 64 letters, digits, - and _"))
        given = read_table(body, "", {"value", "hosts"}, faults)
        value = read_text(given, "value", faults)
        why = why_no_value(value)
        if why is not None:
            faults.append(("value", why))
        hosts = _read_hosts(given.get("hosts"), faults)
        raise_faults(f"the secret {name[:64]!r} is not set", faults)
        if name in self._operators(application):
            raise Refused(
                Kind.CONFLICT, f"the operator's configuration has a secret {name!r}, which wins"
            )
        return value, hosts

    def _check_room(self, application: str, name: str) -> None:
        there = self._by_application.get(application, {})
        configured = len(self._operators(application))
        if name not in there and len(there) >= MAX_SECRETS - configured:
            raise Refused(
                Kind.FULL,
                f"{application} has {len(there)} secrets and the operator "
                f"{configured}; {MAX_SECRETS} together is the limit",
            )
        others = [each for each, secrets in self._by_application.items() if secrets]
        if application not in others and len(others) >= MAX_APPLICATIONS:
            raise Refused(Kind.FULL, f"{MAX_APPLICATIONS} applications have secrets, the limit")


def _read_hosts(given: Any, faults: list[Fault]) -> tuple[str, ...]:
    if not isinstance(given, list) or not 0 < len(given) <= MAX_HOSTS:
        faults.append(("hosts", f"must list 1 to {MAX_HOSTS} hosts that it is meant for"))
        return ()
    found: list[str] = []
    for number, host in enumerate(given):
        try:
            found.append(read_host(host if isinstance(host, str) else ""))
        except ValueError as exc:
            faults.append((f"hosts[{number}]", str(exc)))
    return tuple(found)


def _shown(secret: StoredSecret) -> dict[str, Any]:
    return attrs.asdict(
        secret, filter=lambda field, _: field.name not in ("application", "value")
    ) | {"hosts": list(secret.hosts)}
