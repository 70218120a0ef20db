"""Damaged session descriptions: only SdpError and NegotiationError come out, in linear time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sip.sdp import (
    LocalMedia,
    MediaCapabilities,
    NegotiationError,
    SdpError,
    SessionDescription,
    SrtpPolicy,
    accept_answer,
    answer_offer,
    make_offer,
)
from tests.bench.processor import growth
from tests.bench.sip_parser import OFFER
from tests.fuzz.mutation import mutated
from tests.sip.sdp.offers import CAPS, LOCAL
from tests.sip.sdp.test_keying import KEYED
from tests.sip.sdp.test_session import EXAMPLE
from tests.torture.messages import torture_message

ENCRYPTED = [MediaCapabilities(srtp=policy, rtcp_mux=True) for policy in list(SrtpPolicy)[1:]]
SEEDS = [
    OFFER.encode(),
    EXAMPLE,
    torture_message("wsinv").partition(b"\r\n\r\n")[2],
    make_offer(CAPS, LOCAL).to_bytes(),
    *(make_offer(caps, KEYED).to_bytes() for caps in ENCRYPTED),
]
WORDS = [
    *(b"\r\n", b"\n", b"\r", b"\x00", b"\xff", b" ", b":", b"=", b"/", b"\xd9\xa3", b"9" * 30),
    *(b"m=audio 1 RTP/AVP 0\r\n", b"m=video 0 x y\r\n", b"c=IN IP4 0.0.0.0\r\n", b"c=IN IP6 ::1"),
    *(
        b"a=rtpmap:0 x/1/1\r\n",
        b"a=sendonly\r\n",
        b"a=rtcp:",
        b"a=rtcp:5 IN IP4 224.0.0.1\r\n",
        b"a=rtcp-mux\r\n",
        b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:",
        b"RTP/SAVP",
        b"|2^20",
        b"|1:4",
        b" KDR=0",
        b"a=maxptime:1\r\n",
        b"a=" + b"x" * 99,
    ),
]
OUR_OFFER = make_offer(CAPS, LOCAL)


def negotiate(data: bytes) -> None:
    """All that a leg does with a body, as an offer and as an answer."""
    try:
        session = SessionDescription.parse(data)
    except SdpError:
        session = OUR_OFFER
    assert SessionDescription.parse(session.to_bytes()) == session
    refusals = _refusals(session, CAPS, LOCAL)
    for caps in ENCRYPTED:
        refusals += _refusals(session, caps, KEYED)
    for refusal in refusals:
        header = refusal.warning_header("host")
        assert header.isascii()
        assert header.isprintable()
        assert header.count('"') == 2


def _refusals(
    session: SessionDescription, caps: MediaCapabilities, local: LocalMedia
) -> list[NegotiationError]:
    refusals: list[NegotiationError] = []
    try:
        answer, _ = answer_offer(session, caps, local)
        assert SessionDescription.parse(answer.to_bytes()) == answer
        assert len(answer.media) == len(session.media)
        assert sum(stream.port != 0 for stream in answer.media) == 1
        make_offer(caps, local, previous=answer).to_bytes()
    except NegotiationError as exc:
        refusals.append(exc)
    try:
        accept_answer(make_offer(caps, local), session, caps)
    except NegotiationError as exc:
        refusals.append(exc)
    return refusals


def test_damaged_descriptions_raise_nothing_but_their_own_errors() -> None:
    for data in mutated(SEEDS, WORDS, seed=3264):
        negotiate(data)


@given(st.binary(max_size=200))
@settings(deadline=None, max_examples=200)
def test_noise_raises_nothing_but_sdp_errors(data: bytes) -> None:
    negotiate(data)
    negotiate(b"v=0\r\n" + data)
    negotiate(b"v=0\r\nc=IN IP4 1.2.3.4\r\nm=audio 9 RTP/AVP 0 96\r\na=rtpmap:96 " + data)


@pytest.mark.parametrize(
    "unit",
    ["\r\na=rtpmap:96 x/8000", "\r\nm=audio 1 RTP/AVP 0", " 0", "\r\na=fmtp:0 " + "x" * 20, "9"],
)
def test_the_time_grows_with_the_size_and_no_faster(unit: str) -> None:
    def work(units: int) -> None:
        text = "v=0\r\nc=IN IP4 1.2.3.4\r\nm=audio 9 RTP/AVP 0" + unit * units
        negotiate(text.encode()[:60_000])

    assert growth(work, small=20, factor=32) < 32 * 4
