"""Offer and answer (RFC 3264): decides codec, digits, direction, encryption, addresses.

The one place for these; codecs are compared in matching.py, keys in keying.py.
Rules: one audio stream, and one codec in our answers; the offerer's order of codecs wins
among those we have; every other stream keeps its place with port 0; a refusal lists what
was offered and why each of it was not taken. Nothing here knows dialogs or sockets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from . import keying
from .address import BAD_ADDRESS, is_unspecified, remote_address
from .agreement import LocalMedia, MediaCapabilities, NegotiatedAudio
from .codec import G711, Codec
from .direction import Direction
from .error import NegotiationError, quoted
from .lines import Attribute, Connection, Origin, parse_count
from .matching import Match, also_taken, explained, is_audio, match_codecs, numbered
from .media import MediaDescription
from .session import SessionDescription

_SHARED_WITH_RTCP: Final = range(64, 96)
"""Payload types that cannot be told from RTCP on one port (RFC 5761 4)."""

_USUAL_PTIME_MS: Final = 20
_SHORT_PTIME_MS: Final = 10
"""For a peer whose maxptime rules out our usual packets, or that asks for packets so short."""

_MUX: Final = "rtcp-mux"

_MAX_PTIME_MS: Final = 1_000
"""A larger maxptime says nothing."""

_BAD_MEDIA: Final = 304
"""Warning code "media type not available" (RFC 3261 20.43)."""


def make_offer(
    caps: MediaCapabilities,
    local: LocalMedia,
    direction: Direction = Direction.SENDRECV,
    *,
    previous: SessionDescription | None = None,
) -> SessionDescription:
    """Our offer: every codec we have, in our order.

    `previous` is our last description in the same dialog, offer or answer: its o= line goes
    on, its streams keep their places and payload types their meaning (RFC 3264 8).
    """
    index = None if previous is None else _audio_index(previous)
    earlier = None if previous is None or index is None else previous.media[index]
    audio = _audio(
        numbered(caps, earlier.codecs() if earlier else []),
        local,
        direction,
        protocol=keying.offered_protocol(caps.srtp, earlier),
        ptime_ms=caps.ptime_ms,
        extra=[
            *keying.offered_attributes(caps.srtp, local.keys),
            *([Attribute(_MUX)] if caps.rtcp_mux else []),
        ],
    )
    return _describe(_in_place(audio, previous, index), local, previous)


def answer_offer(
    offer: SessionDescription,
    caps: MediaCapabilities,
    local: LocalMedia,
    *,
    previous: SessionDescription | None = None,
    direction: Direction = Direction.SENDRECV,
) -> tuple[SessionDescription, NegotiatedAudio]:
    """Our answer and what it means, or NegotiationError (488).

    `direction` is what we would like; the offer may allow less. `previous` as in make_offer.
    """
    ours = numbered(caps, ())
    index, match, host, key = _choose_stream(offer, ours, caps, local)
    stream = offer.media[index]
    local = local.of_family(offer.connection_of(stream))
    theirs = _direction(offer, stream, host)
    agreed = direction.meet(theirs.reversed())
    ptime_ms = _ptime(stream, caps, match.ours)
    answered = [attrs.evolve(match.ours, payload_type=match.theirs.payload_type)]
    if match.our_events and match.their_events:
        answered.append(attrs.evolve(match.their_events, fmtp=match.our_events.fmtp))
    shared = caps.rtcp_mux and _shares_port(stream, answered)
    audio = _audio(
        answered,
        local,
        agreed,
        protocol=stream.protocol,
        ptime_ms=ptime_ms,
        extra=[*([key.attribute] if key else []), *([Attribute(_MUX)] if shared else [])],
    )
    rtcp_host, rtcp_port = _rtcp(stream, host, shared=shared)
    answer = _describe(_in_place(audio, offer, index), local, previous)
    negotiated = NegotiatedAudio(
        codec=attrs.evolve(answered[0], fmtp=match.theirs.fmtp),
        send_payload_type=answered[0].payload_type,
        receive_payload_types=frozenset({answered[0].payload_type}),
        dtmf_send=match.their_events.payload_type if match.their_events else None,
        dtmf_receive=match.their_events.payload_type if match.their_events else None,
        dtmf_clock_rate=match.events_clock_rate,
        remote_host=host,
        remote_rtp_port=stream.port,
        remote_rtcp_host=rtcp_host,
        remote_rtcp_port=rtcp_port,
        rtcp_mux=shared,
        ptime_ms=ptime_ms,
        direction=agreed,
        peer_held=not theirs.receives,
        srtp=key.agreement if key else None,
    )
    return answer, negotiated


def accept_answer(
    offer: SessionDescription, answer: SessionDescription, caps: MediaCapabilities
) -> NegotiatedAudio:
    """What the peer's answer to our `offer` means, or NegotiationError.

    Payload types may differ: we send theirs and receive ours (RFC 3264 6.1), and theirs too
    where the number meant nothing else in our offer.
    """
    index = _audio_index(offer)
    if index is None:
        raise ValueError("accept_answer(): our offer has no audio stream; use make_offer()")
    if index >= len(answer.media):
        raise NegotiationError(_BAD_MEDIA, "the answer has no stream in place of our audio")
    stream, ours = answer.media[index], offer.media[index].codecs()
    _check_stream(stream)
    srtp = keying.accept(offer.media[index], stream, caps.srtp)
    host = remote_address(answer.connection_of(stream), _host(offer, offer.media[index]))
    taken = explained(stream.codecs(), ours)
    match = match_codecs(taken, ours)
    wished = offer.direction_of(offer.media[index])
    theirs = _direction(answer, stream, host)
    number = match.theirs.payload_type
    shared = offer.media[index].attribute(_MUX) is not None and _shares_port(stream, ours)
    rtcp_host, rtcp_port = _rtcp(stream, host, shared=shared)
    means_another = any(c.payload_type == number and c != match.ours for c in ours)
    return NegotiatedAudio(
        codec=attrs.evolve(match.ours, payload_type=number, fmtp=match.theirs.fmtp),
        send_payload_type=number,
        receive_payload_types=frozenset(
            {match.ours.payload_type} if means_another else {match.ours.payload_type, number}
        ),
        also_received=also_taken(taken, ours, match.ours),
        dtmf_send=match.their_events.payload_type if match.their_events else None,
        dtmf_receive=match.our_events.payload_type if match.our_events else None,
        dtmf_clock_rate=match.events_clock_rate,
        remote_host=host,
        remote_rtp_port=stream.port,
        remote_rtcp_host=rtcp_host,
        remote_rtcp_port=rtcp_port,
        rtcp_mux=shared,
        ptime_ms=_ptime(stream, caps, match.ours),
        direction=wished.meet(theirs.reversed()),
        peer_held=wished.sends and not theirs.receives,
        srtp=srtp,
    )


# --- which stream -------------------------------------------------------------------------------


def _choose_stream(
    offer: SessionDescription, ours: Sequence[Codec], caps: MediaCapabilities, local: LocalMedia
) -> tuple[int, Match, str, keying.Chosen | None]:
    """Index, codecs, address and key of the first stream that we can take."""
    faults: list[NegotiationError] = []
    for index, stream in enumerate(offer.media):
        try:
            _check_stream(stream)
            key = keying.choose(stream, caps, local.keys)
            connection = offer.connection_of(stream)
            host = remote_address(connection, local.of_family(connection).host)
            return index, match_codecs(stream.codecs(), _sendable(ours, stream)), host, key
        except NegotiationError as exc:
            faults.append(exc)
    if not faults:
        raise NegotiationError(_BAD_MEDIA, "the offer has no stream; offer an audio stream")
    # The refusal is about their audio, if they had one; the rest is mentioned.
    audio = [f for f, s in zip(faults, offer.media, strict=True) if s.kind == "audio"]
    code = (audio or faults)[0].warning_code
    failures = tuple(text for f in faults for text in (f.failures or (f.warning,)))
    raise NegotiationError(code, "; ".join(dict.fromkeys(f.warning for f in faults)), failures)


def _check_stream(stream: MediaDescription) -> None:
    """NegotiationError for a stream that cannot carry a call's audio, whatever its codecs."""
    kind, protocol = quoted(stream.kind), quoted(stream.protocol)
    if stream.kind != "audio":
        raise NegotiationError(_BAD_MEDIA, f"{kind} {protocol}: only audio is taken")
    if stream.port == 0:
        raise NegotiationError(_BAD_MEDIA, "the audio stream is switched off (port 0)")


def _audio_index(description: SessionDescription) -> int | None:
    """Where the audio of one of our own descriptions stands."""
    for index, stream in enumerate(description.media):
        if stream.kind == "audio" and stream.port != 0:
            return index
    return None


# --- what the stream says -----------------------------------------------------------------------


def _host(description: SessionDescription, stream: MediaDescription) -> str:
    connection = description.connection_of(stream)
    return connection.host if connection is not None else description.origin.host


def _direction(description: SessionDescription, stream: MediaDescription, host: str) -> Direction:
    """The peer's direction; an unspecified address is the hold of RFC 2543 (RFC 3264 8.4)."""
    direction = description.direction_of(stream)
    if is_unspecified(host):
        return Direction.of(sends=direction.sends, receives=False)
    return direction


def _rtcp(stream: MediaDescription, host: str, *, shared: bool) -> tuple[str, int]:
    """Where the peer takes RTCP: the RTP port if both share it (RFC 5761), what a=rtcp says
    (RFC 3605), or the port after the RTP port (RFC 3550 11)."""
    port, _, address = (stream.attribute("rtcp") or "").partition(" ")
    if shared:
        return host, stream.port
    fields = address.split()
    named = _rtcp_host(Connection(fields[1], fields[2]), host) if len(fields) == 3 else host
    return named, parse_count(port, 65_535) or min(stream.port + 1, 65_535)


def _rtcp_host(connection: Connection, host: str) -> str:
    """RTCP goes to a machine of its own only where that is an address we would send RTP to; a name
    or an address of the other family (RFC 3605 allows both) is no reason to refuse the audio."""
    try:
        named = remote_address(connection, host)
    except NegotiationError as exc:
        if exc.warning_code != BAD_ADDRESS:
            raise
        return host
    return named if not is_unspecified(named) else host


def _shares_port(stream: MediaDescription, ours: Sequence[Codec]) -> bool:
    """Whether the peer wants RTCP on the RTP port, and we can tell it from what we receive."""
    mixed_up = any(codec.payload_type in _SHARED_WITH_RTCP for codec in ours)
    return stream.attribute(_MUX) is not None and not mixed_up


def _ptime(stream: MediaDescription, caps: MediaCapabilities, codec: Codec) -> int:
    """Of what we send, in ms."""
    # RFC 3264 5.1: what the peer would like to receive; only G.711 can be cut as short.
    wished = parse_count(stream.attribute("ptime") or "", _MAX_PTIME_MS) or caps.ptime_ms
    short = codec.name in G711 and wished <= _SHORT_PTIME_MS
    return _SHORT_PTIME_MS if short or _longest(stream) < caps.ptime_ms else caps.ptime_ms


def _longest(stream: MediaDescription) -> int:
    """The longest packets that the peer takes, in ms."""
    return parse_count(stream.attribute("maxptime") or "", _MAX_PTIME_MS) or _MAX_PTIME_MS


def _sendable(ours: Sequence[Codec], stream: MediaDescription) -> Sequence[Codec]:
    """What we can send in packets that are short enough: below 20 ms only G.711."""
    if _longest(stream) >= _USUAL_PTIME_MS:
        return ours
    return [codec for codec in ours if codec.name in G711 or not is_audio(codec)]


# --- our descriptions ---------------------------------------------------------------------------


def _audio(
    codecs: Sequence[Codec],
    local: LocalMedia,
    direction: Direction,
    *,
    protocol: str,
    ptime_ms: int,
    extra: Sequence[Attribute],
) -> MediaDescription:
    attributes = [Attribute("rtpmap", codec.rtpmap) for codec in codecs]
    attributes += [Attribute("fmtp", f"{c.payload_type} {c.fmtp}") for c in codecs if c.fmtp]
    if local.rtcp_port not in (None, local.port + 1):
        attributes.append(Attribute("rtcp", str(local.rtcp_port)))
    attributes += [*extra, Attribute("ptime", str(ptime_ms)), Attribute(direction.value)]
    return MediaDescription(
        kind="audio",
        port=local.port,
        protocol=protocol,
        formats=tuple(str(codec.payload_type) for codec in codecs),
        attributes=tuple(attributes),
    )


def _in_place(
    audio: MediaDescription, frame: SessionDescription | None, index: int | None
) -> tuple[MediaDescription, ...]:
    """One stream for each of `frame`, all refused but `audio` (RFC 3264 6, 8)."""
    if frame is None:
        return (audio,)
    media = [_refused(old) for old in frame.media]
    if index is None:
        media.append(audio)
    else:
        media[index] = audio
    return tuple(media)


def _refused(stream: MediaDescription) -> MediaDescription:
    """Port 0; of a stream without formats one is made up, because the grammar wants one."""
    formats = stream.formats or ("0",)
    return MediaDescription(kind=stream.kind, port=0, protocol=stream.protocol, formats=formats)


def _describe(
    media: tuple[MediaDescription, ...], local: LocalMedia, previous: SessionDescription | None
) -> SessionDescription:
    """The description around our streams; its version grows by one when anything changed."""
    connection = Connection.of_host(local.host)
    origin = Origin(
        user=local.user,
        session_id=str(local.session_id),
        version=str(local.version),
        family=connection.family,
        host=local.host,
    )
    if previous is None:
        return SessionDescription(origin=origin, connection=connection, media=media)
    same = SessionDescription(origin=previous.origin, connection=connection, media=media)
    if same == previous:
        return same
    # RFC 3264 8: identical o= line but for the version.
    version = str(int(previous.origin.version) + 1)
    return attrs.evolve(same, origin=attrs.evolve(previous.origin, version=version))
