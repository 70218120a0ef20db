"""How many SIP messages one core reads and answers: `python -m tests.bench.sip_parser`.

Prints messages per second of process CPU for one INVITE of 1,240 bytes: read alone, read with
all typed fields, the full work of a UAS (read, validated, typed, 200 with SDP written), and
the same with the offer read and negotiated. The first and the third have targets.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from sip.message import Request, parse_datagram, response_to, validate
from sip.sdp import LocalMedia, MediaCapabilities, SessionDescription, answer_offer, make_offer

RAW_TARGET: Final = 40_000
ANSWER_TARGET: Final = 10_000
ROUNDS: Final = 5
"""The best of these counts: the others were disturbed by whatever else runs here."""
MESSAGES: Final = 4_000

OFFER: Final = (
    "v=0\r\n"
    "o=alice 3890844526 3890844526 IN IP4 192.0.2.101\r\n"
    "s=-\r\n"
    "c=IN IP4 192.0.2.101\r\n"
    "t=0 0\r\n"
    "m=audio 49172 RTP/AVP 0 8 9 101\r\n"
    "a=rtpmap:0 PCMU/8000\r\n"
    "a=rtpmap:8 PCMA/8000\r\n"
    "a=rtpmap:9 G722/8000\r\n"
    "a=rtpmap:101 telephone-event/8000\r\n"
    "a=fmtp:101 0-16\r\n"
    "a=ptime:20\r\n"
    "a=sendrecv\r\n"
)

INVITE: Final = (
    "INVITE sip:+442079460123@203.0.113.20:5060;user=phone SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK87asdks7.1;rport=5060;received=192.0.2.10\r\n"
    "Via: SIP/2.0/UDP 192.0.2.101:5060;branch=z9hG4bKnashds8;rport=5062\r\n"
    "Record-Route: <sip:192.0.2.10;lr;ftag=1928301774>\r\n"
    "Max-Forwards: 69\r\n"
    'From: "Alice Liddell" <sip:alice@example.com>;tag=1928301774\r\n'
    "To: <sip:+442079460123@example.com;user=phone>\r\n"
    "Call-ID: a84b4c76e66710@pc33.example.com\r\n"
    "CSeq: 314159 INVITE\r\n"
    "Contact: <sip:alice@192.0.2.101:5060;transport=udp>\r\n"
    "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY\r\n"
    "Supported: 100rel, timer, replaces, norefersub\r\n"
    "Session-Expires: 1800;refresher=uac\r\n"
    "User-Agent: Example Softphone 5.2.1 (build 2291, amd64)\r\n"
    'P-Asserted-Identity: "Alice Liddell" <sip:+442079460999@example.com>\r\n'
    "Date: Sat, 21 Nov 2026 02:50:23 GMT\r\n"
    "X-Rate: 7\r\n"
    "X-Trunk-Id: carrier-7f3e; region=eu-west; attempt=1; rate=standard\r\n"
    "Content-Type: application/sdp\r\n"
    f"Content-Length: {len(OFFER)}\r\n"
    "\r\n" + OFFER
).encode()

_CAPABILITIES: Final = MediaCapabilities()
_LOCAL: Final = LocalMedia(host="203.0.113.20", port=10_000, session_id=3_890_844_527)
_DESCRIPTION: Final = make_offer(_CAPABILITIES, _LOCAL)
_HEADERS: Final = (
    ("Contact", "<sip:203.0.113.20:5060>"),
    ("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY"),
)


def raw() -> object:
    """Start line, header lines, body."""
    return parse_datagram(INVITE)


def typed() -> Request:
    """All that an endpoint looks at."""
    message = parse_datagram(INVITE)
    validate(message)
    assert isinstance(message, Request)
    _ = message.request_uri, message.via, message.from_, message.to, message.call_id
    _ = message.cseq, message.contact, message.max_forwards, message.content_type
    return message


def full_answer() -> bytes:
    """Read, check, write a 200 with SDP."""
    return _answer(typed(), _DESCRIPTION)


def negotiated_answer() -> bytes:
    """As above, with the offer read and answered."""
    request = typed()
    offer = SessionDescription.parse(request.body)
    return _answer(request, answer_offer(offer, _CAPABILITIES, _LOCAL)[0])


def _answer(request: Request, description: SessionDescription) -> bytes:
    response = response_to(
        request,
        200,
        to_tag="8f2c5b1e",
        headers=_HEADERS,
        body=description.to_bytes(),
        content_type="application/sdp",
    )
    return response.to_bytes()


def per_second(work: Callable[[], object]) -> float:
    """Calls per second of CPU, best of the rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(MESSAGES):
            work()
        best = min(best, time.process_time() - start)
    return MESSAGES / best


def main() -> None:
    print(f"INVITE of {len(INVITE)} bytes; answer of {len(full_answer())} bytes; one core")
    print(f"{'read':<28}{per_second(raw):>10,.0f}/s   target {RAW_TARGET:,}")
    print(f"{'read, validated, typed':<28}{per_second(typed):>10,.0f}/s")
    print(f"{'full answer':<28}{per_second(full_answer):>10,.0f}/s   target {ANSWER_TARGET:,}")
    print(f"{'full answer, negotiated':<28}{per_second(negotiated_answer):>10,.0f}/s")


if __name__ == "__main__":
    main()
