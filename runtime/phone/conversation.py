"""One call of the phone, over the ports alone: ring, talk, press keys, listen, hang up, report.

The rule: it ends by itself. Every wait has a bound (the plan's or a constant here), and whatever
happens, cancellation included, the leg is hung up and what was heard is kept.
"""

from __future__ import annotations

import math
from typing import Final

import trio

from runtime.legs.leg import (
    Connected,
    EarlyMedia,
    Ended,
    InfoReceived,
    Leg,
    LegEvent,
    ToneSignalled,
    Trace,
)
from runtime.media.listening import listen
from runtime.media.port import (
    DigitsSent,
    LegClosed,
    LegMediaEvent,
    LegStatistics,
    MediaLost,
    MediaPlayer,
    MediaPort,
    PlayerEvent,
    Sound,
    ToneReceivedFromPeer,
)
from runtime.phone.ear import Ear
from runtime.phone.plan import CallPlan, CallReport, verdict

FIRST_KEY_S: Final = 0.5
"""From the answer to the first key: nobody is quicker, and the far side has attached its ears."""
GOODBYE_S: Final = 5.0
"""For a hang-up to end the leg and for the engine to tell its counters."""
MAX_DIGITS: Final = 1_000
"""Received keys that are kept."""
MAX_LINES: Final = 2_000
"""Trace lines that are kept; a call has some 20."""


class Conversation:
    """Carries out a plan on a leg that was dialled, or that rings here."""

    def __init__(
        self, plan: CallPlan, leg: Leg, media: MediaPort, ear: Ear, sound: Sound | None
    ) -> None:
        self._plan = plan
        self._leg = leg
        self._media = media
        self._ear = ear
        self._sound = sound
        self._player: MediaPlayer | None = None
        self._connected = trio.Event()
        self._over = trio.Event()
        self._closed = trio.Event()
        self._connected_at = math.inf
        self._over_at = math.inf
        self._heard_from = math.inf
        self._answer_headers: dict[str, str] = {}
        self._ended = Ended(code=408, reason="the leg gave no end", by="network")
        self._fault: tuple[int, str] | None = None
        self._statistics = LegStatistics()
        self._received = ""
        self._sent = ""
        self._lines: list[str] = []

    async def run(self) -> CallReport:
        """Talk until the call is over, and report."""
        leg, keys = self._leg, self._plan.keys()
        leg.trace(self._on_trace)
        leg.media.listen(self._on_media)
        leg.media.handle_tones(True)
        leg.listen(self._on_event)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._pick_up if leg.incoming else self._wait_for_answer)
                nursery.start_soon(self._talk, keys)
                nursery.start_soon(self._ear.run)
                await self._over.wait()
                nursery.cancel_scope.cancel()
        finally:
            await self._say_goodbye()
        return self._report()

    # --- what is done, and when -----------------------------------------------------------------

    async def _pick_up(self) -> None:
        if self._plan.reject_code is not None:
            self._leg.reject(self._plan.reject_code, "", self._plan.headers)
            return
        if self._plan.ring_s > 0:
            self._leg.ring({})
            await trio.sleep(self._plan.ring_s)
        self._leg.answer(self._plan.headers)

    async def _wait_for_answer(self) -> None:
        with trio.move_on_after(self._plan.timeout_s):
            await self._connected.wait()
            return
        reason = f"no answer within {self._plan.timeout_s:g} s"
        self._leg.hangup({}, code=408, reason=reason)

    async def _talk(self, keys: str) -> None:
        await self._connected.wait()
        if self._sound is not None:
            self._player = self._media.open_player(self._sound, self._on_player)
            self._media.connect(self._player, self._leg.media)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._press, keys)
            await trio.sleep(max(0.0, self._connected_at + self._plan.talk_s - trio.current_time()))
            nursery.cancel_scope.cancel()
        self._leg.hangup({})

    async def _press(self, keys: str) -> None:
        if keys:
            await trio.sleep(FIRST_KEY_S)
            self._leg.media.send_digits(keys)

    async def _say_goodbye(self) -> None:
        """End what is not over yet, and wait, bounded, for the last counters and frames."""
        with trio.CancelScope(shield=True):
            self._leg.hangup({})
            if self._player is not None:
                self._player.close()
            with trio.move_on_after(GOODBYE_S):
                await self._over.wait()
                await self._closed.wait()
            await self._ear.finish()

    # --- what happens ---------------------------------------------------------------------------

    def _on_event(self, event: LegEvent) -> None:
        match event:
            case EarlyMedia():
                self._listen()
            case Connected(headers=headers):
                self._connected_at = trio.current_time()
                self._answer_headers = dict(headers)
                self._listen()
                self._connected.set()
            case ToneSignalled(tone=tone):
                self._key_came(tone)
            case InfoReceived(mime_type=mime_type, body=body):
                self._note(f"info {mime_type}: {body[:200]!r}")
            case Ended():
                self._ended = event
                self._over_at = trio.current_time()
                self._over.set()
            case _:
                pass  # ringing, hold and text need nothing from a phone without a display

    def _on_media(self, event: LegMediaEvent) -> None:
        match event:
            case ToneReceivedFromPeer(tone=tone):
                self._key_came(tone)
            case DigitsSent():
                self._sent = self._plan.keys().replace("p", "")
            case LegClosed(statistics=statistics):
                self._statistics = statistics
                self._closed.set()
            case MediaLost():
                self._fault = (503, "the audio engine stopped during the call")
                self._closed.set()
                self._leg.hangup({}, code=503, reason="the audio engine stopped")
            case _:
                pass  # first packet, stopped and resumed RTP show in the counters and in `heard`

    def _on_player(self, event: PlayerEvent) -> None:
        error = getattr(event, "error", None)
        if error is not None:
            self._fault = (500, f"what was to be played: {error}")

    def _on_trace(self, line: Trace) -> None:
        self._note(line.what)

    def _note(self, text: str) -> None:
        if len(self._lines) < MAX_LINES:
            self._lines.append(text)

    def _key_came(self, tone: str) -> None:
        if len(self._received) < MAX_DIGITS:
            self._received += tone

    def _listen(self) -> None:
        if self._heard_from == math.inf:
            self._heard_from = trio.current_time()
            self._ear.open(self._media, self._leg.media)

    def _report(self) -> CallReport:
        answered = self._connected_at < math.inf
        ok, code, reason = verdict(self._ended, answered=answered)
        if self._fault is not None:
            ok, (code, reason) = False, self._fault
        return CallReport(
            ok=ok,
            code=code,
            reason=reason,
            duration_s=self._over_at - self._connected_at if answered else 0.0,
            heard=tuple(listen(self._ear.samples(), self._ear.rate_hz)),
            digits=self._received,
            digits_sent=self._sent,
            answered_at_s=max(0.0, self._connected_at - self._heard_from) if answered else 0.0,
            recording=self._ear.path,
            rtp=self._statistics,
            headers=self._answer_headers,
            trace=tuple(self._lines),
        )
