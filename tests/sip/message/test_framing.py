"""Streams to messages, whatever the chunks: bodies, keep-alives, faults, limits."""

from __future__ import annotations

import pytest

from sip.message import KeepAlive, Message, MessageError, Request, StreamFramer
from sip.message.limits import MAX_BODY_BYTES, MAX_HEAD_BYTES
from tests.sip.message.wire import options, wire
from tests.torture.messages import torture_message

PING, PONG = KeepAlive(double=True), KeepAlive(double=False)

Outcome = Message | KeepAlive | tuple[int, bool]


def outcomes(framer: StreamFramer, data: bytes) -> list[Outcome]:
    """All that one read gives: items in order, faults as (status, fatal)."""
    found: list[Outcome] = []
    while True:
        try:
            found += framer.feed(data)
        except MessageError as exc:
            found += [*exc.before, (exc.status, exc.fatal)]
            if exc.fatal:
                return found
            data = b""
        else:
            return found


def in_chunks(data: bytes, size: int) -> list[Outcome]:
    framer, found = StreamFramer(), list[Outcome]()
    for at in range(0, len(data), size):
        found += outcomes(framer, data[at : at + size])
        if found and isinstance(found[-1], tuple) and found[-1][1]:
            break
    return found


def request(body: str = "", *headers: str) -> bytes:
    return options(f"Content-Length: {len(body)}", *headers, body=body)


def test_two_messages_in_one_read() -> None:
    found = StreamFramer().feed(request("abc") + request())
    assert [m.body for m in found if isinstance(m, Request)] == [b"abc", b""]


def test_a_message_comes_when_its_last_byte_has_come() -> None:
    data = request("abc")
    framer = StreamFramer()
    for at in range(len(data) - 1):
        assert framer.feed(data[at : at + 1]) == []
    [message] = framer.feed(data[-1:])
    assert isinstance(message, Request)
    assert message.body == b"abc"


STREAMS = {
    "two messages": request("abc") + request("", "X: y"),
    "keep-alives between": b"\r\n\r\n" + request("abc") + b"\r\n" + request() + b"\r\n\r\n\r\n",
    "bare line feeds": b"\n" + request("abc").replace(b"\r\n", b"\n") + b"\n\n",
    "a folded header": request("abc", "Subject: a", " b") + request(),
    "a bad header line": request("abc", "nonsense") + request("def"),
    "a bad version": request("abc").replace(b"SIP/2.0\r", b"SIP/7.0\r") + request("def"),
    "two lengths": request() + request("abc", "Content-Length: 3") + request(),
    "a negative length": options("Content-Length: -1") + request(),
    "another protocol": request() + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + request(),
    "noise": b"\x16\x03\x01\n\r\n" + request(),
    "an unfinished message": request() + b"OPTIONS sip:h",
    "a long body": request("x" * 5000) + request(),
}


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_chunks_do_not_matter(name: str, size: int) -> None:
    data = STREAMS[name]
    assert in_chunks(data, size) == in_chunks(data, len(data))


def test_every_split_of_two_messages_gives_both() -> None:
    data = request("abc") + b"\r\n" + request()
    whole = in_chunks(data, len(data))
    for at in range(len(data)):
        framer = StreamFramer()
        assert outcomes(framer, data[:at]) + outcomes(framer, data[at:]) == whole


def test_every_second_line_end_in_a_row_is_a_ping() -> None:
    framer = StreamFramer()
    assert framer.feed(b"\r\n") == [PONG]
    assert framer.feed(b"\r") == []
    assert framer.feed(b"\n") == [PING]
    assert framer.feed(b"\r\n\r\n") == [PONG, PING]
    assert framer.feed(b"\r\n" + request())[0] == PONG
    assert framer.feed(b"\r\n") == [PONG]


def test_without_content_length_there_is_no_body() -> None:
    [first, second] = StreamFramer().feed(options() + request("abc"))
    assert isinstance(first, Request)
    assert isinstance(second, Request)
    assert (first.body, second.body) == (b"", b"abc")


def test_a_body_of_unknown_length_loses_the_framing() -> None:
    found = outcomes(StreamFramer(), options("Content-Type: application/sdp", body="v=0"))
    assert found == [(400, True)]


def test_a_bad_message_is_answered_and_the_next_one_read() -> None:
    framer = StreamFramer()
    with pytest.raises(MessageError) as caught:
        framer.feed(request() + request("abc", "nonsense") + request("def"))
    error = caught.value
    assert not error.fatal
    assert len(error.before) == 1
    assert isinstance(error.message, Request)
    assert error.message.call_id == "x@y"
    [following] = framer.feed(b"")
    assert isinstance(following, Request)
    assert following.body == b"def"


def test_after_lost_framing_nothing_more_is_read() -> None:
    framer = StreamFramer()
    for _ in range(2):
        with pytest.raises(MessageError) as caught:
            framer.feed(options("Content-Length: x") + request())
        assert caught.value.fatal


@pytest.mark.parametrize("name", ["ncl", "mcl01"])
def test_torture_messages_that_lose_the_framing(name: str) -> None:
    assert outcomes(StreamFramer(), torture_message(name)) == [(400, True)]


def test_clerr_waits_for_the_rest_of_its_body() -> None:
    framer = StreamFramer()
    assert framer.feed(torture_message("clerr")) == []
    assert len(framer.feed(b"x" * 9999)) == 1


def test_dblreq_is_two_messages_and_a_surplus_that_is_none() -> None:
    found = outcomes(StreamFramer(), torture_message("dblreq"))
    assert [item.method for item in found if isinstance(item, Request)] == ["REGISTER", "INVITE"]
    assert found[1] == PONG
    assert found[-1] == (400, True)


def test_headers_without_end_are_bounded() -> None:
    framer = StreamFramer()
    assert framer.feed(b"X" * (MAX_HEAD_BYTES - 1)) == []
    with pytest.raises(MessageError) as caught:
        framer.feed(b"X")
    assert (caught.value.status, caught.value.fatal) == (513, True)


def test_bodies_are_bounded() -> None:
    head = wire(f"Content-Length: {MAX_BODY_BYTES + 1}", "Call-ID: x")
    with pytest.raises(MessageError) as caught:
        StreamFramer().feed(head)
    assert (caught.value.status, caught.value.fatal) == (413, True)
    assert caught.value.message is not None
    assert caught.value.message.call_id == "x"
