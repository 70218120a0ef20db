"""Users of applications: set over HTTP, known to the registrar at once, passwords never kept.

A name is one user's on this machine, whoever set it first; those of the configuration come first.
What is kept of a password is its digest secret, sealed (store/users.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

import attrs
import trio

from runtime.applications.faults import Fault, Kind, Refused, unknown
from runtime.applications.mailboxes import Mailboxes
from runtime.applications.reading import check_name, raise_faults, read_table, read_text
from runtime.config.passwords import HA1, HA1_ALGORITHMS, USER_NAME, why_no_password
from runtime.config.users import MAX_USERS
from runtime.store import Database
from runtime.store import users as stored
from runtime.store.sealing import KeyRing
from runtime.store.users import StoredUser

MAX_CONTACTS: Final = 12
"""As in the configuration: a call rings them all at once."""
USUAL_CONTACTS: Final = 5
MAX_DISPLAY_NAME: Final = 128


@attrs.frozen(kw_only=True)
class Registering:
    """What the registrar says about all users."""

    realm: str
    algorithms: tuple[str, ...]
    """That phones are offered: every user needs a secret for each."""
    configured: frozenset[str]
    """Names of the operator's own users."""
    secret_of: Callable[[str, str, str, str], str]
    """H(A1) for algorithm, name, realm and password."""
    serve: Callable[[Iterable[StoredUser]], object]
    """Told who there is whenever that changes."""
    tell_mailbox: Callable[[str, int, int], object]
    """Told what waits for a user, new and old messages, whenever that changes."""


class ApplicationUsers:
    """`load` before calls are taken."""

    def __init__(
        self,
        store: Database,
        ring: KeyRing,
        registering: Registering,
        *,
        warn: Callable[[str], object],
        wall_time: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._ring = ring
        self._registering = registering
        self._warn = warn
        self._wall_time = wall_time
        self._changing = trio.Lock()
        self._users: dict[str, StoredUser] = {}
        self._mailboxes = Mailboxes(store, registering.tell_mailbox, wall_time=wall_time)

    async def load(self) -> None:
        """Those that were set before. Raises StoreError, SealBroken."""
        rows = await self._store.read(partial(stored.list_users, ring=self._ring))
        self._users = {row.name: row for row in rows}
        for user in rows:
            why = self._why_not(user)
            if why:
                self._warn(f"user {user.name} of {user.application} is not served: {why}")
        self._serve()
        await self._mailboxes.load()

    def listing(self, application: str) -> list[dict[str, Any]]:
        """Without anything about passwords, by name."""
        shown = (user for user in self._users.values() if user.application == application)
        return [_shown(user) for user in sorted(shown, key=lambda user: user.name)]

    async def put(self, application: str, name: str, body: Any) -> tuple[dict[str, Any], bool]:
        """Set or change one; how it is shown, and whether it is new. Raises Refused."""
        check_name("an application", application)
        async with self._changing:
            before = self._users.get(name)
            if name in self._registering.configured:
                raise Refused(Kind.CONFLICT, f"the configuration has a user {name!r}, which wins")
            if before is not None and before.application != application:
                raise Refused(Kind.CONFLICT, f"the name {name!r} is taken")
            if before is None and len(self._users) >= MAX_USERS:
                raise Refused(Kind.FULL, f"there are {MAX_USERS} users, the limit")
            new = self._read(application, name, body, before)
            await self._store.write(partial(stored.put_user, ring=self._ring, new=new))
            self._users[name] = new
            self._serve()
        return _shown(new), before is None

    async def delete(self, application: str, name: str) -> None:
        """Its phones are forgotten; calls in progress go on. Raises Refused."""
        async with self._changing:
            user = self._users.get(name)
            if user is None or user.application != application:
                raise unknown(f"{application[:64]} has no user {name[:64]!r}")
            await self._store.write(partial(stored.delete_user, name=name))
            del self._users[name]
            self._serve()
            self._mailboxes.forget(name)

    def mailbox(self, application: str, name: str) -> dict[str, Any]:
        """What waits for a user of the application, or of the configuration. Raises Refused."""
        self._check_owner(application, name)
        return self._mailboxes.shown(name)

    async def set_mailbox(self, application: str, name: str, body: Any) -> dict[str, Any]:
        """Say what waits; the user's phones are told. Raises Refused."""
        async with self._changing:
            self._check_owner(application, name)
            return await self._mailboxes.put(name, body)

    def _check_owner(self, application: str, name: str) -> None:
        """Users of the configuration are every application's to leave messages for."""
        check_name("an application", application)
        user = self._users.get(name)
        is_its_own = user is not None and user.application == application
        if not is_its_own and name not in self._registering.configured:
            raise unknown(f"{application[:64]} has no user {name[:64]!r}")

    def _serve(self) -> None:
        self._registering.serve(u for u in self._users.values() if not self._why_not(u))

    def _why_not(self, user: StoredUser) -> str:
        """Why a user cannot be asked for its password; empty when it can."""
        ours = self._registering
        if user.realm != ours.realm:
            return f"its password was set for the realm {user.realm!r}; set it again"
        lacking = [name for name in ours.algorithms if name not in user.secrets]
        return f"it has no secret for {', '.join(lacking)}; set its password" if lacking else ""

    def _read(
        self, application: str, name: str, body: Any, before: StoredUser | None
    ) -> StoredUser:
        faults: list[Fault] = []
        if not USER_NAME.fullmatch(name):
            faults.append(("name", f"{name[:64]!r} must be 1 to 64 letters, digits, . _ ~ + -"))
        known = {"password", "ha1", "display_name", "max_contacts"}
        given = read_table(body, "", known, faults)
        shown = read_text(given, "display_name", faults, before.display_name if before else "")
        if len(shown) > MAX_DISPLAY_NAME or (shown and not shown.isprintable()):
            what = f"must be at most {MAX_DISPLAY_NAME} printable characters"
            faults.append(("display_name", what))
        contacts = given.get("max_contacts", before.max_contacts if before else USUAL_CONTACTS)
        if type(contacts) is not int or not 1 <= contacts <= MAX_CONTACTS:
            faults.append(("max_contacts", f"must be a number from 1 to {MAX_CONTACTS}"))
        secrets = self._secrets(name, given, faults)
        if secrets is None and before is None and not faults:
            faults.append(("password", "is missing: give password, or ha1"))
        raise_faults(f"the user {name[:64]!r} is not set", faults)
        if secrets is None:
            assert before is not None
            return attrs.evolve(
                before,
                display_name=shown,
                max_contacts=contacts,
                changed_at=self._wall_time(),
            )
        return StoredUser(
            name=name,
            application=application,
            realm=self._registering.realm,
            secrets=secrets,
            display_name=shown,
            max_contacts=contacts,
            changed_at=self._wall_time(),
        )

    def _secrets(
        self, name: str, given: dict[str, Any], faults: list[Fault]
    ) -> dict[str, str] | None:
        """H(A1) by algorithm; None when neither password nor ha1 was given."""
        ours = self._registering
        if "ha1" in given and "password" in given:
            faults.append(("ha1", "give password or ha1"))
        elif "ha1" in given:
            return _read_ha1(given["ha1"], ours.algorithms, faults)
        elif "password" in given:
            password = read_text(given, "password", faults)
            why = why_no_password(name, password)
            if why:
                faults.append(("password", why))
            every = HA1_ALGORITHMS.values()  # so that [registrar] digest may change later
            return {each: ours.secret_of(each, name, ours.realm, password) for each in every}
        return None


def _read_ha1(given: Any, algorithms: tuple[str, ...], faults: list[Fault]) -> dict[str, str]:
    texts = given if isinstance(given, list) else []
    good = [each.lower() for each in texts if isinstance(each, str) and HA1.fullmatch(each)]
    found = {HA1_ALGORITHMS[len(each)]: each for each in good}
    if len(good) != len(texts) or not set(algorithms) <= found.keys():
        needed = " and ".join(algorithms)
        faults.append(("ha1", f"must be a list: name:realm:password as {needed}, in hexadecimal"))
    return found


def _shown(user: StoredUser) -> dict[str, Any]:
    return {
        "name": user.name,
        "display_name": user.display_name,
        "max_contacts": user.max_contacts,
        "changed_at": user.changed_at,
    }
