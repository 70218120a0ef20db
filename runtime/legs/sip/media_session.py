"""Offer and answer of one leg: what was said last, what is agreed, and who holds whom.

Pure. What may be agreed on is decided in sip/sdp/negotiate.py; this file keeps the state between
two negotiations (our last description and its version, the offer that waits for its answer) and
turns the outcome into the stream that the engine needs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import attrs

from runtime.media.port import LegAddress, ReceivedFormat, RtpStream, SrtpKeys
from sip.sdp import (
    G722,
    L16_NARROW,
    L16_WIDE,
    OPUS,
    PCMA,
    PCMU,
    SUITES,
    Codec,
    Direction,
    LocalMedia,
    MediaCapabilities,
    NegotiatedAudio,
    NegotiationError,
    SdpError,
    SessionDescription,
    SrtpAgreement,
    SrtpKey,
    SrtpPolicy,
    accept_answer,
    answer_offer,
    make_offer,
)

CONTENT_TYPE: Final = "application/sdp"
CODECS: Final[dict[str, Codec]] = {
    "PCMU": PCMU,
    "PCMA": PCMA,
    "G722": G722,
    "opus": OPUS,
    "L16": L16_WIDE,
    "L16/8000": L16_NARROW,
}
"""What the engine can carry, by the names of the configuration and of the engine."""

HoldChange = Literal["held", "resumed"]


def capabilities(
    names: tuple[str, ...] = ("PCMU", "PCMA"),
    srtp: SrtpPolicy = SrtpPolicy.OFF,
    plain_because: str = "",
) -> MediaCapabilities:
    """What a leg offers and accepts, in this order of preference."""
    codecs = tuple(CODECS[name] for name in names)
    caps = MediaCapabilities(codecs=codecs, srtp=srtp, rtcp_mux=True)
    return attrs.evolve(caps, plain_because=plain_because) if plain_because else caps


def local_media(
    address: LegAddress,
    session_id: int,
    advertised_host: str = "",
    keys: tuple[SrtpKey, ...] = (),
    other_host: str = "",
) -> LocalMedia:
    """Where the peer is told to send; `advertised_host` replaces the engine's own address.

    `other_host` is told to a peer whose audio lives in the other family of addresses.
    """
    usual = address.rtcp_port == address.rtp_port + 1
    return LocalMedia(
        host=advertised_host or address.host,
        port=address.rtp_port,
        session_id=session_id,
        rtcp_port=None if usual else address.rtcp_port,
        keys=keys,
        other_host=other_host,
    )


def new_keys(random_bytes: Callable[[int], bytes]) -> tuple[SrtpKey, ...]:
    """A key for each suite, for the life of one leg."""
    return tuple(SrtpKey(suite, random_bytes(size)) for suite, size in SUITES.items())


@attrs.frozen(kw_only=True)
class Agreement:
    """The outcome of one exchange."""

    stream: RtpStream
    sdp: bytes = b""
    """Our answer, when the peer offered."""
    hold: HoldChange | None = None
    """What the peer changed about hold."""


class MediaSession:
    """The descriptions of one leg. Every method either succeeds or changes nothing."""

    def __init__(self, caps: MediaCapabilities, local: LocalMedia) -> None:
        self._caps = caps
        self._local = local
        self._said: SessionDescription | None = None
        self._offer: SessionDescription | None = None
        self._stream: RtpStream | None = None
        self._held = False
        self._settled = False
        self._hold_told = False
        self._wanted = self._stands = Direction.SENDRECV
        """What we offer and answer with, as far as the peer allows it: our own hold."""

    def __repr__(self) -> str:
        stream = self._stream
        agreed = f"{stream.codec} {stream.remote_host}:{stream.remote_port}" if stream else "none"
        return f"<MediaSession {agreed}{' held' if self._held else ''}>"

    @property
    def stream(self) -> RtpStream | None:
        """What is agreed on; None before the first answer."""
        return self._stream

    @property
    def waits_for_answer(self) -> bool:
        return self._offer is not None

    def want(self, direction: Direction) -> bytes:
        """An offer to send and receive so from now on, which is our hold and its end; `settle` or
        `refused` follows."""
        self._wanted = direction
        return self.offer()

    def offer(self) -> bytes:
        """Our offer: of an outgoing call, or for a peer that asked without offering."""
        description = make_offer(self._caps, self._local, self._wanted, previous=self._said)
        self._said = self._offer = description
        return description.to_bytes()

    def answer(self, offer: bytes) -> Agreement:
        """Answer the peer's offer. Raises SdpError or NegotiationError (what to refuse with)."""
        description, agreed = answer_offer(
            SessionDescription.parse(offer),
            self._caps,
            self._local,
            previous=self._said,
            direction=self._wanted,
        )
        self._said, self._offer = description, None
        return self._agree(agreed, description.to_bytes())

    def answer_inside(self, offer: bytes) -> Agreement:
        """Answer an offer that the peer makes in its dialog with us; errors as of `answer`.

        While the call is not up, ours stays open: another branch may still answer it.
        """
        ours = None if self._settled else self._offer
        agreement = self.answer(offer)
        self._offer = ours
        return agreement

    def accept(self, answer: bytes) -> Agreement:
        """Take the peer's answer to our last offer.

        May be repeated for one offer: several branches of a forked call answer it, and the one
        that wins is the last (RFC 3261 13.2.2.4). Raises SdpError or NegotiationError.
        """
        if self._offer is None:
            raise RuntimeError("accept(): nothing was offered; only an answer can be accepted")
        parsed = SessionDescription.parse(answer)
        agreed = accept_answer(self._offer, parsed, self._caps)
        # Who was offered nothing does not hold us by receiving nothing.
        held = agreed.peer_held and self._wanted.sends
        return self._agree(attrs.evolve(agreed, peer_held=held))

    def settle(self) -> None:
        """The call is up: its offer is answered for good, and a change of hold is worth telling."""
        self._offer, self._stands = None, self._wanted
        self._settled = True

    def refused(self) -> None:
        """The peer does not take our last offer: what was before holds."""
        self._offer, self._wanted = None, self._stands

    def _agree(self, agreed: NegotiatedAudio, sdp: bytes = b"") -> Agreement:
        self._stream = self._as_stream(agreed)
        return Agreement(stream=self._stream, sdp=sdp, hold=self._hold(agreed.peer_held))

    def _hold(self, held: bool) -> HoldChange | None:
        """A hold is told once, and its end only if the hold was.

        Who is called by a peer that sends nothing yet (early media, third party call control) is
        not on hold.
        """
        before, self._held = self._held, held
        if not self._settled or before == held:
            return None
        told, self._hold_told = self._hold_told, held
        if held:
            return "held"
        return "resumed" if told else None

    def _as_stream(self, agreed: NegotiatedAudio) -> RtpStream:
        host, port = agreed.remote_host, agreed.remote_rtp_port
        rtcp_host, rtcp_port = agreed.remote_rtcp_host, agreed.remote_rtcp_port
        sending = agreed.direction.sends
        if is_nowhere(host, port):
            # RFC 2543's hold: nothing goes out, and the peer may still send from where it was
            sending = False
            if self._stream is not None:
                host, port = self._stream.remote_host, self._stream.remote_port
                rtcp_host = self._stream.remote_rtcp_host
                rtcp_port = self._stream.remote_rtcp_port
        return RtpStream(
            remote_host=host,
            remote_port=port,
            remote_rtcp_port=rtcp_port,
            codec=engine_name(agreed.codec),
            fmtp=agreed.codec.fmtp,
            send_payload_type=agreed.send_payload_type,
            receive_payload_types=agreed.receive_payload_types,
            other_formats=tuple(
                ReceivedFormat(codec.payload_type, engine_name(codec))
                for codec in agreed.also_received
            ),
            dtmf_send_payload_type=agreed.dtmf_send,
            dtmf_receive_payload_type=agreed.dtmf_receive,
            dtmf_clock_hz=agreed.dtmf_clock_rate,
            ptime_ms=agreed.ptime_ms,
            sending=sending,
            receiving=agreed.direction.receives,
            srtp=_srtp_keys(agreed.srtp),
            rtcp_mux=agreed.rtcp_mux,
            remote_rtcp_host=rtcp_host if rtcp_host != host else "",
        )


def negotiated(
    negotiate: Callable[[bytes], Agreement],
    sdp: bytes | None,
    note: Callable[[str, str], None],
) -> Agreement | str:
    """What comes out of a description, or why nothing does, which is noted."""
    agreement = _negotiated(negotiate, sdp)
    if isinstance(agreement, str):
        note("media", agreement)
    return agreement


def _negotiated(negotiate: Callable[[bytes], Agreement], sdp: bytes | None) -> Agreement | str:
    if sdp is None:
        return "a session description is missing"
    try:
        return negotiate(sdp)
    except SdpError as exc:
        return f"unreadable session description: {exc.reason}"
    except NegotiationError as exc:
        return f"no audio in common: {exc.warning}"


def _srtp_keys(agreed: SrtpAgreement | None) -> SrtpKeys | None:
    if agreed is None:
        return None
    local, remote = agreed.local, agreed.remote
    return SrtpKeys(suite=local.suite, send_key=local.inline, receive_key=remote.inline)


def engine_name(codec: Codec) -> str:
    """How configuration and engine call a codec that was agreed on."""
    return next(name for name, known in CODECS.items() if known.same_format(codec))


def is_nowhere(host: str, port: int) -> bool:
    return port == 0 or host in ("0.0.0.0", "::")


def described(stream: RtpStream) -> str:
    """One line for people: where, which codec, how digits travel, who may send."""
    digits = stream.dtmf_receive_payload_type
    keys = f"digits as RFC 4733 type {digits}" if digits is not None else "no RFC 4733 digits"
    ways = {(True, True): "both ways", (True, False): "we only send"}
    ways |= {(False, True): "we only receive", (False, False): "inactive"}
    secrecy = f"encrypted by {stream.srtp.suite}" if stream.srtp else "not encrypted"
    return (
        f"{stream.codec} with {stream.remote_host}:{stream.remote_port}, {secrecy}, "
        f"{stream.ptime_ms} ms packets, {keys}, {ways[stream.sending, stream.receiving]}"
    )
