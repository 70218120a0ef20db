"""Pings trunks with OPTIONS (RFC 3261 11) and tells the log when one goes down or comes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import trio

from runtime.decisions.trunk_health import ANSWER_S, TrunkHealth, TrunkState
from runtime.legs.sip.trunk.desk import TrunkDesk
from runtime.legs.sip.trunks import Trunk
from sip.agent import request_outside
from sip.auth import Credentials
from sip.endpoint import Endpoint
from sip.message import NameAddr, Uri


class TrunkWatch:
    """A task for each trunk that is to be pinged."""

    def __init__(
        self,
        endpoint: Endpoint,
        trunks: Sequence[Trunk],
        desk: TrunkDesk,
        *,
        log: Callable[[str], object],
        warn: Callable[[str], object],
    ) -> None:
        self._endpoint = endpoint
        self._trunks = [trunk for trunk in trunks if trunk.policy.ping_s]
        self._desk = desk
        self._log = log
        self._warn = warn
        self._sleeps: dict[str, trio.CancelScope] = {}
        desk.suspected = self._suspect

    async def run(self) -> None:
        """Ping until cancelled."""
        now = trio.current_time()
        async with trio.open_nursery() as nursery:
            for trunk in self._trunks:
                health = TrunkHealth(interval_s=trunk.policy.ping_s, since=now)
                self._desk.health[trunk.name] = health
                nursery.start_soon(self._watch, trunk, health)

    def _suspect(self, name: str) -> None:
        health, sleep = self._desk.health.get(name), self._sleeps.get(name)
        if health is not None and sleep is not None:
            health.suspect(trio.current_time())
            sleep.deadline = health.due

    async def _watch(self, trunk: Trunk, health: TrunkHealth) -> None:
        while True:
            with trio.CancelScope(deadline=health.due) as self._sleeps[trunk.name]:
                await trio.sleep_forever()
            before, since = health.state, health.since
            if not await self._ping(trunk, health):
                continue
            if health.state is TrunkState.DOWN:
                self._warn(f"trunk {trunk.name} is down: {health.reason}")
                continue
            down = f", after {health.since - since:.0f} s" if before is TrunkState.DOWN else ""
            took = f"answers in {(health.latency_s or 0) * 1000:.0f} ms"
            self._log(f"trunk {trunk.name} is up{down}: {took}")

    async def _ping(self, trunk: Trunk, health: TrunkHealth) -> bool:
        sent_at = trio.current_time()
        caller = NameAddr(uri=Uri(scheme="sip", user="callstage", host=trunk.uri.host))
        accept = [("Accept", "application/sdp")]
        request = request_outside("OPTIONS", trunk.uri, caller, self._endpoint.ids, headers=accept)
        known = Credentials(trunk.user, trunk.password) if trunk.user and trunk.password else None
        with trio.move_on_after(ANSWER_S):
            outcome = await self._endpoint.ask(request, trunk.uri, known)
            now = trio.current_time()
            if outcome.response is None:
                return health.failed(outcome.reason, now)
            chance = self._endpoint.ids.fraction()
            return health.answered(outcome.status, outcome.reason, sent_at, now, chance)
        return health.failed(f"no answer to OPTIONS within {ANSWER_S:g} s", trio.current_time())
