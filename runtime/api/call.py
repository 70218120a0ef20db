"""Call: one leg of a conversation, as a scenario holds it.

What it hears is one stream at a time: say, startPlayback, playProgressTone and x.sendMediaTo(call)
each replace what was heard before, for good; after a playback the leg hears silence.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final

import trio

from runtime.api.call_identity import EndHandle
from runtime.api.call_listening import CallListening
from runtime.api.gathering import Gathering, check_prompt, plan_of, recogniser_options
from runtime.api.handle import CommandHandle, Handle, PlaybackHandle
from runtime.api.names import StrictNames
from runtime.api.options import flag, inner_options, merge, seconds, text
from runtime.api.recorder import recording_fields
from runtime.api.tones import Tones
from runtime.api.values import Answered, PlaybackOutcome
from runtime.decisions.gather import MAX_DIGITS
from runtime.sandbox.commands import PlayProgressTone, RecordCall, Say, StartPlayback, StopPlayback

SAY_OPTIONS: Final = ("language", "progressivePlayback", "request", "ttsOptions", "voice")
TTS_OPTIONS: Final = (
    "effectsProfileId",
    "emotion",
    "pitch",
    "rate",
    "role",
    "volume",
    "yandexCustomModelName",
)
MAX_SENT_TEXT: Final = 4_000
"""Above the 1,500 characters that the core accepts, so that it answers; fits into one frame."""
MAX_ANSWERED_S: Final = 3_600.0
"""No call rings longer than 400 s."""


class Answering(StrictNames):
    """The wait of Call.answered; awaiting it gives Answered."""

    __slots__ = ("_deadline", "_handle", "_timeout")

    def __init__(self, handle: Handle[Answered], timeout: float | None) -> None:
        self._handle = handle
        self._timeout = timeout
        self._deadline = math.inf if timeout is None else trio.current_time() + timeout

    def __repr__(self) -> str:
        limit = "" if self._timeout is None else f", {self._timeout:g} s at most"
        return f"{repr(self._handle)[:-1]}{limit}>"

    def __await__(self) -> Generator[Any, Any, Answered]:
        return self._wait().__await__()

    async def _wait(self) -> Answered:
        with trio.move_on_at(self._deadline):
            return await self._handle
        if self._handle.done:
            return self._handle._outcome()
        return Answered(
            connected=False, code=408, reason=f"not answered within {self._timeout:g} s"
        )


class Call(CallListening):
    """One call leg: `e.call` of CallAlerting, or what VoxEngine.callSIP and its kin return.

    It begins ALERTING, becomes PROGRESSING with the first sign of progress, CONNECTED, and
    TERMINATED for good; StateChanged tells each step, right before the event that caused it. The
    last event is Disconnected, or Failed for an outgoing call that never connected; RecordStopped
    may follow. Commands return at once and can be awaited; on a call that has ended they are
    ignored with a log line. VoxEngine reference: Call.
    """

    __slots__ = ()
    _made_by = "VoxEngine.callSIP(), callPSTN() or callUser()"

    # --- playback -------------------------------------------------------------------------------

    def say(self, text: str, *voice: object, **options: object) -> PlaybackHandle:
        """Speak `text` (at most 1,500 characters) to this call.

        Replaces what the call hears. PlaybackReady, PlaybackStarted(duration) and PlaybackFinished
        follow; PlaybackFinished(error) alone when the text cannot be spoken; no PlaybackFinished
        when it is stopped or replaced. Before Connected (after answer) it waits for Connected.
        Awaiting gives a PlaybackOutcome and does not raise; ending the wait does not stop the
        speech, stopPlayback() does. Options, as keywords or one dict: voice (VoiceList, or a
        language tag), ttsOptions {rate, pitch, volume}, progressivePlayback (it begins while the
        rest is still being spoken; PlaybackStarted.duration is 0 then); request is accepted, and
        language is the older name of voice. The older positional form (text, voice, ttsOptions)
        works. VoxEngine reference: Call.say.
        """
        merged = merge("Call.say", SAY_OPTIONS, voice, options, legacy=("voice", "ttsOptions"))
        fields = speech_fields("Call.say", text, merged)
        progressive = flag(
            "Call.say", "progressivePlayback", merged.get("progressivePlayback", False)
        )
        return self._play("say", Say, **fields, progressive=progressive)

    def startPlayback(self, url: str, *loop: object, **options: object) -> PlaybackHandle:
        """Play a sound: a file of the scenario's own folder, or an http(s) URL (wav, mp3, ogg,
        flac; at most 10 MB).

        Replaces what the call hears. Events and awaiting as for say; with loop=True it goes on
        until stopped or replaced. With progressivePlayback=True a URL is heard while the rest of it
        is still being fetched (PlaybackStarted.duration is 0 unless the file begins with its
        length); it waits in silence when the download is too slow. What was fetched is kept for as
        long as its server allows. VoxEngine reference: Call.startPlayback.
        """
        what = "Call.startPlayback"
        merged = merge(what, ("loop", "progressivePlayback"), loop, options, legacy=("loop",))
        return self._play(
            "startPlayback",
            StartPlayback,
            url=text(what, "url", url),
            loop=flag(what, "loop", merged.get("loop", False)),
            progressive=flag(what, "progressivePlayback", merged.get("progressivePlayback", False)),
        )

    def playProgressTone(self, country: str) -> PlaybackHandle:
        """Play the ring-back tone of a country ("US", "RU", ...) until it is replaced or stopped.

        Replaces what the call hears; never fires PlaybackFinished. Before the answer it needs
        startEarlyMedia. VoxEngine reference: Call.playProgressTone.
        """
        name = text("Call.playProgressTone", "country", country)
        return self._play("playProgressTone", PlayProgressTone, country=name)

    def stopPlayback(self) -> CommandHandle:
        """Stop the say or playback that this call hears; no PlaybackFinished follows.

        Does nothing when it hears something else. VoxEngine reference: Call.stopPlayback.
        """
        handle = self._command("stopPlayback", StopPlayback)
        self._superseded(PlaybackOutcome.STOPPED)
        return handle

    def _play(self, what: str, command: type[Any], **fields: Any) -> PlaybackHandle:
        handle = PlaybackHandle(f"Call.{what}")
        number = self._session.new_playback()
        built = self._session.build(
            handle._what, command, unit=self._unit, playback=number, **fields
        )
        if self._over:
            return self._session.ignored(handle, f"{self} has ended")
        self._session.command(built, handle)
        self._superseded(PlaybackOutcome.REPLACED)
        self._playing = (number, handle)
        return handle

    def record(self, *parameters: object, **options: object) -> CommandHandle:
        """Record what the endpoint says and hears, from now (or the answer) to the end of the call.

        RecordStarted(url) follows, and RecordStopped after Disconnected; RecordError when it cannot
        be done, or runs already: a call is recorded once. Options, as keywords or one dict: stereo
        (left = what the endpoint sends, right = what it hears), hd_audio, lossless (flac), expire
        (one of RecordExpireTime: deleted then, if the operator keeps it so long; by default as the
        operator says), recordNamePrefix (of the name that it is fetched under), and ours: container
        "mp3" (default), "wav", "flac" or "ogg". VoxEngine reference: Call.record.
        """
        fields = recording_fields(self._session, "Call.record", parameters, options)
        fields.pop("name")
        return self._command("record", RecordCall, **fields)

    # --- keys -----------------------------------------------------------------------------------

    def tones(self) -> Tones:
        """Key presses from now on: `async for key in call.tones():` gives "0" to "9", "*", "#"
        (and "A" to "D" from phones that have them).

        Switches tone handling on (handleTones) if it is off. The loop ends when the call ends.
        Keys wait in a buffer of 256 while the loop's body runs.
        """
        if not self._handling and not self._over:
            self.handleTones(True)
        tones = Tones(ended=self._over)
        self._readers.add(tones)
        return tones

    def gather(
        self,
        *,
        maxDigits: int = MAX_DIGITS,
        finishOn: str = "#",
        timeout: float = 5.0,
        interDigitTimeout: float | None = None,
        prompt: str | Handle[PlaybackOutcome] | None = None,
        bargeIn: bool = True,
        speech: bool | Mapping[str, object] = False,
        hints: Sequence[str] = (),
    ) -> Gathering:
        """Collect key presses, and speech if asked for; awaiting it gives Gathered(digits, speech,
        confidence, reason, error).

        `prompt` (a text to say, or what a say or startPlayback gave) plays at once, and keys are
        kept from now on; they are looked at while this is awaited. A key stops the prompt with
        bargeIn=True and is not taken without. Ends with the `maxDigits`-th digit, a key of
        `finishOn` (not part of the digits), `timeout` seconds after the prompt without a first
        digit, `interDigitTimeout` seconds (default: `timeout`) after the last one, or with the
        call. Never raises for these. Switches tone handling on. Ending the wait leaves the prompt
        playing.

        With `speech` (True, or options of createASR: profile, model, phraseHints, ...) a
        recogniser hears the call while this is awaited, during the prompt only with bargeIn=True.
        A voice stops the prompt and has 60 s; the first words it says end the collection. The first
        digit ends the listening. `hints` are phrases that are likely; the embedded recogniser knows
        nothing else. When nothing can be recognised keys are still collected, `error` says why.
        """
        plan = plan_of(maxDigits, finishOn, timeout, interDigitTimeout, bargeIn, speech)
        check_prompt(prompt)
        wishes = recogniser_options(speech, hints)
        tones = self.tones()
        playing = self.say(prompt) if isinstance(prompt, str) else prompt
        return Gathering(self, plan, tones, playing, wishes)

    # --- waiting --------------------------------------------------------------------------------

    def answered(self, timeout: float | None = None) -> Answering:
        """Wait for Connected: `outcome = await call.answered(timeout=15)`.

        Gives Answered, true when connected; else with the SIP code and reason of the refusal, or
        408 when `timeout` seconds have passed. It never raises for these, and never hangs up.
        """
        if timeout is not None:
            seconds("Call.answered", "timeout", timeout, MAX_ANSWERED_S)
        return Answering(self._answer, timeout)

    def ended(self) -> EndHandle:
        """Wait for the end: gives the call's last event, Disconnected or Failed.

        A handler of this call that waited gets up to 10 s to finish its work.
        """
        return self._end


def speech_fields(what: str, spoken: str, merged: Mapping[str, Any]) -> dict[str, str]:
    """The wire fields of a text to be spoken."""
    tts = inner_options(what, "ttsOptions", merged.get("ttsOptions"), TTS_OPTIONS)
    return {
        "text": text(what, "text", spoken)[:MAX_SENT_TEXT],
        "voice": text(what, "voice", merged.get("voice", merged.get("language", ""))),
        **{name: tts.get(name, "") for name in ("rate", "pitch", "volume")},
    }
