"""What every SIP leg of this process has in common; made once at start-up and passed down."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Final

import attrs
import trio

from runtime.legs.sip.encryption import Encryption
from runtime.legs.sip.media_session import MediaSession, capabilities, local_media, new_keys
from runtime.legs.sip.own_calls import OwnCalls
from runtime.legs.sip.trace import TraceBook
from runtime.legs.sip.trunk.arriving import TrunkRefusal
from runtime.legs.sip.trunk.desk import Line
from runtime.legs.sip.trunk.recognition import Caller, Recognised
from runtime.media.port import MediaLeg, MediaPort, MediaUnavailable
from runtime.media.ports import BOTH_FAMILIES
from sip.address import PeerAddress
from sip.advertise import Advertised
from sip.sdp import SrtpPolicy

OPEN_TIMEOUT_S: Final = 10.0
"""For a port pair. It comes from a pool within a tick; an engine that died is back in a second or
two, and the caller has had its 100 Trying meanwhile."""


def no_address(_: str) -> str | None:
    """For engines that have one address."""
    return None


def nobody(_: Caller) -> Recognised | None:
    """For phones and tests: nobody who calls is a trunk."""
    return None


def open_door(_: str) -> Line | TrunkRefusal:
    """For phones and tests: nobody has limits."""
    return Line()


@attrs.frozen(kw_only=True)
class LegSettings:
    """Engine, trace lines, clock and randomness of the legs."""

    media: MediaPort
    book: TraceBook
    now: Callable[[], float]
    """The trio clock, seconds."""
    new_number: Callable[[], int]
    """A random number below 2**31 for the o= line of each leg."""
    advertised: Advertised = Advertised()
    """Addresses written into session descriptions instead of the engine's own."""
    source_address: Callable[[str], str | None] = no_address
    """From which of our addresses packets to a host leave; asked when the engine has them all."""
    codecs: tuple[str, ...] = ("PCMU", "PCMA")
    encryption: Encryption = attrs.field(factory=Encryption)
    random_bytes: Callable[[int], bytes] = secrets.token_bytes
    """For the keys of encrypted legs."""
    direct: bool = True
    """Whether calls may pass their audio directly between the peers."""
    info_digits: bool = False
    """Whether peers without RFC 4733 get digits by SIP INFO, not as tones."""
    own_calls: OwnCalls = attrs.field(factory=OwnCalls)
    is_own: Callable[[PeerAddress], bool] = lambda _: False
    """Whether a request comes from one of our own sockets."""
    recognise: Callable[[Caller], Recognised | None] = nobody
    """The trunk that a call comes from."""
    enter: Callable[[str], Line | TrunkRefusal] = open_door
    """A line for a call from the trunk with this name, "" for none."""

    async def open_media(self) -> MediaLeg:
        """The audio of a new leg. Raises MediaUnavailable."""
        with trio.move_on_after(OPEN_TIMEOUT_S):
            return await self.media.open_leg()
        raise MediaUnavailable(f"the engine gave no ports within {OPEN_TIMEOUT_S:g} s")

    def audio_of(
        self,
        leg: MediaLeg,
        peer_host: str,
        *,
        transport: str,
        codecs: tuple[str, ...] | None = None,
        srtp: SrtpPolicy | None = None,
    ) -> MediaSession:
        """The offer/answer state of a new leg with a peer there; `srtp` is its trunk's wish.

        Raises NegotiationError where a required key may not travel over the `transport` of SIP.
        """
        terms = self.encryption.terms(transport, srtp)
        policy = terms.policy
        keys = () if policy is SrtpPolicy.OFF else new_keys(self.random_bytes)
        host, other = self._hosts(leg.address.host, peer_host)
        local = local_media(leg.address, self.new_number(), host, keys, other)
        caps = capabilities(codecs or self.codecs, policy, terms.plain_because)
        return MediaSession(caps, local)

    def _hosts(self, engine: str, peer_host: str) -> tuple[str, str]:
        """What the peer is told, and the same in the other family where the engine has both."""
        has_both = engine == BOTH_FAMILIES
        told = self.advertised.media_host(peer_host, None if has_both else _version(engine))
        if not has_both and (told or engine != "0.0.0.0"):
            return told or engine, ""
        host = told or self.source_address(peer_host) or "127.0.0.1"
        elsewhere = _in_the_other_family(host)
        other = self.source_address(elsewhere) or ""
        if has_both:
            return host, self.advertised.media_host(peer_host, _version(elsewhere)) or other
        return (other or "127.0.0.1" if ":" in host else host), ""


def _version(host: str) -> int:
    return 6 if ":" in host else 4


def _in_the_other_family(host: str) -> str:
    """An address that is as far away: loopback, or the world (RFC 5737, RFC 3849)."""
    if ":" in host:
        return "127.0.0.1" if host == "::1" else "192.0.2.1"
    return "::1" if host.startswith("127.") else "2001:db8::1"
