"""The people of a simulation: who calls the scenario, and whom the scenario calls.

What people do is a plain call (`hang_up`, `answer`, `press`, `says`): it begins at once, and what
takes time can be awaited to its end. What they wait for is awaited (`hears`, `ended`): every wait
is bounded, ends early when the call is over, and fails with what was heard instead; a fault of the
script ends it at once with the script's own traceback.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Final, Literal, Protocol, TypeVar

import trio
import trio.testing

from runtime.legs.leg import Ended, Headers
from runtime.testing.agenda import Act, Signal
from runtime.testing.hearing import Audio, Heard, speech_seconds, transcript
from runtime.testing.legs import NO_HEADERS, SimLeg, WireStep
from runtime.testing.symbolic_leg import DIGIT_GAP_S, DIGIT_S
from runtime.testing.transfers import SimTransfers, Transferring

T = TypeVar("T")

WAIT_S: Final = 60.0
"""How long a person waits for something to happen, when the test does not say: as long as a phone
may ring."""
TONES: Final = frozenset("0123456789*#ABCD")
DtmfKind = Literal["rfc4733", "info", "in-band"]
PROGRESS_S: Final = 3.0
"""How long a busy tone sounds before it is certain (two rounds)."""


class Stage(Protocol):
    """What people know of the simulation that they are in."""

    def note(self, who: str, what: str) -> None:
        """Write an act of theirs into the timeline."""

    def watch(self, signal: Signal) -> None:
        """Notify it when the script fails."""

    def check(self) -> None:
        """Raise ScenarioFailed when the script had an error that the test did not expect."""


class NotHeard(AssertionError):
    """A person waited for something that did not come."""


class SimPeer(Transferring):
    """One person with a phone. The leg exists once the call was placed."""

    def __init__(self, name: str, stage: Stage) -> None:
        self.name = name
        self._stage = stage
        self._leg: SimLeg | None = None
        self._signal = Signal()
        self._listened = 0
        stage.watch(self._signal)

    # --- what happened ---

    @property
    def leg(self) -> SimLeg:
        if self._leg is None:
            raise NotHeard(f"{self.name} was not called yet; wait for it: await callee.invited()")
        return self._leg

    @property
    def heard(self) -> list[Heard]:
        """Everything heard since the call began; nothing while there is no call."""
        return self._leg.media.ear.heard if self._leg else []

    @property
    def hears_now(self) -> list[str]:
        """What sounds at this moment; empty is silence."""
        return sorted(audio.what for audio in self.leg.media.ear.sounding)

    @property
    def digits(self) -> str:
        """The key presses that reached this phone (sendDigits, or keys of a bridged party)."""
        return "".join(one.digit for one in self.leg.media.digits)

    @property
    def wire(self) -> list[str]:
        """What went over the wire, in order: invited, 180, answered, bye ..."""
        return [step.what for step in self.leg.wire]

    @property
    def wire_log(self) -> list[WireStep]:
        """The same with times, directions and headers."""
        return list(self.leg.wire)

    @property
    def end(self) -> Ended | None:
        """How the call ended; None while it is up, or was not placed."""
        return self._leg.ended if self._leg else None

    @property
    def is_connected(self) -> bool:
        return self._leg is not None and self._leg.state == "connected"

    # --- waiting ---

    async def hears(
        self,
        what: str | re.Pattern[str],
        *,
        within: float = WAIT_S,
        to_the_end: bool = False,
    ) -> Heard:
        """Wait until `what` (part of it, in any case; or a pattern) begins to be heard.

        Goes on from the last thing that was waited for, so that the second `hears("menu")` waits
        for a second menu. With `to_the_end`, return when it is over.
        """
        __tracebackhide__ = True
        found = await self._until(lambda: self._find(what), within, f"to hear {_show(what)}")
        self._listened = found.number
        if not to_the_end:
            return found
        return await self._until(
            lambda: self._over(found), WAIT_S * 60, f"to hear {_show(what)} to its end"
        )

    async def hears_nothing(self, *, seconds: float) -> None:
        """Stay on the line for so long and hear only silence."""
        __tracebackhide__ = True
        start = trio.current_time()
        await trio.sleep(seconds)
        self._stage.check()
        loud = [one for one in self.heard if one.end is None or one.end > start]
        if loud:
            raise NotHeard(
                f"{self.name} should have heard nothing for {seconds:g} s, but heard:\n"
                f"{transcript(loud)}"
            )

    async def connected(self, *, within: float = WAIT_S) -> None:
        """Wait until the call is answered."""
        __tracebackhide__ = True
        await self._until(lambda: self.is_connected or None, within, "to be connected")

    async def ended(self, *, within: float = WAIT_S) -> Ended:
        """Wait until the call is over."""
        __tracebackhide__ = True
        return await self._until(lambda: self.end, within, "for the end of the call")

    async def gets_digits(self, digits: str, *, within: float = WAIT_S) -> None:
        """Wait until these key presses have reached this phone, all of them together."""
        __tracebackhide__ = True
        await self._until(
            lambda: (self._leg and digits in self.digits) or None,
            within,
            f"for the digits {digits!r}",
        )

    async def sees(self, step: str, *, within: float = WAIT_S) -> WireStep:
        """Wait until this went over the wire: "180", "183", "answered", "info", "bye" ..."""
        __tracebackhide__ = True
        return await self._until(lambda: self._step(step), within, f"to see {step!r}")

    # --- acting ---

    def says(self, text: str, *, seconds: float | None = None) -> Act:
        """Speak, for as long as the text takes (or `seconds`), after what is being said."""
        media = self.leg.media
        audio = Audio(what=text, kind="voice", source=self.name)
        length = speech_seconds(text) if seconds is None else seconds
        begin, end = media.take_turn("voice", length)

        def begins() -> None:
            self._stage.note(self.name, f"says {text!r}")
            media.begins(audio)

        media.at(begin, begins)
        return media.at(end, lambda: media.stops(audio))

    def press(self, keys: str, *, gap: float = DIGIT_GAP_S, by: DtmfKind = "rfc4733") -> Act:
        """Press keys, 0.1 s each with `gap` seconds between them, after those pressed before."""
        unknown = [key for key in keys if key not in TONES]
        if unknown or not keys:
            raise ValueError(f"press({keys!r}): the keys of a phone are 0-9 * # A-D")
        if self.leg.unanswered and "183" not in self.wire:
            raise RuntimeError(
                f"press(): {self.name} is not connected yet, so nobody could hear the keys; wait "
                "for it: await caller.connected()"
            )
        media = self.leg.media
        way: Callable[[str], None] = (
            self.leg.peer_signals_tone
            if by == "info"
            else partial(media.presses, in_band=by == "in-band")
        )

        def press(key: str) -> None:
            self._stage.note(self.name, f"presses {key}")
            way(key)

        over = trio.current_time()
        for key in keys:
            begin, over = media.take_turn("keys", DIGIT_S + gap)
            media.at(begin, partial(press, key))
        return media.at(over, lambda: None)

    def beep(self, hz: float = 1000.0, *, seconds: float = 0.4) -> Act:
        """Beep as an answering machine does, after what is being said."""
        media = self.leg.media
        audio = Audio(what=f"beep of {hz:g} Hz", kind="tone", source=self.name)
        begin, end = media.take_turn("voice", seconds)

        def begins() -> None:
            self._stage.note(self.name, f"beeps at {hz:g} Hz")
            media.begins(audio)

        media.at(begin, begins)
        return media.at(end, partial(media.beeps, audio, hz, seconds))

    def busy_tone(self, country: str = "US") -> Act:
        """The exchange's busy tone, as after the other end of a connected call has hung up."""
        media = self.leg.media
        audio = Audio(what=f"busy tone {country}", kind="tone", source=self.name)
        begin, end = media.take_turn("voice", PROGRESS_S)
        media.at(begin, partial(media.begins, audio))
        media.at(end, partial(media.signals_progress, "busy", country))
        return media.at(end, partial(media.stops, audio))

    def hang_up(self, headers: Headers = NO_HEADERS, *, cause: int | None = None) -> None:
        """Put the phone down; a second time does nothing. `cause` goes into a Reason header."""
        self.leg.peer_hangs_up(headers, cause=cause)

    def hold(self) -> None:
        """Put the other side on hold; nothing is heard until `resume`."""
        self._connected_only("hold")
        self.leg.changes.peer_holds()

    def resume(self) -> None:
        self._connected_only("resume")
        self.leg.changes.peer_resumes()

    def refuse_changes(self, code: int = 488, reason: str = "Not Acceptable Here") -> None:
        """From now on every call.reInvite() of the script is refused, and nothing changes."""
        self.leg.changes.refusal = (code, reason)

    def accept_changes(self) -> None:
        """As at first: every call.reInvite() of the script is taken."""
        self.leg.changes.refusal = None

    def send_info(self, mime_type: str, body: str, headers: Headers = NO_HEADERS) -> None:
        """A SIP INFO."""
        self._connected_only("send_info")
        self.leg.peer_sends_info(mime_type, body, headers)

    def send_message(self, text: str, headers: Headers = NO_HEADERS) -> None:
        self._connected_only("send_message")
        self.leg.peer_sends_message(text, headers)

    def lose_network(self) -> None:
        """Packets stop: RtpStopped follows after 5 s. `regain_network` brings them back."""
        self.leg.media.goes_silent()

    def regain_network(self) -> None:
        self.leg.media.comes_back()

    def vanish(self) -> None:
        """Be gone for good: the leg ends by time-out."""
        self.leg.network_fails()

    # --- inside ---

    @property
    def _transfers(self) -> SimTransfers:
        return self.leg.transfers

    def _attach(self, leg: SimLeg) -> None:
        self._leg = leg
        leg.media.name = self.name
        leg.media.signal = self._signal
        self._signal.notify()

    def _connected_only(self, verb: str) -> None:
        if not self.is_connected:
            raise RuntimeError(
                f"{verb}(): {self.name} is {self.leg.state}; wait for the call to be up first: "
                "await ....connected()"
            )

    def _find(self, what: str | re.Pattern[str]) -> Heard | None:
        heard = self._leg.media.ear.since(self._listened) if self._leg else []
        return next((one for one in heard if one.matches(what)), None)

    async def over(self) -> None:
        """Wait for the end of the call, however long it takes."""
        while self.leg.ended is None:
            await self._signal.wait()

    def _over(self, found: Heard) -> Heard | None:
        for one in self.leg.media.ear.since(found.number - 1):
            if one.number == found.number:
                return one if one.end is not None else None
        return found

    def _step(self, what: str) -> WireStep | None:
        steps = self._leg.wire if self._leg else []
        return next((step for step in steps if step.what == what), None)

    async def _until(self, look: Callable[[], T | None], within: float, purpose: str) -> T:
        """Look again at every change of this leg, up to `within` seconds.

        People look when everything of one instant has happened: what a script replaces at once was
        never heard, and what the test does next meets a script that waits for it.
        """
        __tracebackhide__ = True
        start = trio.current_time()
        with trio.move_on_after(within):
            while True:
                await trio.testing.wait_all_tasks_blocked()
                self._stage.check()
                found = look()
                if found is not None:
                    return found
                if self._leg is not None and self._leg.ended is not None:
                    break
                await self._signal.wait()
        self._stage.check()
        found = look()
        if found is not None:
            return found
        raise self._in_vain(purpose, start)

    def _in_vain(self, purpose: str, start: float) -> NotHeard:
        now = trio.current_time()
        lines = [f"{self.name} waited {purpose} from {start:.2f} s to {now:.2f} s, in vain."]
        if self._leg is None:
            return NotHeard(f"{lines[0]} The scenario never dialled it.")
        ended = self._leg.ended
        if ended:
            lines.append(f"The call is over: {ended.code} {ended.reason} (by {ended.by}).")
        lines += [f"Signalling: {', '.join(self.wire)}. Heard:", transcript(self.heard)]
        return NotHeard("\n".join(lines))

    def __repr__(self) -> str:
        state = self._leg.state if self._leg else "not called"
        return f"<{type(self).__name__} {self.name} {state}>"


def _show(what: str | re.Pattern[str]) -> str:
    return f"/{what.pattern}/" if isinstance(what, re.Pattern) else repr(what)
