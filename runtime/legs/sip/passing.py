"""Whether the description of one peer of a direct call may be given to the other, and is any use
to it there. Pure.

The rules: keys never leave over a way that is less protected than the one they came by; nobody is
told an address that it could not reach, so that no call is connected and silent; where the peers
look for a way themselves (ICE), that is left to them.
"""

from __future__ import annotations

import ipaddress
from typing import Final

from runtime.legs.sip.encryption import Encryption
from sip.address import PeerAddress, ip_literal, is_secure
from sip.sdp import MediaDescription, SdpError, SessionDescription, SrtpPolicy

KEY_ATTRIBUTES: Final = ("crypto", "key-mgmt")
"""What carries secret keys (RFC 4568, RFC 4567). A fingerprint is none."""
PLAIN: Final = ("RTP/AVP", "RTP/AVPF")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def read_description(sdp: bytes | None) -> SessionDescription | str:
    """What a peer said, or why it cannot be passed on.

    Lines about people and old keys (i=, u=, e=, p=, k=) are left out with everything else that a
    call does not need; streams and attributes stay as they are.
    """
    if sdp is None:
        return "a session description is missing"
    try:
        return SessionDescription.parse(sdp)
    except SdpError as exc:
        return f"unreadable session description: {exc.reason}"


def refuse_passing(
    said: SessionDescription, source: PeerAddress, sink: PeerAddress, encryption: Encryption
) -> str:
    """Why what the peer at `source` said is not for the one at `sink`; empty when it is.

    The addresses are those of their signalling, as the sockets report them.
    """
    streams = [stream for stream in said.media if stream.port]
    if why := _keys_exposed(said, source, sink, encryption):
        return why
    if encryption.policy is SrtpPolicy.REQUIRED and any(_is_plain(one) for one in streams):
        return "encryption is required (srtp of [rtp] or the trunk), and this audio would be plain"
    for stream in streams:
        connection = said.connection_of(stream)
        if connection is None:
            return "a stream has no address (c=)"
        if stream.attribute("candidate") is not None:
            continue
        if why := unreachable(connection.host, source.host, sink.host):
            return why
    return ""


def mismatch(offer: SessionDescription | None, answer: SessionDescription) -> str:
    """RFC 3264 6: an answer has as many streams as its offer."""
    if offer is None or len(offer.media) == len(answer.media):
        return ""
    return f"{len(offer.media)} streams were offered, and {len(answer.media)} answered"


def puts_on_hold(said: SessionDescription) -> bool:
    """Whether whoever says so takes no audio from the other side (RFC 3264 8.4)."""
    for stream in said.media:
        if stream.kind == "audio" and stream.port:
            connection = said.connection_of(stream)
            told = ip_literal(connection.host) if connection is not None else None
            nowhere = told is not None and told.is_unspecified
            return nowhere or not said.direction_of(stream).receives
    return False


def holds_keys(said: SessionDescription) -> bool:
    """Whether whoever reads it can read the audio, too."""
    places: tuple[SessionDescription | MediaDescription, ...] = (said, *said.media)
    return any(place.attribute(name) is not None for place in places for name in KEY_ATTRIBUTES)


def unreachable(told: str, source: str, sink: str) -> str:
    """Why a peer at `sink` could send nothing to `told`, which one at `source` gave as its own."""
    address, from_, to = ip_literal(told), _host(source), _host(sink)
    if address is None or address.is_unspecified:  # a name, or a hold
        return ""
    if address.is_multicast:
        return f"{told} is the address of a group"
    if address.is_global:
        return ""
    if address.is_loopback:
        near = _is_loopback(from_) and _is_loopback(to)
        return "" if near else f"{told} is reached from the same machine only"
    if from_ is not None and from_.is_global:
        if from_ == to:
            return ""
        return f"{told} is behind the NAT of {source}, and the other peer is not"
    if to is not None and to.is_global:
        return f"{told} is in a private network, and the other peer at {sink} is not"
    return ""


def _host(text: str) -> Address | None:
    """The address of a socket; a mapped one (RFC 4291 2.5.5.2) as what it maps."""
    address = ip_literal(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _is_loopback(address: Address | None) -> bool:
    return address is not None and address.is_loopback


def _is_plain(stream: MediaDescription) -> bool:
    return stream.protocol.upper() in PLAIN


def _keys_exposed(
    said: SessionDescription, source: PeerAddress, sink: PeerAddress, encryption: Encryption
) -> str:
    if not holds_keys(said):
        return ""
    if not encryption.may_carry(sink.transport):
        return f"no SRTP keys over {sink.transport.upper()} here, only over TLS ([rtp] srtp_keys)"
    if is_secure(source.transport) and not is_secure(sink.transport):
        return (
            f"SRTP keys that came over {source.transport.upper()} would leave over "
            f"{sink.transport.upper()}, where they can be read"
        )
    return ""
