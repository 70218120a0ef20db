"""Re-INVITEs of a simulated call, either way: hold above all, and the audio that is left."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import attrs

from runtime.decisions.directions import AudioDirection
from runtime.legs.leg import Headers, Held, ReinviteAccepted, Reinvited, ReinviteRejected, Resumed
from runtime.media.port import RtpStream

if TYPE_CHECKING:
    from runtime.testing.legs import SimLeg

SDP: Final = "application/sdp"
ANSWERS: Final[Mapping[AudioDirection, AudioDirection]] = MappingProxyType(
    {
        AudioDirection.BOTH: AudioDirection.BOTH,
        AudioDirection.SENDS: AudioDirection.RECEIVES,
        AudioDirection.RECEIVES: AudioDirection.SENDS,
        AudioDirection.NONE: AudioDirection.NONE,
    }
)
"""To an offer that is taken (RFC 3264 6.1)."""


STREAM: Final = RtpStream(
    remote_host="192.0.2.1",
    remote_port=40_000,
    remote_rtcp_port=40_001,
    codec="PCMU",
    send_payload_type=0,
    receive_payload_types=frozenset({0}),
    dtmf_send_payload_type=101,
    dtmf_receive_payload_type=101,
)


class SimChanges:
    """The direction that the script wants and that the peer wants."""

    def __init__(self, leg: SimLeg) -> None:
        self._leg = leg
        self._wanted = AudioDirection.BOTH
        self._held = False
        self.refusal: tuple[int, str] | None = None
        """Code and reason; None when the peer takes them."""

    def ask(self, direction: AudioDirection | None, headers: Headers) -> None:
        leg, wanted = self._leg, direction or self._wanted
        leg.step("reinvite", True, headers, f"a={wanted}\r\n")
        if self.refusal is None:
            self._wanted = wanted
            self.configure()
            leg.emit(ReinviteAccepted(mime_type=SDP, body=f"a={ANSWERS[wanted]}\r\n"))
        else:
            code, reason = self.refusal
            leg.step(f"refused {code}", False, {}, reason)
            leg.emit(ReinviteRejected(code=code, reason=reason))

    def peer_holds(self) -> None:
        self._peer_changes(held=True)

    def peer_resumes(self) -> None:
        self._peer_changes(held=False)

    def configure(self) -> None:
        """What passes still."""
        sends = self._wanted in (AudioDirection.BOTH, AudioDirection.SENDS)
        receives = self._wanted in (AudioDirection.BOTH, AudioDirection.RECEIVES)
        sending = sends and not self._held
        self._leg.media.configure(attrs.evolve(STREAM, sending=sending, receiving=receives))

    def _peer_changes(self, *, held: bool) -> None:
        leg = self._leg
        if not leg.is_connected or self._held == held:
            return
        self._held = held
        self.configure()
        what = "hold" if held else "resume"
        leg.step(what, False, {}, "")
        direction = AudioDirection.SENDS if held else AudioDirection.BOTH
        leg.emit(Reinvited(mime_type=SDP, body=f"a={direction}\r\n"))
        leg.pass_on(what, f"a={ANSWERS[direction]}\r\n")
        leg.emit(Held() if held else Resumed())
