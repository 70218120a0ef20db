"""Numbers of applications: whose each one is, and which of its scenarios takes it.

A number is one application's; the others' rules never take calls to it. What the operator named
comes first, as for rules.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

from runtime.applications.catalogue import Catalogue
from runtime.applications.faults import Fault, Kind, Refused, unknown
from runtime.applications.reading import raise_faults, read_table, read_text
from runtime.config.settings import MAX_CUSTOM_DATA
from runtime.session.rules import Number
from runtime.store import Database
from runtime.store import numbers as stored

NUMBER: Final = re.compile(r"[A-Za-z0-9.*#+~_-]{1,64}")
"""A dialled user part: a telephone number, an extension, a name."""
MAX_NUMBERS: Final = 10_000
"""Of all applications: looked up by the whole number, some MB of memory."""


class ApplicationNumbers:
    """`load` before calls are taken."""

    def __init__(
        self, store: Database, catalogue: Catalogue, wall_time: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._wall_time = wall_time

    async def load(self) -> None:
        """Those that were set before. Raises StoreError."""
        rows = await self._store.read(stored.list_numbers)
        self._catalogue.set_numbers(_number(row) for row in rows)

    def listing(self, application: str) -> list[dict[str, Any]]:
        """In order."""
        there = self._catalogue.numbers
        return [_shown(there[each]) for each in sorted(there) if _is_of(there[each], application)]

    async def put(self, application: str, number: str, body: Any) -> tuple[dict[str, Any], bool]:
        """Set one; how it is shown, and whether it is new. Raises Refused."""
        async with self._catalogue.changing:
            there = self._catalogue.known(application)
            before = self._catalogue.numbers.get(number)
            if before is not None and before.application != application:
                raise Refused(Kind.CONFLICT, f"the number {number!r} belongs to somebody else")
            if before is None and len(self._catalogue.numbers) >= MAX_NUMBERS:
                raise Refused(Kind.FULL, f"there are {MAX_NUMBERS} numbers, the limit")
            new = _read(application, number, body, there.bundles)
            row = {**_shown(new), "application": application, "changed_at": self._wall_time()}
            await self._store.write(partial(stored.put_number, row=row))
            self._catalogue.set_numbers([*self._catalogue.numbers.values(), new])
            self._catalogue.serve()
        return _shown(new), before is None

    async def delete(self, application: str, number: str) -> None:
        """Calls in progress go on. Raises Refused."""
        async with self._catalogue.changing:
            found = self._catalogue.numbers.get(number)
            if found is None or not _is_of(found, application):
                raise unknown(f"{application[:64]} has no number {number[:64]!r}")
            await self._store.write(partial(stored.delete_number, number=number))
            left = [each for each in self._catalogue.numbers.values() if each != found]
            self._catalogue.set_numbers(left)
            self._catalogue.serve()


def _read(application: str, number: str, body: Any, scenarios: Iterable[str]) -> Number:
    faults: list[Fault] = []
    if not NUMBER.fullmatch(number):
        faults.append(("number", "must be 1 to 64 letters, digits, and . * # + ~ _ -"))
    given = read_table(body, "", {"scenario", "custom_data"}, faults)
    scenario = read_text(given, "scenario", faults)
    data = read_text(given, "custom_data", faults)
    if scenario and scenario not in scenarios:
        there = ", ".join(sorted(scenarios)[:10]) or "none"
        faults.append(("scenario", f"is not uploaded; there are: {there}"))
    if data and not scenario:
        faults.append(("custom_data", "goes with a scenario; rules have their own"))
    if len(data.encode()) > MAX_CUSTOM_DATA:
        faults.append(("custom_data", f"has more than {MAX_CUSTOM_DATA} bytes, the limit"))
    raise_faults(f"the number {number[:64]!r} is not set", faults)
    return Number(number=number, application=application, scenario=scenario, custom_data=data)


def _number(row: dict[str, Any]) -> Number:
    return Number(**{key: row[key] for key in row if key != "changed_at"})


def _is_of(number: Number, application: str) -> bool:
    return number.application == application


def _shown(number: Number) -> dict[str, Any]:
    return {
        "number": number.number,
        "scenario": number.scenario,
        "custom_data": number.custom_data,
    }
