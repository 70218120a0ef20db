"""SIP messages become lines of the leg they belong to."""

from __future__ import annotations

from runtime.legs.leg import Trace
from runtime.legs.sip.trace import (
    MAX_DETAIL_BYTES,
    MAX_OTHER_CALLS,
    MAX_WAITING_LINES,
    REMEMBERED_S,
    TraceBook,
)
from sip.address import BoundAddress, PeerAddress
from sip.agent import SipTrace


def message(
    call_id: str | None = "c1", data: bytes = b"INVITE sip:1@h SIP/2.0\r\n\r\n"
) -> SipTrace:
    return SipTrace(
        direction="in",
        transport="udp",
        local=BoundAddress(transport="udp", host="127.0.0.1", port=5060),
        remote=PeerAddress(transport="udp", host="127.0.0.2", port=5070),
        data=data,
        call_id=call_id,
        summary="INVITE sip:1@h",
        retransmission=False,
    )


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_lines_from_before_the_leg_are_replayed_and_later_ones_follow() -> None:
    clock = Clock()
    book = TraceBook(clock)
    book.on_trace(message())
    clock.now = 1.0
    lines: list[Trace] = []
    book.adopt("c1").listen(lines.append)
    book.on_trace(message())
    assert [line.t for line in lines] == [0.0, 1.0]
    assert lines[0].what == "in INVITE sip:1@h from udp:127.0.0.2:5070"
    assert lines[0].kind == "sip"


def test_lines_after_the_end_still_arrive_for_a_while() -> None:
    clock = Clock()
    book = TraceBook(clock)
    lines: list[Trace] = []
    leg = book.adopt("c1")
    leg.listen(lines.append)
    book.release("c1", leg)
    book.on_trace(message())
    clock.now = REMEMBERED_S + 1
    book.on_trace(message("other"))
    book.on_trace(message())
    assert len(lines) == 1


def test_a_live_call_outlasts_a_flood_of_others() -> None:
    book = TraceBook(Clock())
    lines: list[Trace] = []
    book.adopt("c1").listen(lines.append)
    for n in range(MAX_OTHER_CALLS * 2):
        book.on_trace(message(f"flood-{n}"))
    book.on_trace(message())
    assert len(lines) == 1
    assert len(book._others) == MAX_OTHER_CALLS


def test_waiting_lines_and_long_messages_are_bounded() -> None:
    book = TraceBook(Clock())
    for _ in range(MAX_WAITING_LINES * 2):
        book.on_trace(message(data=b"x" * 60_000))
    lines: list[Trace] = []
    book.adopt("c1").listen(lines.append)
    assert len(lines) == MAX_WAITING_LINES
    assert len(lines[0].detail) == MAX_DETAIL_BYTES


def test_messages_without_a_call_are_nobodys() -> None:
    book = TraceBook(Clock())
    book.on_trace(message(call_id=None))
    assert not book._others


def test_both_legs_of_a_call_to_ourselves_have_their_lines() -> None:
    book = TraceBook(Clock())
    calling: list[Trace] = []
    called: list[Trace] = []
    book.on_trace(message())
    first = book.adopt("c1")
    first.listen(calling.append)
    book.on_trace(message())
    second = book.adopt("c1")
    second.listen(called.append)
    book.on_trace(message())
    book.release("c1", first)
    book.on_trace(message())
    book.release("c1", second)
    assert (len(calling), len(called)) == (3, 3)
    assert book.live == 0
