"""The border of messages on a WebSocket, without a network: a wsproto client on the other side."""

from __future__ import annotations

import random

import pytest
from wsproto import ConnectionType, WSConnection, events
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)

from sip.transport.arrivals import Answer, Arrival, Damaged, Lost, Pong, Whole
from sip.transport.limits import MAX_WEBSOCKET_MESSAGE_BYTES
from sip.transport.websocket import Accepted, Rejected, WebSocketFraming, WebSocketSettings

OPTIONS = (
    "OPTIONS sip:us@h SIP/2.0\r\nVia: SIP/2.0/WS x.invalid;branch=z9hG4bK1\r\n"
    "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n"
)
SITE = "https://phone.example.com"


class Pair:
    """A client that was let in, and the framing that it talks to."""

    def __init__(self) -> None:
        self.client = WSConnection(ConnectionType.CLIENT)
        self.framing = WebSocketFraming(WebSocketSettings())
        hello = Request(host="h", target="/", subprotocols=["sip"])
        verdict = self.framing.shake_hands(self.client.send(hello))
        assert isinstance(verdict, Accepted)
        assert [type(event) for event in self.back(verdict.reply)] == [AcceptConnection]

    def send(self, event: Event) -> list[Arrival]:
        return self.framing.feed(self.client.send(event))

    def back(self, data: bytes) -> list[Event]:
        """What the client makes of our bytes."""
        self.client.receive_data(data)
        return list(self.client.events())


def handshake(**changes: str | None) -> bytes:
    headers: dict[str, str | None] = {
        "Host": "sip.example.com",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol": "sip",
        "Sec-WebSocket-Version": "13",
    }
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join(["GET / HTTP/1.1", *lines, "", ""]).encode("latin-1")


def judged(data: bytes, *origins: str) -> Accepted | Rejected | None:
    return WebSocketFraming(WebSocketSettings(origins=origins)).shake_hands(data)


def test_the_handshake_of_the_rfc_is_accepted_byte_by_byte() -> None:
    framing = WebSocketFraming(WebSocketSettings())
    *most, last = handshake()
    assert all(framing.shake_hands(bytes([byte])) is None for byte in most)
    verdict = framing.shake_hands(bytes([last]))
    assert isinstance(verdict, Accepted)
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in verdict.reply
    assert b"sec-websocket-protocol: sip" in verdict.reply.lower()


@pytest.mark.parametrize(
    ("data", "status", "why"),
    [
        (handshake(Sec_WebSocket_Protocol=None), 400, "sub-protocol 'sip' is not offered"),
        (handshake(Sec_WebSocket_Protocol="xmpp, mqtt"), 400, "sub-protocol 'sip' is not offered"),
        (handshake(Sec_WebSocket_Version="8"), 426, "no WebSocket handshake"),
        (handshake(Upgrade=None), 400, "no WebSocket handshake"),
        (handshake(Host="\xff.example"), 400, "no WebSocket handshake"),
        (handshake(Sec_WebSocket_Protocol="s\xffp"), 400, "no WebSocket handshake"),
        (handshake(Origin=SITE), 403, f"pages of '{SITE}' may not connect"),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", 400, "no WebSocket handshake"),
        (OPTIONS.encode(), 400, "no WebSocket handshake"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000, 400, "no WebSocket handshake"),
    ],
)
def test_other_handshakes_are_refused_with_the_reason(data: bytes, status: int, why: str) -> None:
    verdict = judged(data)
    assert isinstance(verdict, Rejected)
    assert why in verdict.why
    assert verdict.reply.startswith(b"HTTP/1.1 %d " % status)
    assert verdict.why.encode() in verdict.reply


@pytest.mark.parametrize(
    ("origin", "allowed", "welcome"),
    [
        (SITE, [SITE], True),
        (SITE.upper(), [SITE], True),
        (SITE + ":8443", [SITE], False),
        ("http://phone.example.com", [SITE], False),
        ("https://phone.example.com.evil.example", [SITE], False),
        ("null", [SITE], False),
        ("https://anybody.example", ["*"], True),
        (None, [SITE], True),
    ],
)
def test_pages_of_named_sites_may_connect(
    origin: str | None, allowed: list[str], welcome: bool
) -> None:
    verdict = judged(handshake(Origin=origin), *allowed)
    assert isinstance(verdict, Accepted if welcome else Rejected)


def test_text_and_binary_messages_are_the_same() -> None:
    for event in (TextMessage(data=OPTIONS), BytesMessage(data=OPTIONS.encode())):
        [arrival] = Pair().send(event)
        assert isinstance(arrival, Whole)
        assert str(arrival.message) == "OPTIONS sip:us@h"


def test_fragments_are_joined_with_pings_between_them() -> None:
    pair = Pair()
    assert pair.send(TextMessage(data=OPTIONS[:50], message_finished=False)) == []
    [pong] = pair.send(Ping(payload=b"still there?"))
    assert isinstance(pong, Answer)
    assert pair.back(pong.data) == [events.Pong(payload=b"still there?")]
    assert pair.send(TextMessage(data=OPTIONS[50:60], message_finished=False)) == []
    [arrival] = pair.send(TextMessage(data=OPTIONS[60:]))
    assert isinstance(arrival, Whole)


def test_bytes_may_come_one_at_a_time() -> None:
    pair = Pair()
    data = pair.client.send(TextMessage(data=OPTIONS)) * 2
    found = [arrival for byte in data for arrival in pair.framing.feed(bytes([byte]))]
    assert [type(arrival) for arrival in found] == [Whole, Whole]


def test_what_comes_with_the_handshake_is_not_lost() -> None:
    framing = WebSocketFraming(WebSocketSettings())
    spare = Pair().client.send(TextMessage(data=OPTIONS))
    assert isinstance(framing.shake_hands(handshake() + spare), Accepted)
    [arrival] = framing.feed(b"")
    assert isinstance(arrival, Whole)


@pytest.mark.parametrize("pieces", [1, 7])
def test_a_message_over_the_bound_closes_with_1009(pieces: int) -> None:
    pair = Pair()
    size = MAX_WEBSOCKET_MESSAGE_BYTES // pieces + 1
    found: list[Arrival] = []
    for number in range(1, pieces + 1):
        found += pair.send(BytesMessage(data=b"x" * size, message_finished=number == pieces))
    answer, lost = found
    assert isinstance(answer, Answer)
    assert isinstance(lost, Lost)
    assert lost.reason == f"a message of over {MAX_WEBSOCKET_MESSAGE_BYTES} bytes"
    [close] = pair.back(answer.data)
    assert isinstance(close, CloseConnection)
    assert close.code == 1009
    assert pair.framing.feed(b"anything") == []


def test_a_frame_that_announces_a_terabyte_holds_no_memory() -> None:
    pair = Pair()
    head = b"\x82\xff" + (2**40).to_bytes(8, "big") + b"mask"
    assert pair.framing.feed(head) == []
    found: list[Arrival] = []
    for _ in range(MAX_WEBSOCKET_MESSAGE_BYTES // 60_000 + 1):
        found += pair.framing.feed(b"x" * 60_000)
    assert [type(arrival) for arrival in found] == [Answer, Lost]


def test_crlf_keep_alives_are_answered_too() -> None:
    pair = Pair()
    [pong] = pair.send(TextMessage(data="\r\n\r\n"))
    assert isinstance(pong, Answer)
    assert pair.back(pong.data) == [TextMessage(data="\r\n")]
    assert pair.send(TextMessage(data="\r\n")) == [Pong()]


def test_nonsense_in_a_message_is_damage_and_the_connection_goes_on() -> None:
    pair = Pair()
    [arrival] = pair.send(TextMessage(data="hello"))
    assert isinstance(arrival, Damaged)
    [whole] = pair.send(TextMessage(data=OPTIONS))
    assert isinstance(whole, Whole)


def test_a_close_is_answered_with_its_code() -> None:
    pair = Pair()
    answer, lost = pair.send(CloseConnection(code=1000, reason="bye"))
    assert isinstance(answer, Answer)
    assert lost == Lost("the peer closed the WebSocket (1000)")
    [close] = pair.back(answer.data)
    assert isinstance(close, CloseConnection)
    assert pair.framing.wrap(b"late") == b""
    assert pair.framing.farewell("late") == b""


def test_frames_without_mask_close_with_1002() -> None:
    pair = Pair()
    answer, lost = pair.framing.feed(b"\x81\x05hello")
    assert isinstance(answer, Answer)
    assert isinstance(lost, Lost)
    [close] = pair.back(answer.data)
    assert isinstance(close, CloseConnection)
    assert close.code == 1002


def test_our_messages_are_text_where_they_can_be() -> None:
    pair = Pair()
    assert pair.back(pair.framing.wrap(b"SIP/2.0 200 OK")) == [TextMessage(data="SIP/2.0 200 OK")]
    assert pair.back(pair.framing.wrap(b"\xff")) == [BytesMessage(data=bytearray(b"\xff"))]


def test_a_farewell_says_that_we_go_away() -> None:
    pair = Pair()
    [close] = pair.back(pair.framing.farewell("idle"))
    assert isinstance(close, CloseConnection)
    assert (close.code, close.reason) == (1001, "idle")


def test_no_bytes_make_it_raise() -> None:
    chance = random.Random(7118)
    good = Pair().client.send(TextMessage(data=OPTIONS))
    for _ in range(2_000):
        noise = bytearray(good)
        for _ in range(chance.randrange(1, 6)):
            noise[chance.randrange(min(len(noise), 14))] = chance.randrange(256)
        pair = Pair()
        found = [*pair.framing.feed(bytes(noise)), *pair.framing.feed(good)]
        lost = [arrival for arrival in found if isinstance(arrival, Lost)]
        assert len(lost) <= 1
        framing = WebSocketFraming(WebSocketSettings())
        mangled = bytearray(handshake())
        mangled[chance.randrange(len(mangled))] = chance.randrange(256)
        verdict = framing.shake_hands(bytes(mangled))
        assert verdict is None or isinstance(verdict, Accepted | Rejected)


def test_a_refusal_can_be_read_by_a_client() -> None:
    client = WSConnection(ConnectionType.CLIENT)
    hello = client.send(Request(host="h", target="/", subprotocols=["xmpp"]))
    verdict = judged(hello)
    assert isinstance(verdict, Rejected)
    client.receive_data(verdict.reply)
    first = next(client.events())
    assert isinstance(first, RejectConnection)
    assert first.status_code == 400
