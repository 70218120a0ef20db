"""The values around a negotiation: what we can do, where we are, what came out."""

from __future__ import annotations

import attrs

from .codec import PCMA, PCMU, Codec
from .direction import Direction


@attrs.frozen(kw_only=True)
class MediaCapabilities:
    """What our side offers and accepts."""

    codecs: tuple[Codec, ...] = (PCMU, PCMA)
    """In order of preference; the order counts in our offers (RFC 3264 5.1)."""
    dtmf: bool = True
    """RFC 4733 digits."""
    ptime_ms: int = 20


@attrs.frozen(kw_only=True)
class LocalMedia:
    """Where we receive, and the numbers of our o= line."""

    host: str
    """An IP address."""
    port: int
    session_id: int
    version: int = 1
    """Of a first description; with a previous one its version counts."""
    user: str = "callstage"
    """Never "-" or empty: peers match the o= line against an alphanumeric name."""
    rtcp_port: int | None = None
    """Announced when it is not the port after `port` (RFC 3605)."""


@attrs.frozen(kw_only=True)
class NegotiatedAudio:
    """One audio stream that both sides agreed on."""

    codec: Codec
    send_payload_type: int
    receive_payload_types: frozenset[int]
    dtmf_send: int | None
    """Payload type of the digits we send; None when the peer takes none."""
    dtmf_receive: int | None
    remote_host: str
    """An IP address; that of a hold may be 0.0.0.0, to which nothing is sent."""
    remote_rtp_port: int
    remote_rtcp_port: int
    ptime_ms: int
    direction: Direction
    """Ours."""
    peer_held: bool
    """The peer does not take our audio."""
