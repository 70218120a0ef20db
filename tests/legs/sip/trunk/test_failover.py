"""Calls over several trunks on real sockets: each trunk is an endpoint that does as it is told."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import cast

import attrs
import pytest
import trio

from runtime.config.settings import SipSettings, TrunkSettings
from runtime.config.trunk import RouteSettings
from runtime.decisions.trunk_load import TrunkLimits
from runtime.legs.leg import Connected, DialRefused, DialRequest, Ended, Leg, Trace
from runtime.legs.sip.gateway import SipGateway
from runtime.media.port import MediaPort
from runtime.testing.conformance import Heard
from sip.address import ListenAddress
from sip.dialog import InviteObserver, InviteSession
from sip.endpoint import Endpoint, EndpointSettings
from tests.legs.sip.bench import QuietEngine, SipFarEnd
from tests.legs.sip.fakes import offer
from tests.ports import free_port

pytestmark = pytest.mark.loopback

Behaviour = Callable[[InviteSession], None]
PATIENCE_S = 0.5
HERE = ListenAddress(transport="udp", host="127.0.0.1", port=0)


def refuses(status: int) -> Behaviour:
    return lambda session: session.reject(status)


def answers(session: InviteSession) -> None:
    session.accept(offer())


def rings_and_fails(session: InviteSession) -> None:
    session.provisional(180)
    session.reject(503)


@attrs.define
class Placed:
    """One call over the route, and everything that was said of it."""

    leg: Leg
    heard: Heard
    lines: list[Trace]
    invited: list[str]
    """The trunks that got an INVITE, in order."""

    def notes(self) -> list[str]:
        return [line.what for line in self.lines if "trunk" in line.what]


@asynccontextmanager
async def route_over(*behaviours: Behaviour | None) -> AsyncIterator[Placed]:
    """A number called over trunks one, two, ...; None is a trunk that is not there."""
    names = ("one", "two", "three")[: len(behaviours)]
    invited: list[str] = []
    async with trio.open_nursery() as nursery:
        ports = [
            await nursery.start(_trunk, name, behaviour, invited) if behaviour else free_port()
            for name, behaviour in zip(names, behaviours, strict=True)
        ]
        gateway = _gateway(names, ports)
        await nursery.start(gateway.run, lambda leg: None)
        leg = await gateway.dialer.dial(DialRequest(kind="pstn", to="+44 20", session_id="s"))
        lines: list[Trace] = []
        leg.trace(lines.append)
        yield Placed(leg, Heard(leg), lines, invited)
        await gateway.close()
        nursery.cancel_scope.cancel()


async def _trunk(
    name: str,
    behaviour: Behaviour,
    invited: list[str],
    *,
    task_status: trio.TaskStatus[int],
) -> None:
    def on_invite(session: InviteSession) -> InviteObserver:
        invited.append(name)
        behaviour(session)
        return SipFarEnd()

    endpoint = Endpoint(EndpointSettings(), on_invite=on_invite)
    async with trio.open_nursery() as nursery:
        [address] = await nursery.start(endpoint.run, [HERE])
        task_status.started(address.port)
        await trio.sleep_forever()


def _gateway(names: Sequence[str], ports: Sequence[int]) -> SipGateway:
    return SipGateway(
        SipSettings(listen=("udp://127.0.0.1:0",)),
        [
            TrunkSettings(name=name, uri=f"sip:127.0.0.1:{port}", first_response_s=PATIENCE_S)
            for name, port in zip(names, ports, strict=True)
        ],
        cast(MediaPort, QuietEngine()),
        routes=[RouteSettings(name="all", to=".*", trunks=tuple(names))],
        on_refused=lambda refused: None,
        on_fault=lambda fault: pytest.fail(fault.traceback),
    )


@pytest.mark.parametrize("first", [refuses(503), refuses(500), None])
async def test_the_next_trunk_takes_over_unnoticed(first: Behaviour | None) -> None:
    async with route_over(first, answers) as placed:
        await placed.heard.wait_for(Connected)
        assert placed.heard.names() == ["Connected"]
        assert placed.invited[-1] == "two"
        assert placed.notes()[0] == "over trunk one: route 'all'"
        assert placed.notes()[-1] == "trying trunk two"
        assert any(line.what.startswith("out INVITE") for line in placed.lines)
        assert any(line.what.startswith("in 200 OK") for line in placed.lines)
        placed.leg.hangup({})
        assert (await placed.heard.wait_for(Ended)).by == "us"


@pytest.mark.parametrize("status", [486, 603, 404])
async def test_the_answer_of_whoever_was_called_is_final(status: int) -> None:
    async with route_over(refuses(status), answers) as placed:
        ended = await placed.heard.wait_for(Ended)
        assert (ended.code, placed.invited) == (status, ["one"])


async def test_a_call_that_rang_is_not_placed_again() -> None:
    async with route_over(rings_and_fails, answers) as placed:
        ended = await placed.heard.wait_for(Ended)
        assert (ended.code, placed.invited) == (503, ["one"])
        assert placed.heard.names() == ["Ringing", "Ended"]


@pytest.mark.parametrize("place", ["first", "last"])
async def test_only_a_trunk_that_has_another_one_behind_it_is_left_for_its_silence(
    place: str,
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        async with trio.open_nursery() as nursery:
            invited: list[str] = []
            other = await nursery.start(
                _trunk, "other", answers if place == "first" else refuses(503), invited
            )
            gateway = _gateway(("one", "two"), (port, other) if place == "first" else (other, port))
            await nursery.start(gateway.run, lambda leg: None)
            leg = await gateway.dialer.dial(DialRequest(kind="pstn", to="+44", session_id="s"))
            heard = Heard(leg)
            if place == "first":
                await heard.wait_for(Connected)
            else:
                with trio.move_on_after(PATIENCE_S * 3):
                    await heard.wait_for(Ended)
                assert heard.names() == []
            leg.hangup({})
            await gateway.close()
            nursery.cancel_scope.cancel()


async def test_when_all_trunks_fail_the_end_says_what_each_of_them_said() -> None:
    async with route_over(refuses(503), refuses(500)) as placed:
        ended = await placed.heard.wait_for(Ended)
        assert ended.code == 500
        assert "trunk one: 503" in ended.reason
        assert "trunk two: 500" in ended.reason
        assert placed.invited == ["one", "two"]


async def test_a_trunk_that_is_full_refuses_a_script_with_the_reason() -> None:
    limits = TrunkLimits(per_second_out=0.01)
    trunk = TrunkSettings(name="one", uri=f"sip:127.0.0.1:{free_port()}", limits=limits)
    gateway = SipGateway(
        SipSettings(listen=("udp://127.0.0.1:0",)),
        [trunk],
        cast(MediaPort, QuietEngine()),
        on_refused=lambda refused: None,
        on_fault=lambda fault: pytest.fail(fault.traceback),
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(gateway.run, lambda leg: None)
        request = DialRequest(kind="pstn", to="112", session_id="s")
        first = await gateway.dialer.dial(request)
        with pytest.raises(DialRefused) as caught:
            await gateway.dialer.dial(request)
        first.hangup({})
        await gateway.close()
        nursery.cancel_scope.cancel()
    assert caught.value.code == 503
    assert caught.value.reason == "trunk one begins 0.01 outbound calls a second, its limit"
