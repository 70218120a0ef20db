"""When an endpoint has sockets: bound all together, left only after the peers were told.

An endpoint runs once. Before and afterwards there is nobody to ask for a call (NotRunningError).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
import trio

from sip.address import BoundAddress, ListenAddress
from sip.agent import EndpointSettings, UserAgent
from sip.dialog import IdSource
from sip.driver import Driver
from sip.transport import (
    AddressBook,
    Names,
    TlsSettings,
    TransportHub,
    WebSocketSettings,
    source_address,
)

CLOSE_S = 4.0
"""For the peers' answers to our last BYEs; then they are on their own."""


class NotRunningError(Exception):
    """A local fault: the endpoint has no sockets yet, or none any more."""


@attrs.frozen(kw_only=True)
class Surroundings:
    """What an endpoint uses of the world besides its sockets."""

    ids: IdSource
    names: Names
    tls: TlsSettings | None
    websocket: WebSocketSettings | None


class Lifecycle:
    """The user agent of one endpoint and its sockets, while there are any."""

    def __init__(self, driver: Driver, surroundings: Surroundings) -> None:
        self._driver = driver
        self._surroundings = surroundings
        self._hub: TransportHub | None = None
        self.agent: UserAgent | None = None
        """From the first `run` on, for ever."""
        self._scope: trio.CancelScope | None = None
        self._stopped = trio.Event()

    async def run(
        self,
        settings: EndpointSettings,
        listeners: Sequence[ListenAddress],
        *,
        prepare: Callable[[UserAgent], None],
        task_status: trio.TaskStatus[list[BoundAddress]],
    ) -> None:
        """Bind all listeners, `prepare` the user agent, and serve until cancelled or closed."""
        if self.agent is not None:
            raise NotRunningError("run(): this endpoint ran before; make a new one")
        driver, around = self._driver, self._surroundings
        hub = self._hub = TransportHub(
            driver, around.names, driver.crashed, tls=around.tls, websocket=around.websocket
        )
        bound = hub.bind(listeners)
        agent = self.agent = UserAgent(
            settings,
            AddressBook(bound, settings.advertise, source_address),
            around.ids,
            gate=driver.ask_gate,
            enter=driver.enter,
        )
        prepare(agent)
        driver.attach(agent, hub)
        try:
            async with trio.open_nursery() as nursery:
                self._scope = nursery.cancel_scope
                await nursery.start(hub.run)
                nursery.start_soon(driver.keep_time, agent)
                task_status.started([listener.address for listener in bound])
        finally:
            self._scope = None
            driver.detach()
            hub.close()
            self._stopped.set()

    async def close(self) -> None:
        """BYE, CANCEL or refuse everything, wait a bounded time for the peers, and stop."""
        agent = self.agent
        if agent is None or self._scope is None:
            return
        agent.drain(0)
        with trio.CancelScope(shield=True):
            self._driver.enter(lambda now: agent.hang_up_all("the endpoint is closing", now))
            with trio.move_on_after(CLOSE_S):
                while not agent.is_idle and self._scope is not None:
                    await self._driver.progress.wait()
            if self._scope is not None:
                self._scope.cancel()
                await self._stopped.wait()

    def running(self, what: str) -> UserAgent:
        """The user agent for `what`; NotRunningError without sockets."""
        if self.agent is None or self._scope is None:
            raise NotRunningError(
                f"{what}(): the endpoint is not running; start run() and wait until it listens"
            )
        return self.agent

    def reload_certificates(self) -> None:
        self.running("reload_certificates")
        if self._hub is not None:
            self._hub.reload_certificates()
