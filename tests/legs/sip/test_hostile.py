"""A peer may say anything: legs refuse, note and go on, and never raise into the endpoint."""

from __future__ import annotations

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.legs.leg import DialRefused, DialRequest, Ended
from runtime.legs.sip.incoming import identity_of
from runtime.legs.sip.info import understand_info
from runtime.legs.sip.media_session import MediaSession, capabilities, local_media
from runtime.legs.sip.reason import end_of_leg, first_cause
from runtime.legs.sip.route import OutgoingRules
from sip.dialog import events
from sip.message import Headers
from sip.sdp import NegotiationError, SdpError
from tests.legs.sip.fakes import ADDRESS, FakeSession, ended, invite, offer, stage

EXAMPLES = 300
"""Per property; the corpus in tests/fuzz goes deeper."""

_NEAR_SDP = st.lists(
    st.sampled_from(
        [
            b"v=0",
            b"o=p 1 1 IN IP4 127.0.0.2",
            b"c=IN IP4 0.0.0.0",
            b"c=IN IP6 ::1",
            b"c=IN IP4 224.0.0.1/3",
            b"t=0 0",
            b"m=audio 4000 RTP/AVP 0 8 101",
            b"m=audio 0 RTP/AVP 0",
            b"m=audio 99999 RTP/AVP 0",
            b"m=video 4002 RTP/AVP 96",
            b"a=rtpmap:101 telephone-event/8000",
            b"a=rtpmap:0 L16/44100/2",
            b"a=sendonly",
            b"a=inactive",
            b"a=maxptime:10",
            b"a=rtcp:0",
            b"\xff\xfe",
        ]
    ),
    max_size=20,
).map(lambda lines: b"\r\n".join(lines))

_TEXT = st.text(st.characters(exclude_categories=(), exclude_characters="\r\n\0"), max_size=60)
_LATIN = _TEXT.map(lambda text: text.encode("utf-8", "replace").decode("utf-8", "surrogateescape"))


@settings(max_examples=EXAMPLES, deadline=None)
@given(first=st.one_of(_NEAR_SDP, st.binary(max_size=200)), second=_NEAR_SDP)
def test_descriptions_are_taken_or_refused(first: bytes, second: bytes) -> None:
    session = MediaSession(capabilities(), local_media(ADDRESS, 1))
    for sdp in (first, second, offer()):
        try:
            agreement = session.answer(sdp)
        except (SdpError, NegotiationError):
            continue
        assert agreement.stream.remote_port > 0
        assert agreement.stream.codec in ("PCMU", "PCMA")
    assert session.stream is not None


@settings(max_examples=EXAMPLES, deadline=None)
@given(answers=st.lists(st.one_of(_NEAR_SDP, st.none()), max_size=4))
def test_any_answers_leave_a_leg_with_one_end_at_most(answers: list[bytes | None]) -> None:
    made = stage(incoming=False)
    for sdp in answers:
        made.session.say(events.Provisional(status=183, reason="", headers=Headers(), sdp=sdp))
    final = answers[-1] if answers else None
    made.session.say(events.Answered(status=200, reason="OK", headers=Headers(), sdp=final))
    made.session.say(events.ReinviteReceived(Headers(), final))
    made.session.say(ended("remote", "bye", 200))
    assert made.names().count("Ended") == 1
    assert isinstance(made.said[-1], Ended)
    assert made.media.closed == 1


@settings(max_examples=EXAMPLES, deadline=None)
@given(kind=_LATIN, body=st.binary(max_size=300))
def test_an_info_is_a_key_a_text_or_nothing(kind: str, body: bytes) -> None:
    understand_info(kind, body, Headers())
    understand_info("application/dtmf-relay", body, Headers())


@settings(max_examples=EXAMPLES, deadline=None)
@given(value=_LATIN)
def test_a_reason_is_read_or_left(value: str) -> None:
    try:
        headers = Headers([("Reason", value)])
    except ValueError:
        return  # what the message parser would not have let through
    first_cause(headers)
    event = events.Ended(by="remote", kind="bye", status=200, reason="", headers=headers)
    told = end_of_leg(event, connected=True)
    told.reason.encode("utf-8")
    "".join(told.headers.values()).encode("utf-8")


@settings(max_examples=EXAMPLES, deadline=None)
@given(uri=_LATIN)
def test_every_request_uri_has_a_destination(uri: str) -> None:
    identity = identity_of(FakeSession(invite()).as_session)
    assert identity.number == "100"
    request = invite()
    request.uri = uri
    odd = identity_of(FakeSession(request).as_session)
    odd.number.encode("utf-8")
    odd.to_uri.encode("utf-8")


@settings(max_examples=EXAMPLES, deadline=None)
@given(to=_TEXT, callerid=_TEXT, proxy=_TEXT)
def test_a_dial_string_is_routed_or_refused(to: str, callerid: str, proxy: str) -> None:
    rules = OutgoingRules(trunks=(), only_loopback=True, host="127.0.0.1")
    for kind in ("sip", "pstn"):
        for target in (to, f"sip:{to}@127.0.0.1", f"sip:a@127.0.0.1;{to}"):
            request = DialRequest(kind=kind, to=target, callerid=callerid, out_proxy=proxy)
            with contextlib.suppress(DialRefused):
                route = rules.route(request)
                assert str(route.target).startswith("sip:")
                assert "\r" not in str(route.from_)
