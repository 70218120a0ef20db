"""The values around a negotiation: what we can do, where we are, what came out."""

from __future__ import annotations

import enum

import attrs

from .codec import PCMA, PCMU, Codec
from .crypto import SrtpKey
from .direction import Direction
from .lines import Connection


class SrtpPolicy(enum.Enum):
    """What the operator wants of encryption."""

    OFF = "off"
    OPTIONAL = "optional"
    """Answer in kind; offer it, and go on without where the peer cannot."""
    REQUIRED = "required"


@attrs.frozen(kw_only=True)
class SrtpAgreement:
    """The keys of an encrypted stream, one for each direction and of one suite."""

    local: SrtpKey
    remote: SrtpKey


@attrs.frozen(kw_only=True)
class MediaCapabilities:
    """What our side offers and accepts."""

    codecs: tuple[Codec, ...] = (PCMU, PCMA)
    """In order of preference; the order counts in our offers (RFC 3264 5.1)."""
    dtmf: bool = True
    """RFC 4733 digits."""
    ptime_ms: int = 20
    srtp: SrtpPolicy = SrtpPolicy.OFF
    plain_because: str = "encryption is switched off here"
    """What a peer is told that insists on encryption while `srtp` is OFF."""
    rtcp_mux: bool = False
    """Offer and accept RTCP on the RTP port (RFC 5761)."""


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
    keys: tuple[SrtpKey, ...] = ()
    """One for each suite that we offer and accept, in order of preference."""
    other_host: str = ""
    """The same ports by the other family of addresses, if they have one."""

    def of_family(self, connection: Connection | None) -> LocalMedia:
        """Ourselves as a peer with this c= line can reach us: by its own family if we have it."""
        if connection is None or not self.other_host:
            return self
        theirs, ours = ":" in connection.host, ":" in self.host
        return self if theirs == ours else attrs.evolve(self, host=self.other_host, other_host="")


@attrs.frozen(kw_only=True)
class NegotiatedAudio:
    """One audio stream that both sides agreed on."""

    codec: Codec
    """With the peer's parameters, which bind what we send (RFC 8866 6.15)."""
    send_payload_type: int
    receive_payload_types: frozenset[int]
    """Of `codec`."""
    also_received: tuple[Codec, ...] = ()
    """What else the peer took of our offer: it may switch to that at any time (RFC 3264 5.1)."""
    dtmf_send: int | None
    """Payload type of the digits we send; None when the peer takes none."""
    dtmf_receive: int | None
    dtmf_clock_rate: int = 8000
    remote_host: str
    """An IP address; that of a hold may be 0.0.0.0, to which nothing is sent."""
    remote_rtp_port: int
    remote_rtcp_host: str
    remote_rtcp_port: int
    """The RTP port itself where both share it."""
    rtcp_mux: bool
    ptime_ms: int
    direction: Direction
    """Ours."""
    peer_held: bool
    """The peer does not take our audio."""
    srtp: SrtpAgreement | None = None
    """None for plain RTP."""
