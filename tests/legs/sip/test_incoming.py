"""INVITEs on their way to the session registry."""

from __future__ import annotations

from typing import cast

import attrs
import trio
from trio.testing import MockClock

from runtime.decisions.problems import Calls
from runtime.legs.leg import Ended, Leg, LegEvent, Trace
from runtime.legs.sip.incoming import (
    MAX_ARRIVING,
    IncomingCalls,
    RefusedCall,
    identity_of,
)
from runtime.legs.sip.settings import OPEN_TIMEOUT_S, LegSettings
from runtime.legs.sip.trace import TraceBook
from runtime.media.port import MediaLeg, MediaPort, MediaUnavailable
from tests.legs.sip.fakes import FakeMediaLeg, FakeSession, ended, invite, offer


@attrs.define
class FakeEngine:
    """Gives legs out, when its gate is open."""

    gate: trio.Event = attrs.field(factory=trio.Event)
    refusal: str = ""
    legs: list[FakeMediaLeg] = attrs.field(factory=list)

    async def open_leg(self) -> MediaLeg:
        await self.gate.wait()
        if self.refusal:
            raise MediaUnavailable(self.refusal)
        self.legs.append(FakeMediaLeg())
        return self.legs[-1]


@attrs.define
class Desk:
    """Everything around IncomingCalls."""

    engine: FakeEngine = attrs.field(factory=FakeEngine)
    book: TraceBook = attrs.field(factory=lambda: TraceBook(lambda: 0.0))
    delivered: list[Leg] = attrs.field(factory=list)
    refused: list[RefusedCall] = attrs.field(factory=list)
    calls: IncomingCalls = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        settings = LegSettings(
            media=cast(MediaPort, self.engine),
            book=self.book,
            now=lambda: 0.0,
            new_number=lambda: 77,
        )
        self.calls = IncomingCalls(
            settings, deliver=self.delivered.append, on_refused=self.refused.append
        )

    def call(self, sdp: bytes | None = None, uri: str = "sip:100@127.0.0.1") -> FakeSession:
        session = FakeSession(invite(uri), offer() if sdp is None else sdp)
        session.observer = self.calls.on_invite(session.as_session)
        return session


async def settled() -> None:
    await trio.testing.wait_all_tasks_blocked()


async def test_a_call_is_delivered_with_its_identity(nursery: trio.Nursery) -> None:
    desk = Desk()
    desk.engine.gate.set()
    await nursery.start(desk.calls.run)
    session = desk.call(uri="sip:1%3B00@127.0.0.1;x=1")
    await settled()
    [leg] = desk.delivered
    assert session.asked == []
    assert leg.incoming
    identity = leg.identity
    assert (identity.number, identity.callerid, identity.display_name) == ("1;00", "ann", "Ann")
    assert identity.to_uri == "sip:1%3B00@127.0.0.1;x=1"
    assert identity.from_uri == "sip:ann@127.0.0.2"
    assert identity.headers == {"X-Colour": "blue"}
    assert identity.remote == "udp:127.0.0.2:5060"
    nursery.cancel_scope.cancel()


async def test_codecs_that_we_lack_get_488_with_a_warning_that_names_them(
    nursery: trio.Nursery,
) -> None:
    desk = Desk()
    desk.engine.gate.set()
    await nursery.start(desk.calls.run)
    session = desk.call(offer(formats="18 9"))
    await settled()
    assert desk.delivered == []
    [asked] = session.asked
    assert asked.status == 488
    [(name, warning)] = asked.headers
    assert name == "Warning"
    assert "G729" in warning
    assert "G722" in warning
    assert '"E2111 ' in warning
    assert [(r.code, r.kind) for r in desk.refused] == [(488, Calls.NO_AUDIO_IN_COMMON)]
    assert [leg.closed for leg in desk.engine.legs] == [1]
    nursery.cancel_scope.cancel()


async def test_an_unreadable_description_gets_400(nursery: trio.Nursery) -> None:
    desk = Desk()
    desk.engine.gate.set()
    await nursery.start(desk.calls.run)
    session = desk.call(b"v=1\r\n")
    await settled()
    assert session.names() == ["reject 400"]
    assert [leg.closed for leg in desk.engine.legs] == [1]
    nursery.cancel_scope.cancel()


async def test_without_audio_the_call_gets_503_and_may_come_back(nursery: trio.Nursery) -> None:
    desk = Desk(FakeEngine(refusal="all 5000 ports are taken"))
    desk.engine.gate.set()
    await nursery.start(desk.calls.run)
    session = desk.call()
    await settled()
    [asked] = session.asked
    assert asked.status == 503
    assert dict(asked.headers)["Retry-After"] == "5"
    assert "all 5000 ports are taken" in desk.refused[0].reason
    assert desk.refused[0].kind is Calls.NO_AUDIO
    nursery.cancel_scope.cancel()


async def test_an_engine_that_hangs_costs_the_caller_a_bounded_wait(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    desk = Desk()
    await nursery.start(desk.calls.run)
    session = desk.call()
    await trio.sleep(OPEN_TIMEOUT_S - 0.1)
    assert session.asked == []
    await trio.sleep(0.2)
    assert session.names() == ["reject 503"]
    nursery.cancel_scope.cancel()


async def test_a_caller_that_hangs_up_early_leaves_nothing_behind(nursery: trio.Nursery) -> None:
    desk = Desk()
    await nursery.start(desk.calls.run)
    session = desk.call()
    await settled()
    session.say(ended("remote", "cancel", 487))
    desk.engine.gate.set()
    await settled()
    assert desk.delivered == []
    assert session.asked == []
    assert [leg.closed for leg in desk.engine.legs] == [1]
    nursery.cancel_scope.cancel()


async def test_a_hang_up_right_after_the_delivery_reaches_the_leg(nursery: trio.Nursery) -> None:
    desk = Desk()
    desk.engine.gate.set()
    await nursery.start(desk.calls.run)
    session = desk.call()
    await settled()
    session.say(ended("remote", "cancel", 487))
    said: list[LegEvent] = []
    desk.delivered[0].listen(said.append)
    assert said == [Ended(code=487, reason="Request Terminated", by="peer")]
    nursery.cancel_scope.cancel()


async def test_a_flood_of_calls_is_refused_beyond_the_bound(nursery: trio.Nursery) -> None:
    desk = Desk()
    await nursery.start(desk.calls.run)
    sessions = [desk.call() for _ in range(MAX_ARRIVING + 2)]
    assert [s.names() for s in sessions[-2:]] == [["reject 503"], ["reject 503"]]
    desk.engine.gate.set()
    await settled()
    assert len(desk.delivered) == MAX_ARRIVING
    nursery.cancel_scope.cancel()


async def test_before_the_runtime_is_ready_calls_get_503() -> None:
    desk = Desk()
    assert desk.call().names() == ["reject 503"]


async def test_the_lines_of_a_call_wait_for_its_leg(nursery: trio.Nursery) -> None:
    desk = Desk()
    desk.engine.gate.set()
    await nursery.start(desk.calls.run)
    before = desk.book.adopt("call-1")
    before.add(Trace(t=0.0, kind="sip", what="in INVITE"))
    desk.book.release("call-1", before)
    desk.call()
    await settled()
    lines: list[Trace] = []
    desk.delivered[0].trace(lines.append)
    assert [line.what for line in lines] == ["in INVITE"]
    nursery.cancel_scope.cancel()


def test_odd_callers_have_an_identity_too() -> None:
    caller = b"J\xfcrgen <tel:+44-20;ext=1>;tag=a".decode("utf-8", "surrogateescape")
    identity = identity_of(FakeSession(invite("tel:+1;x=2", caller)).as_session)
    assert identity.number == "+1"
    assert identity.callerid == "+44-20"
    assert identity.display_name == "J\ufffdrgen"
    assert identity_of(FakeSession(invite("sip:127.0.0.1")).as_session).number == ""
