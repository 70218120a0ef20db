"""Users of applications over restarts: who is served again, and who cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs
import pytest

from runtime.applications.users import ApplicationUsers, Registering
from runtime.store import Database
from runtime.store.sealing import Key, KeyRing
from runtime.store.users import StoredUser
from sip.auth import secret_of

RING = KeyRing((Key(b"k" * 32),), "the test")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(tmp_path)
    yield opened
    opened.close()


@attrs.define
class Runtime:
    """What one run of the program sees."""

    store: Database
    realm: str = "home"
    algorithms: tuple[str, ...] = ("MD5", "SHA-256")
    served: list[str] = attrs.field(factory=list)
    warned: list[str] = attrs.field(factory=list)
    waiting: dict[str, tuple[int, int]] = attrs.field(factory=dict)

    async def users(self) -> ApplicationUsers:
        def serve(users: Iterable[StoredUser]) -> None:
            self.served = [user.name for user in users]

        registering = Registering(
            realm=self.realm,
            algorithms=self.algorithms,
            configured=frozenset(),
            secret_of=secret_of,
            serve=serve,
            tell_mailbox=lambda user, new, old: self.waiting.update({user: (new, old)}),
        )
        made = ApplicationUsers(
            self.store, RING, registering, warn=self.warned.append, wall_time=lambda: 1.0
        )
        await made.load()
        return made


async def test_users_are_served_again_and_the_digest_may_change(store: Database) -> None:
    users = await Runtime(store, algorithms=("MD5",)).users()
    await users.put("shop", "ann", {"password": "correct-horse"})
    await users.put("shop", "cy", {"ha1": ["0" * 32]})
    again = Runtime(store, algorithms=("SHA-256",))
    await again.users()
    assert again.served == ["ann"]
    assert again.warned == [
        "user cy of shop is not served: it has no secret for SHA-256; set its password"
    ]


async def test_another_realm_needs_passwords_again(store: Database) -> None:
    await (await Runtime(store).users()).put("shop", "ann", {"password": "correct-horse"})
    moved = Runtime(store, realm="elsewhere")
    users = await moved.users()
    assert moved.served == []
    assert "set for the realm 'home'; set it again" in moved.warned[0]
    await users.put("shop", "ann", {"password": "correct-horse"})
    assert moved.served == ["ann"]


async def test_what_waits_for_a_user_is_told_again_and_goes_with_the_user(store: Database) -> None:
    users = await Runtime(store).users()
    await users.put("shop", "ann", {"password": "correct-horse"})
    await users.set_mailbox("shop", "ann", {"new": 2, "old": 1})
    again = Runtime(store)
    restarted = await again.users()
    assert again.waiting == {"ann": (2, 1)}
    await restarted.delete("shop", "ann")
    assert again.waiting == {"ann": (0, 0)}
    last = Runtime(store)
    await last.users()
    assert last.waiting == {}
