"""Session descriptions: reading, forgiving, refusing, writing."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sip.sdp import (
    Attribute,
    Codec,
    Connection,
    Direction,
    MediaDescription,
    Origin,
    SdpError,
    SessionDescription,
)
from sip.sdp.limits import MAX_BYTES, MAX_FORMATS, MAX_LINES, MAX_MEDIA
from tests.sip.sdp.offers import audio, sdp
from tests.torture.messages import torture_message

EXAMPLE = b"""v=0\r
o=jdoe 3724394400 3724394405 IN IP4 198.51.100.1\r
s=Call to John Smith\r
i=SDP Offer #1\r
u=http://www.jdoe.example.com/home.html\r
e=Jane Doe <jane@jdoe.example.com>\r
p=+1 617 555-6011\r
c=IN IP4 198.51.100.1\r
b=AS:128\r
t=0 0\r
a=tool:x:y\r
m=audio 49170/2 RTP/AVP 0 96\r
i=voice\r
c=IN IP6 2001:db8::2\r
b=TIAS:64000\r
a=rtpmap:96 opus/48000/2\r
a=fmtp:96 useinbandfec=1\r
a=sendonly\r
m=video 51372 RTP/AVP 99\r
a=rtpmap:99 h263-1998/90000\r
"""


def test_a_whole_description() -> None:
    session = SessionDescription.parse(EXAMPLE)
    assert session.origin == Origin(
        user="jdoe", session_id="3724394400", version="3724394405", host="198.51.100.1"
    )
    assert session.session_name == "Call to John Smith"
    assert session.bandwidths == ("AS:128",)
    assert session.attribute("tool") == "x:y"
    voice, video = session.media
    assert (voice.kind, voice.port, voice.port_count) == ("audio", 49170, 2)
    assert voice.connection == Connection("IP6", "2001:db8::2")
    assert voice.bandwidths == ("TIAS:64000",)
    assert voice.codecs() == [Codec("PCMU", 0), Codec("opus", 96, 48000, 2, "useinbandfec=1")]
    assert session.connection_of(voice) == Connection("IP6", "2001:db8::2")
    assert session.connection_of(video) == Connection("IP4", "198.51.100.1")
    assert session.direction_of(voice) is Direction.SENDONLY
    assert session.direction_of(video) is Direction.SENDRECV
    assert SessionDescription.parse(session.to_bytes()) == session


def test_what_is_written_is_in_the_order_of_the_standard() -> None:
    text = str(SessionDescription.parse(EXAMPLE))
    assert [line[0] for line in text.splitlines()] == list("voscbtamcbaaama")


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n\r\n"])
def test_any_line_end_ends_a_line(end: bytes) -> None:
    assert SessionDescription.parse(EXAMPLE.replace(b"\r\n", end)) == (
        SessionDescription.parse(EXAMPLE)
    )


def test_missing_origin_name_and_time_are_forgiven() -> None:
    session = SessionDescription.parse(b"v=0\nc=IN IP4 1.2.3.4\nm=audio 9 RTP/AVP 0")
    assert session.origin == Origin()
    assert (session.session_name, session.times) == ("-", ("0 0",))
    assert session.media[0].port == 9


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\r\n",
        "hello",
        "o=a 1 1 IN IP4 h",
        "v=1",
        "v=0\nm =audio 9 RTP/AVP 0",
        "v=0\no=alice 1 IN IP4 h",
        "v=0\nc=IN IP4",
        "v=0\nm=audio",
        "v=0\nm=audio 9",
        "v=0\nm=audio x RTP/AVP 0",
        "v=0\nm=audio -1 RTP/AVP 0",
        "v=0\nm=audio 65536 RTP/AVP 0",
        "v=0\nm=audio 9/0 RTP/AVP 0",
        "v=0\nm=audio 9/x RTP/AVP 0",
        "v=0\nm=audio ٩ RTP/AVP 0",
        "v=0\ns=\x00",
        "v=0" + "\na=x" * MAX_LINES,
        "v=0" + "\nm=audio 9 RTP/AVP 0" * (MAX_MEDIA + 1),
        "v=0\nm=audio 9 RTP/AVP" + " 0" * (MAX_FORMATS + 1),
        "v=0\ns=" + "x" * MAX_BYTES,
    ],
)
def test_what_is_no_description_is_refused(text: str) -> None:
    with pytest.raises(SdpError) as caught:
        SessionDescription.parse(text.encode())
    assert caught.value.status == 400
    assert caught.value.reason


def test_the_bodies_of_the_torture_messages_are_read() -> None:
    body = torture_message("wsinv").partition(b"\r\n\r\n")[2]
    session = SessionDescription.parse(body)
    assert [media.kind for media in session.media] == ["audio", "video"]


def test_bytes_that_are_no_utf_8_survive() -> None:
    data = b"v=0\r\no=- 1 1 IN IP4 h\r\ns=caf\xe9\r\nt=0 0\r\n"
    assert SessionDescription.parse(data).to_bytes() == data


def test_static_payload_types_need_no_rtpmap() -> None:
    codecs = audio(formats="0 3 8 9 18 13 34").media[0].codecs()
    assert [codec.label for codec in codecs] == [
        *("PCMU/8000", "GSM/8000", "PCMA/8000", "G722/8000", "G729/8000", "CN/8000", "H263/90000"),
    ]


def test_an_rtpmap_overrules_the_static_meaning() -> None:
    assert audio("a=rtpmap:0 L16/16000", formats="0").media[0].codecs()[0].name == "L16"


def test_formats_that_explain_nothing_have_no_name() -> None:
    stream = audio("a=rtpmap:97 x", "a=rtpmap:98 y/0", "a=rtpmap:99", formats="96 97 98 99").media[
        0
    ]
    assert [codec.name for codec in stream.codecs()] == [""] * 4
    assert stream.codecs()[0].label == "payload type 96 without rtpmap"


def test_formats_that_are_no_payload_types_are_left_out() -> None:
    assert sdp("m=image 9 udptl t38").media[0].codecs() == []
    assert audio(formats="128 -1 0x0 ٣ 0").media[0].codecs() == [Codec("PCMU", 0)]


def test_of_repeated_lines_the_first_counts() -> None:
    stream = audio("a=rtpmap:96 a/8000", "a=rtpmap:96 b/8000", formats="96").media[0]
    assert stream.codecs()[0].name == "a"
    assert sdp("c=IN IP4 9.9.9.9", "m=audio 9 RTP/AVP 0").connection == (
        Connection("IP4", "192.0.2.1")
    )


def test_the_ttl_of_a_group_is_no_part_of_its_host() -> None:
    connection = Connection.parse("IN IP4 224.2.1.1/127")
    assert connection.host == "224.2.1.1"
    assert str(connection) == "c=IN IP4 224.2.1.1/127"


@pytest.mark.parametrize("text", ["x\r\na=evil", "x\ny", "x\ry"])
def test_a_field_cannot_smuggle_a_line(text: str) -> None:
    with pytest.raises(ValueError, match="CR or LF"):
        SessionDescription(session_name=text).to_bytes()


def test_directions() -> None:
    assert Direction.SENDONLY.reversed() is Direction.RECVONLY
    assert Direction.INACTIVE.reversed() is Direction.INACTIVE
    assert Direction.SENDRECV.meet(Direction.RECVONLY) is Direction.RECVONLY
    assert Direction.SENDONLY.meet(Direction.RECVONLY) is Direction.INACTIVE


WORDS = st.text(st.characters(exclude_categories=["Cs", "Zs", "Zl", "Zp", "Cc"]), min_size=1)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), max_size=15)
ATTRIBUTES = st.lists(
    st.builds(Attribute, WORDS.filter(lambda w: ":" not in w), st.none() | TEXTS), max_size=4
).map(tuple)
CONNECTIONS = st.none() | st.builds(Connection, st.sampled_from(["IP4", "IP6"]), WORDS)
STREAMS = st.builds(
    MediaDescription,
    kind=WORDS,
    port=st.integers(0, 65_535),
    port_count=st.integers(1, 9),
    protocol=WORDS,
    formats=st.lists(WORDS, min_size=1, max_size=5).map(tuple),
    connection=CONNECTIONS,
    bandwidths=st.lists(WORDS, max_size=2).map(tuple),
    attributes=ATTRIBUTES,
)
SESSIONS = st.builds(
    SessionDescription,
    origin=st.builds(Origin, user=WORDS, session_id=WORDS, version=WORDS, host=WORDS),
    session_name=WORDS,
    connection=CONNECTIONS,
    bandwidths=st.lists(WORDS, max_size=2).map(tuple),
    times=st.lists(st.just("0 0"), min_size=1, max_size=2).map(tuple),
    attributes=ATTRIBUTES,
    media=st.lists(STREAMS, max_size=4).map(tuple),
)


@given(SESSIONS)
@settings(deadline=None, max_examples=60)
def test_a_description_reads_back_as_itself(session: SessionDescription) -> None:
    assert SessionDescription.parse(session.to_bytes()) == session


def test_a_changed_stream_is_written_changed() -> None:
    session = audio("a=sendrecv")
    changed = attrs.evolve(session.media[0], port=0)
    assert "m=audio 0 RTP/AVP 0 8" in str(attrs.evolve(session, media=(changed,)))
