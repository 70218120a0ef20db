"""How many messages wait for each user: set over HTTP, told to phones that ask, kept over restarts.

Where messages are kept is the application's business; this is what lights the lamp of a phone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from runtime.applications.faults import Fault
from runtime.applications.reading import raise_faults, read_table
from runtime.store import Database
from runtime.store import mailboxes as stored
from runtime.store.mailboxes import StoredMailbox

MAX_MESSAGES: Final = 2**32 - 1
"""RFC 3842 5.2: a count is a 32-bit number."""


class Mailboxes:
    """`load` before calls are taken. `tell` hears user, new and old messages of every change."""

    def __init__(
        self,
        store: Database,
        tell: Callable[[str, int, int], object],
        *,
        wall_time: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._tell = tell
        self._wall_time = wall_time
        self._by_user: dict[str, StoredMailbox] = {}

    async def load(self) -> None:
        """Raises StoreError."""
        for row in await self._store.read(stored.list_mailboxes):
            self._take(row)

    def shown(self, user: str) -> dict[str, Any]:
        """Empty when nobody has set it."""
        return _shown(self._by_user.get(user))

    async def put(self, user: str, body: Any) -> dict[str, Any]:
        """Set what waits; how it is shown. Raises Refused."""
        faults: list[Fault] = []
        given = read_table(body, "", {"new", "old"}, faults)
        if isinstance(body, dict) and "new" not in given:
            faults.append(("new", "is missing: how many messages nobody has heard yet"))
        counts = {name: given.get(name, 0) for name in ("new", "old")}
        for name, count in counts.items():
            if type(count) is not int or not 0 <= count <= MAX_MESSAGES:
                faults.append((name, f"must be a number from 0 to {MAX_MESSAGES}"))
        raise_faults(f"the mailbox of {user[:64]!r} is not set", faults)
        new = StoredMailbox(user=user, changed_at=self._wall_time(), **counts)
        await self._store.write(partial(stored.put_mailbox, new=new))
        self._take(new)
        return _shown(new)

    def forget(self, user: str) -> None:
        """The user is deleted, and its mailbox with it."""
        if self._by_user.pop(user, None) is not None:
            self._tell(user, 0, 0)

    def _take(self, row: StoredMailbox) -> None:
        self._by_user[row.user] = row
        self._tell(row.user, row.new, row.old)


def _shown(row: StoredMailbox | None) -> dict[str, Any]:
    if row is None:
        return {"new": 0, "old": 0, "changed_at": None}
    return {"new": row.new, "old": row.old, "changed_at": row.changed_at}
