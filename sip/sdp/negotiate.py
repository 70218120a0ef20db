"""Offer and answer (RFC 3264): the one place that decides codec, digits, direction, address.

Rules: one audio stream, and one codec in our answers; the offerer's order of codecs wins
among those we have; every other stream keeps its place with port 0; a refusal lists what
was offered and why each of it was not taken. Nothing here knows dialogs or sockets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from .address import is_unspecified, remote_address
from .agreement import LocalMedia, MediaCapabilities, NegotiatedAudio
from .codec import Codec
from .direction import Direction
from .error import NegotiationError, quoted
from .lines import Attribute, Connection, Origin, parse_count
from .matching import Match, explained, match_codecs, numbered
from .media import MediaDescription
from .session import SessionDescription

_PROTOCOLS: Final = frozenset({"RTP/AVP", "RTP/AVPF"})
"""Plain RTP; AVPF only allows earlier RTCP (RFC 4585 4)."""

_SHORT_PTIME_MS: Final = 10
"""For a peer whose maxptime rules out our usual packets."""

_MAX_PTIME_MS: Final = 1_000
"""A larger maxptime says nothing."""

# Warning codes (RFC 3261 20.43).
_BAD_PROTOCOL: Final = 302
_BAD_MEDIA: Final = 304


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
    earlier = [] if previous is None or index is None else previous.media[index].codecs()
    codecs = numbered(caps, earlier)
    audio = _audio(codecs, local, direction, protocol="RTP/AVP", ptime_ms=caps.ptime_ms)
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
    index, match, host = _choose_stream(offer, ours, local.host)
    stream = offer.media[index]
    theirs = _direction(offer, stream, host)
    agreed = direction.meet(theirs.reversed())
    ptime_ms = _ptime(stream, caps)
    answered = [attrs.evolve(match.ours, payload_type=match.theirs.payload_type)]
    if match.our_events and match.their_events:
        answered.append(attrs.evolve(match.their_events, fmtp=match.our_events.fmtp))
    audio = _audio(answered, local, agreed, protocol=stream.protocol, ptime_ms=ptime_ms)
    answer = _describe(_in_place(audio, offer, index), local, previous)
    negotiated = NegotiatedAudio(
        codec=attrs.evolve(match.ours, payload_type=answered[0].payload_type),
        send_payload_type=answered[0].payload_type,
        receive_payload_types=frozenset({answered[0].payload_type}),
        dtmf_send=match.their_events.payload_type if match.their_events else None,
        dtmf_receive=match.their_events.payload_type if match.their_events else None,
        remote_host=host,
        remote_rtp_port=stream.port,
        remote_rtcp_port=_rtcp_port(stream),
        ptime_ms=ptime_ms,
        direction=agreed,
        peer_held=not theirs.receives,
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
    host = remote_address(answer.connection_of(stream), _host(offer, offer.media[index]))
    match = match_codecs(explained(stream.codecs(), ours), ours)
    wished = offer.direction_of(offer.media[index])
    theirs = _direction(answer, stream, host)
    number = match.theirs.payload_type
    means_another = any(c.payload_type == number and c != match.ours for c in ours)
    return NegotiatedAudio(
        codec=attrs.evolve(match.ours, payload_type=number, fmtp=match.theirs.fmtp),
        send_payload_type=number,
        receive_payload_types=frozenset(
            {match.ours.payload_type} if means_another else {match.ours.payload_type, number}
        ),
        dtmf_send=match.their_events.payload_type if match.their_events else None,
        dtmf_receive=match.our_events.payload_type if match.our_events else None,
        remote_host=host,
        remote_rtp_port=stream.port,
        remote_rtcp_port=_rtcp_port(stream),
        ptime_ms=_ptime(stream, caps),
        direction=wished.meet(theirs.reversed()),
        peer_held=wished.sends and not theirs.receives,
    )


# --- which stream -------------------------------------------------------------------------------


def _choose_stream(
    offer: SessionDescription, ours: Sequence[Codec], local_host: str
) -> tuple[int, Match, str]:
    """Index, codecs and address of the first stream that we can take."""
    faults: list[NegotiationError] = []
    for index, stream in enumerate(offer.media):
        try:
            _check_stream(stream)
            host = remote_address(offer.connection_of(stream), local_host)
            return index, match_codecs(stream.codecs(), ours), host
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
    if stream.protocol in _PROTOCOLS:
        return
    if "SAVP" in stream.protocol:
        reason = f"audio {protocol}: encryption is not supported; offer RTP/AVP"
    else:
        reason = f"audio {protocol}: unknown transport; offer RTP/AVP"
    raise NegotiationError(_BAD_PROTOCOL, reason)


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


def _rtcp_port(stream: MediaDescription) -> int:
    """RFC 3605's a=rtcp, or the port after the RTP port (RFC 3550 11)."""
    named = (stream.attribute("rtcp") or "").partition(" ")[0]
    return parse_count(named, 65_535) or min(stream.port + 1, 65_535)


def _ptime(stream: MediaDescription, caps: MediaCapabilities) -> int:
    longest = parse_count(stream.attribute("maxptime") or "", _MAX_PTIME_MS)
    return caps.ptime_ms if not longest or longest >= caps.ptime_ms else _SHORT_PTIME_MS


# --- our descriptions ---------------------------------------------------------------------------


def _audio(
    codecs: Sequence[Codec],
    local: LocalMedia,
    direction: Direction,
    *,
    protocol: str,
    ptime_ms: int,
) -> MediaDescription:
    attributes = [Attribute("rtpmap", codec.rtpmap) for codec in codecs]
    attributes += [Attribute("fmtp", f"{c.payload_type} {c.fmtp}") for c in codecs if c.fmtp]
    if local.rtcp_port not in (None, local.port + 1):
        attributes.append(Attribute("rtcp", str(local.rtcp_port)))
    attributes += [Attribute("ptime", str(ptime_ms)), Attribute(direction.value)]
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
    media = [
        MediaDescription(kind=old.kind, port=0, protocol=old.protocol, formats=old.formats)
        for old in frame.media
    ]
    if index is None:
        media.append(audio)
    else:
        media[index] = audio
    return tuple(media)


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
