"""What everything that claims to be a Leg must do, as one suite: subclass `LegConformance`.

An adapter brings a bench: it makes one leg and the far end of it. The far end speaks in abstract
steps (invited, 180, 183, answered, cancelled, bye, rejected, held, resumed, info), so that legs on
a wire and simulated legs pass the same tests. Nothing here knows a protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol, TypeVar

import attrs
import trio

from runtime.legs.leg import (
    Connected,
    DialRequest,
    EarlyMedia,
    Ended,
    Headers,
    Held,
    InfoReceived,
    Leg,
    LegEvent,
    Reinvited,
    Resumed,
    Ringing,
    ToneSignalled,
    Trace,
)

STEP_TIMEOUT_S: Final = 10.0
"""No step of a leg on loopback takes this long; a suite that waits longer has found a fault."""
POLL_S: Final = 0.005
"""How often a wait looks again; small beside one 20 ms frame."""


@attrs.frozen(kw_only=True)
class Step:
    """One thing that the far end saw the leg do."""

    name: str
    """invited, 180, 183, answered, cancelled, bye, rejected, info."""
    code: int = 0
    """Of a refusal."""
    text: str = ""
    """Body of an info, reason of a refusal."""
    headers: Headers = attrs.field(factory=dict[str, str])
    """X-* and User-to-User headers that came with it."""


class FarEnd(Protocol):
    """Whoever is on the other side of the leg. A method that makes no sense for its role
    (a caller that rejects, a called party that cancels) is never called by the suite."""

    @property
    def steps(self) -> Sequence[Step]:
        """What the leg did, in order, as seen from here."""
        ...

    async def ring(self, headers: Headers) -> None: ...
    async def early_media(self, headers: Headers) -> None: ...
    async def answer(self, headers: Headers) -> None: ...
    async def reject(self, code: int, reason: str) -> None: ...
    async def cancel(self) -> None: ...
    async def bye(self, cause: int | None = None) -> None:
        """Hang up; with `cause`, a Reason header that carries it as a Q.850 cause."""

    async def hold(self) -> None: ...
    async def resume(self) -> None: ...
    async def info(self, mime_type: str, body: str) -> None: ...
    async def press(self, tone: str) -> None:
        """One key, by signalling and not as audio."""


class LegBench(Protocol):
    """Makes legs that are connected to a far end."""

    async def incoming(self, number: str, headers: Headers) -> tuple[Leg, FarEnd]:
        """The far end calls `number`; return when the leg has been handed over."""
        ...

    async def outgoing(self, request: DialRequest) -> tuple[Leg, FarEnd]:
        """The leg dials the far end; return when the far end was invited."""
        ...


EventT = TypeVar("EventT")


class Heard:
    """The events of one leg, in order."""

    def __init__(self, leg: Leg) -> None:
        self.events: list[LegEvent] = []
        leg.listen(self.events.append)

    async def wait_for(self, kind: type[EventT]) -> EventT:
        await until(lambda: any(isinstance(event, kind) for event in self.events))
        return next(event for event in self.events if isinstance(event, kind))

    def names(self) -> list[str]:
        return [type(event).__name__ for event in self.events]


async def until(condition: Callable[[], bool]) -> None:
    """Return as soon as `condition` holds; fail after STEP_TIMEOUT_S."""
    with trio.fail_after(STEP_TIMEOUT_S):
        while not condition():  # noqa: ASYNC110 - legs have no event to wait on; bounded above
            await trio.sleep(POLL_S)


async def saw(far: FarEnd, name: str) -> Step:
    """The first step of that name, waited for."""
    await until(lambda: any(step.name == name for step in far.steps))
    return next(step for step in far.steps if step.name == name)


def count(far: FarEnd, name: str) -> int:
    return sum(step.name == name for step in far.steps)


REQUEST: Final = DialRequest(
    kind="sip", to="sip:far@127.0.0.1", callerid="200", headers={"X-Order": "7"}
)


class _Suite:
    """How a subclass says which adapter is under test."""

    def bench(self) -> AbstractAsyncContextManager[LegBench]:
        raise NotImplementedError(f"{type(self).__name__} must return its LegBench here")

    async def connected(self, bench: LegBench) -> tuple[Leg, FarEnd, Heard]:
        """An incoming leg, answered and acknowledged."""
        leg, far = await bench.incoming("100", {})
        heard = Heard(leg)
        leg.answer({})
        await heard.wait_for(Connected)
        return leg, far, heard


class IncomingConformance(_Suite):
    """Legs that were called."""

    async def test_an_incoming_leg_says_who_calls_and_what_was_dialled(self) -> None:
        async with self.bench() as bench:
            leg, _ = await bench.incoming("100", {"X-Colour": "blue"})
            assert leg.incoming
            assert leg.identity.number == "100"
            assert leg.identity.headers == {"X-Colour": "blue"}
            assert leg.media.address.rtp_port > 0

    async def test_ring_is_seen_by_the_caller_and_fires_nothing(self) -> None:
        async with self.bench() as bench:
            leg, far = await bench.incoming("100", {})
            heard = Heard(leg)
            leg.ring({"X-Why": "busy soon"})
            assert (await saw(far, "180")).headers == {"X-Why": "busy soon"}
            assert heard.events == []

    async def test_early_media_is_seen_by_the_caller(self) -> None:
        async with self.bench() as bench:
            leg, far = await bench.incoming("100", {})
            heard = Heard(leg)
            leg.early_media({})
            await saw(far, "183")
            assert heard.events == []
            assert count(far, "answered") == 0

    async def test_connected_follows_an_answer(self) -> None:
        async with self.bench() as bench:
            leg, far = await bench.incoming("100", {})
            heard = Heard(leg)
            leg.ring({})
            leg.answer({"X-Agent": "5"})
            await heard.wait_for(Connected)
            assert (await saw(far, "answered")).headers == {"X-Agent": "5"}
            assert heard.names() == ["Connected"]

    async def test_a_second_answer_does_nothing(self) -> None:
        async with self.bench() as bench:
            leg, far, heard = await self.connected(bench)
            leg.answer({})
            leg.hangup({})
            await saw(far, "bye")
            await heard.wait_for(Ended)
            assert heard.names() == ["Connected", "Ended"]
            assert count(far, "answered") == 1

    async def test_a_rejected_caller_sees_the_code_and_the_reason(self) -> None:
        async with self.bench() as bench:
            leg, far = await bench.incoming("100", {})
            heard = Heard(leg)
            leg.reject(486, "Busy Here", {})
            assert (await saw(far, "rejected")).code == 486
            ended = await heard.wait_for(Ended)
            assert (ended.code, ended.by) == (486, "us")

    async def test_cancel_before_the_answer_ends_with_487(self) -> None:
        async with self.bench() as bench:
            leg, far = await bench.incoming("100", {})
            heard = Heard(leg)
            leg.ring({})
            await saw(far, "180")
            await far.cancel()
            ended = await heard.wait_for(Ended)
            assert (ended.code, ended.by) == (487, "peer")
            assert heard.names() == ["Ended"]

    async def test_events_before_listen_are_replayed(self) -> None:
        async with self.bench() as bench:
            leg, far = await bench.incoming("100", {})
            await far.cancel()
            await trio.sleep(POLL_S)
            heard = Heard(leg)
            assert (await heard.wait_for(Ended)).code == 487

    async def test_hanging_up_an_unanswered_leg_refuses_it(self) -> None:
        async with self.bench() as bench:
            leg, far = await bench.incoming("100", {})
            heard = Heard(leg)
            leg.hangup({}, code=480, reason="nobody answered")
            assert (await saw(far, "rejected")).code == 480
            ended = await heard.wait_for(Ended)
            assert (ended.code, ended.by) == (480, "us")

    async def test_trace_lines_from_before_are_replayed(self) -> None:
        async with self.bench() as bench:
            leg, _ = await bench.incoming("100", {})
            lines: list[Trace] = []
            leg.trace(lines.append)
            assert lines
            assert all(line.kind in ("sip", "media") for line in lines)


class ConnectedConformance(_Suite):
    """Legs in the middle and at the end of a conversation."""

    async def test_a_bye_of_the_peer_ends_the_leg_with_200(self) -> None:
        async with self.bench() as bench:
            _, far, heard = await self.connected(bench)
            await far.bye()
            ended = await heard.wait_for(Ended)
            assert (ended.code, ended.by) == (200, "peer")

    async def test_the_cause_of_a_bye_is_the_code_of_the_end(self) -> None:
        async with self.bench() as bench:
            _, far, heard = await self.connected(bench)
            await far.bye(cause=16)
            ended = await heard.wait_for(Ended)
            assert ended.code == 16
            assert "Reason" in ended.headers

    async def test_hanging_up_is_seen_as_a_bye(self) -> None:
        async with self.bench() as bench:
            leg, far, heard = await self.connected(bench)
            leg.hangup({"X-Bill": "1"})
            assert (await saw(far, "bye")).headers == {"X-Bill": "1"}
            ended = await heard.wait_for(Ended)
            assert (ended.code, ended.by) == (200, "us")

    async def test_a_leg_that_has_ended_ignores_everything(self) -> None:
        async with self.bench() as bench:
            leg, far, heard = await self.connected(bench)
            leg.hangup({})
            await heard.wait_for(Ended)
            leg.hangup({})
            leg.ring({})
            leg.early_media({})
            leg.answer({})
            leg.reject(486, "", {})
            leg.send_info("text/plain", "late", {})
            leg.send_message("late")
            await saw(far, "bye")
            assert heard.names() == ["Connected", "Ended"]
            assert count(far, "bye") == 1

    async def test_hold_and_resume_fire_once_each(self) -> None:
        async with self.bench() as bench:
            _, far, heard = await self.connected(bench)
            await far.hold()
            await heard.wait_for(Held)
            await far.hold()
            await far.resume()
            await heard.wait_for(Resumed)
            told = [name for name in heard.names() if name != "Reinvited"]
            assert told == ["Connected", "Held", "Resumed"]

    async def test_a_change_of_the_call_is_told_before_what_it_means(self) -> None:
        async with self.bench() as bench:
            _, far, heard = await self.connected(bench)
            await far.hold()
            await heard.wait_for(Held)
            assert heard.names() == ["Connected", "Reinvited", "Held"]
            change = await heard.wait_for(Reinvited)
            assert change.mime_type == "application/sdp"
            assert "a=sendonly" in change.body

    async def test_a_digit_by_signalling_is_a_tone(self) -> None:
        async with self.bench() as bench:
            _, far, heard = await self.connected(bench)
            await far.press("5")
            await far.press("#")
            await until(lambda: len(heard.events) == 3)
            tones = [event.tone for event in heard.events if isinstance(event, ToneSignalled)]
            assert tones == ["5", "#"]

    async def test_an_info_that_is_no_digit_is_handed_over(self) -> None:
        async with self.bench() as bench:
            _, far, heard = await self.connected(bench)
            await far.info("text/plain", "hello")
            info = await heard.wait_for(InfoReceived)
            assert (info.mime_type, info.body) == ("text/plain", "hello")

    async def test_an_info_of_ours_is_seen(self) -> None:
        async with self.bench() as bench:
            leg, far, _ = await self.connected(bench)
            leg.send_info("application/json", '{"a": 1}', {"X-Part": "2"})
            step = await saw(far, "info")
            assert step.text == '{"a": 1}'
            assert step.headers == {"X-Part": "2"}


class OutgoingConformance(_Suite):
    """Legs that we dialled."""

    async def test_the_far_end_sees_the_invitation_with_its_headers(self) -> None:
        async with self.bench() as bench:
            leg, far = await bench.outgoing(REQUEST)
            assert not leg.incoming
            assert leg.identity.headers == {}
            assert (await saw(far, "invited")).headers == {"X-Order": "7"}

    async def test_ringing_early_media_and_answer_come_in_order(self) -> None:
        async with self.bench() as bench:
            leg, far = await bench.outgoing(REQUEST)
            heard = Heard(leg)
            await far.ring({"X-A": "1"})
            assert (await heard.wait_for(Ringing)).headers == {"X-A": "1"}
            await far.early_media({"X-B": "2"})
            assert (await heard.wait_for(EarlyMedia)).headers == {"X-B": "2"}
            await far.answer({"X-C": "3"})
            assert (await heard.wait_for(Connected)).headers == {"X-C": "3"}
            assert heard.names() == ["Ringing", "EarlyMedia", "Connected"]

    async def test_a_refusal_ends_with_its_code_and_reason(self) -> None:
        async with self.bench() as bench:
            leg, far = await bench.outgoing(REQUEST)
            heard = Heard(leg)
            await far.reject(603, "Decline")
            ended = await heard.wait_for(Ended)
            assert (ended.code, ended.reason, ended.by) == (603, "Decline", "peer")

    async def test_hanging_up_before_the_answer_cancels(self) -> None:
        async with self.bench() as bench:
            leg, far = await bench.outgoing(REQUEST)
            heard = Heard(leg)
            await far.ring({})
            await heard.wait_for(Ringing)
            leg.hangup({})
            await saw(far, "cancelled")
            ended = await heard.wait_for(Ended)
            assert (ended.code, ended.by) == (487, "us")
            assert heard.names() == ["Ringing", "Ended"]

    async def test_giving_up_on_an_unanswered_call_keeps_the_code(self) -> None:
        async with self.bench() as bench:
            leg, far = await bench.outgoing(REQUEST)
            heard = Heard(leg)
            await far.ring({})
            await heard.wait_for(Ringing)
            leg.hangup({}, code=408, reason="no answer within 60 s")
            await saw(far, "cancelled")
            ended = await heard.wait_for(Ended)
            assert (ended.code, ended.reason, ended.by) == (408, "no answer within 60 s", "us")

    async def test_either_side_can_end_an_answered_call(self) -> None:
        async with self.bench() as bench:
            leg, far = await bench.outgoing(REQUEST)
            heard = Heard(leg)
            await far.answer({})
            await heard.wait_for(Connected)
            await far.bye()
            assert (await heard.wait_for(Ended)).by == "peer"
        async with self.bench() as bench:
            leg, far = await bench.outgoing(REQUEST)
            heard = Heard(leg)
            await far.answer({})
            await heard.wait_for(Connected)
            leg.hangup({})
            await saw(far, "bye")
            assert (await heard.wait_for(Ended)).by == "us"


class LegConformance(IncomingConformance, ConnectedConformance, OutgoingConformance):
    """The whole suite; name the subclass Test... so that pytest collects it."""
