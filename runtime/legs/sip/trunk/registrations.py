"""Keeps our registrations at the trunks that want one: a task for each, over `sip.agent`'s core.

The core decides when what is sent; this shell waits, sends and tells the log what changed. Leaving
removes all bindings at once, in a bounded time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import trio

from runtime.legs.sip.trunks import Trunk
from sip.agent import (
    Registration,
    RegistrationOrder,
    RegistrationState,
    RegistrationStatus,
)
from sip.auth import Credentials
from sip.endpoint import Endpoint
from sip.message import NameAddr, Uri

LEAVE_S: Final = 3.0
"""For all farewells together: a round trip or two each; bindings run out anyway."""


class Registrations:
    """All registrations of one runtime."""

    def __init__(
        self,
        endpoint: Endpoint,
        trunks: Sequence[Trunk],
        new_line: Callable[[], str],
        log: Callable[[str], object],
    ) -> None:
        """`new_line` makes the secret token by which a registrar's calls are known."""
        self._endpoint = endpoint
        self._log = log
        self.lines = {new_line(): trunk for trunk in trunks if trunk.registrars}
        """The tokens in our contacts."""
        self._cores: dict[str, Registration] = {}
        self._leaving = trio.Event()
        self._left = trio.Event()

    async def run(self) -> None:
        """Register, and stay registered until `leave` or cancelled."""
        if self._leaving.is_set():
            return
        now = trio.current_time()
        async with trio.open_nursery() as nursery:
            for line, trunk in self.lines.items():
                order = order_of(trunk, line)
                core = Registration(order, self._endpoint.ids, now)
                self._cores[trunk.name] = core
                nursery.start_soon(self._keep, trunk.name, core)
        self._left.set()

    async def leave(self) -> None:
        """Remove all bindings; bounded, and safe twice."""
        if not self._cores or self._leaving.is_set():
            self._leaving.set()
            return
        for core in self._cores.values():
            core.leave(trio.current_time())
        self._leaving.set()
        with trio.move_on_after(LEAVE_S):
            await self._left.wait()

    def status(self, trunk: str) -> RegistrationStatus | None:
        """None for a trunk without registration."""
        core = self._cores.get(trunk)
        return None if core is None else core.status(trio.current_time())

    def registrar(self, trunk: str) -> Uri | None:
        """Where a trunk has us registered; None while it has not."""
        core = self._cores.get(trunk)
        if core is None or core.status(trio.current_time()).state is not _REGISTERED:
            return None
        return core.registrar

    async def _keep(self, name: str, core: Registration) -> None:
        told: tuple[RegistrationState, str] | None = None
        while core.due is not None:
            with trio.CancelScope(deadline=core.due):
                await self._leaving.wait()
            if core.due is None:
                return
            registrar = core.registrar
            outcome = await self._endpoint.ask(core.request(), registrar)
            core.heard(outcome, trio.current_time())
            status = core.status(trio.current_time())
            if told != (status.state, status.reason) and core.due != trio.current_time():
                told = status.state, status.reason
                self._log(f"trunk {name}: {described(status)}")


_REGISTERED: Final = RegistrationState.REGISTERED


def order_of(trunk: Trunk, line: str) -> RegistrationOrder:
    """What a trunk's configuration asks for."""
    register = trunk.policy.register
    assert register is not None, "a trunk with registrars has a [trunk.register]"
    domain = Uri(scheme="sip", host=trunk.uri.host, port=trunk.uri.port)
    address = Uri(scheme="sip", user=trunk.user, host=trunk.uri.host)
    return RegistrationOrder(
        domain=domain,
        registrars=trunk.registrars,
        address=NameAddr(uri=address),
        contact_user=register.contact_user or trunk.user,
        line=line,
        credentials=Credentials(trunk.user, trunk.password) if trunk.password else None,
        expires_s=register.expires_s,
    )


def described(status: RegistrationStatus) -> str:
    """One line for people."""
    match status.state:
        case RegistrationState.REGISTERED:
            seconds = status.expires_in_s or 0.0
            return f"registered at {status.registrar} for {seconds:.0f} s"
        case RegistrationState.LEFT:
            return "no longer registered"
        case RegistrationState.REFUSED | RegistrationState.FAILING:
            wait = "" if status.next_in_s is None else f"; next try in {status.next_in_s:.0f} s"
            return f"not registered: {status.reason}{wait}"
        case RegistrationState.REGISTERING:
            return "registering"


def as_json(status: RegistrationStatus) -> dict[str, object]:
    """For probes."""
    return {
        "state": status.state.value,
        "registrar": status.registrar,
        "reason": status.reason,
        "expires_in_s": _rounded(status.expires_in_s),
        "next_in_s": _rounded(status.next_in_s),
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
