"""Damaged SIP through the whole receive path: only MessageError comes out, chunks do not matter."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sip.auth import Credentials, DigestClient
from sip.message import (
    Headers,
    KeepAlive,
    Message,
    MessageError,
    NameAddr,
    Request,
    Response,
    StreamFramer,
    Uri,
    Via,
    parse_datagram,
    response_to,
    validate,
)
from sip.message.limits import MAX_HEADERS
from sip.message.params import HeaderParams
from tests.bench.processor import growth
from tests.bench.sip_parser import INVITE
from tests.fuzz.mutation import mutated
from tests.torture.messages import torture_messages

SEEDS = [message.data for message in torture_messages()] + [INVITE]
WORDS = [
    *(b"\r\n", b"\n", b"\r", b"\r\n ", b"\r\n\r\n", b"\x00", b"\\\x00", b"\xff", b"\xc3", b"\t"),
    *(b'"', b"\\", b"<", b">", b";", b",", b":", b"@", b"?", b"=", b"%", b"%00", b"[", b"]", b"*"),
    *(
        b"Content-Length: 5\r\n",
        b"l: -1\r\n",
        b"v: SIP/2.0/UDP x\r\n",
        b"t: ",
        b";tag=",
        b"SIP/2.0",
    ),
    *(b"0" * 500, b"9" * 40, b";x" * 70, b"sip:", b"tel:", b"[::1]", b'WWW-Authenticate: Digest "'),
]


MORE_LINES = 200
"""More than the echoes of `receive` add to a message."""


def receive(data: bytes) -> None:
    """All that an endpoint does with a datagram before a transaction sees it."""
    try:
        message = parse_datagram(data)
    except MessageError as exc:
        if exc.message is None:
            return
        message = exc.message
    look_at_everything(message)
    if len(message.headers) + MORE_LINES > MAX_HEADERS:
        return  # what we add to it could not be read back
    again = parse_datagram(message.to_bytes())
    assert again.body == message.body
    if isinstance(message, Request):
        answer = response_to(message, 200, to_tag="x", headers=echoes(message))
        assert parse_datagram(answer.to_bytes()).headers == readable(answer).headers
    else:
        request = Request("INVITE", "sip:h")
        client = DigestClient(Credentials("u", "p"))
        message.status = 401
        if client.challenged(request, message):
            client.authorize(request, "c")
        request.to_bytes()


def readable(message: Response) -> Response:
    """With its Content-Length, as it is written."""
    message.headers.add("Content-Length", str(len(message.body)))
    return message


def look_at_everything(message: Message) -> None:
    views = (
        *(lambda: validate(message), lambda: message.vias, lambda: message.from_),
        *(lambda: message.to, lambda: message.call_id, lambda: message.cseq),
        *(lambda: message.contacts, lambda: message.max_forwards, lambda: message.content_type),
        *(lambda: [via.rport for via in message.vias], lambda: hash(message.from_.uri)),
    )
    faults: list[MessageError] = []
    for view in views:
        try:
            view()
        except MessageError as exc:
            faults.append(exc)
    assert all(400 <= fault.status <= 599 and fault.reason for fault in faults)


def echoes(message: Request) -> list[tuple[str, str]]:
    """What was received and read can be written: raw values and typed ones."""
    echoed = [("X-Raw", value) for _, value in message.headers]
    for name in ("Via", "Contact", "Route", "Record-Route", "To", "From"):
        for value in message.headers.values(name):
            try:
                address = NameAddr.parse(value)
            except MessageError:
                continue
            assert NameAddr.parse(str(address)) == address
            echoed.append(("X-Typed", str(address)))
    return echoed[:MORE_LINES]


def test_damaged_messages_raise_nothing_but_message_errors() -> None:
    for data in mutated(SEEDS, WORDS, seed=3261):
        receive(data)


@given(st.binary(max_size=300))
@settings(deadline=None, max_examples=150)
def test_noise_raises_nothing_but_message_errors(data: bytes) -> None:
    receive(data)
    receive(b"INVITE sip:a@b SIP/2.0\r\nTo: " + data + b"\r\n\r\n")


@given(st.text(max_size=60))
@settings(deadline=None, max_examples=150)
def test_challenges_raise_nothing_but_message_errors(text: str) -> None:
    for line in (text, f'Digest realm="r", nonce="n", {text}', f'Digest realm="{text}", nonce=n'):
        request = Request("INVITE", "sip:h")
        response = Response(401, "", Headers.of_checked([("WWW-Authenticate", line)]))
        client = DigestClient(Credentials("u", "p"))
        if client.challenged(request, response) and "\r" not in text and "\n" not in text:
            client.authorize(request, "c")
            assert not client.challenged(request, response)


@given(st.text(max_size=60))
@settings(deadline=None, max_examples=150)
def test_values_raise_nothing_but_message_errors(text: str) -> None:
    for parse in (Uri.parse, NameAddr.parse, Via.parse, HeaderParams.parse):
        try:
            value = parse(text)
        except MessageError:
            continue
        assert parse(str(value).removeprefix(";")) == value


Outcome = Message | KeepAlive | tuple[int, bool]


def framed(data: bytes, chunks: list[bytes]) -> list[Outcome]:
    framer, found = StreamFramer(), list[Outcome]()
    for chunk in chunks:
        rest: bytes | None = chunk
        while rest is not None:
            try:
                found += framer.feed(rest)
                rest = None
            except MessageError as exc:
                found += [*exc.before, (exc.status, exc.fatal)]
                if exc.fatal:
                    return found
                rest = b""
    return found


def test_damaged_streams_are_cut_alike_byte_by_byte_and_all_at_once() -> None:
    rng = random.Random(5626)
    for data in mutated(SEEDS, WORDS, seed=5626):
        stream = data + rng.choice((b"", b"\r\n", b"\r\n\r\n")) + rng.choice(SEEDS)
        single = [stream[at : at + 1] for at in range(len(stream))]
        assert framed(stream, single) == framed(stream, [stream])


HOSTILE = {
    "digits": "Contact: <tel:{}x>".format,
    "spaces": "Via: SIP/2.0/UDP{}x".format,
    "quotes": 'To: "{}'.format,
    "parameters": "From: <sip:a@h>{}".format,
    "addresses": "Contact: {}".format,
    "escapes": "To: <sip:{}@h>".format,
    "folds": "Subject: a{}".format,
    "lines": "X: y{}".format,
}
UNITS = {
    "digits": "1",
    "spaces": " ",
    "quotes": '\\"',
    "parameters": ';x="\\""',
    "addresses": '"," <sip:a@h>,',
    "escapes": "%41",
    "folds": "\r\n ",
    "lines": "\r\nX: y",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_time_grows_with_the_size_and_no_faster(name: str) -> None:
    def work(units: int) -> None:
        line = HOSTILE[name](UNITS[name] * units)
        head = f"OPTIONS sip:h SIP/2.0\r\nCall-ID: x\r\n{line}\r\n\r\n".encode()
        receive(head[:65_000])

    assert growth(work, small=100, factor=32) < 32 * 4


def test_a_stream_fed_byte_by_byte_costs_linear_time() -> None:
    def work(lines: int) -> None:
        framer = StreamFramer()
        for byte in b"OPTIONS sip:h SIP/2.0\r\n" + b"X: y\r\n" * lines:
            framer.feed(bytes([byte]))

    assert growth(work, small=100, factor=16) < 16 * 4


def test_header_lists_are_split_in_linear_time() -> None:
    def work(elements: int) -> None:
        Headers([("Contact", '"," <sip:a@h>,' * elements)]).values("Contact")

    assert growth(work, small=100, factor=32) < 32 * 4
