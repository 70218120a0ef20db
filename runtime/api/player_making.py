"""The part of VoxEngine that makes players."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from runtime.api.call import SAY_OPTIONS, speech_fields
from runtime.api.handle import CommandHandle
from runtime.api.http import header_pairs
from runtime.api.listeners import EventSource
from runtime.api.options import flag, merge, text
from runtime.api.player import Player, SequencePlayer
from runtime.api.running import current
from runtime.api.session import Session
from runtime.decisions.tone_notation import BadToneScript, parse
from runtime.sandbox.player_commands import (
    MAX_SEGMENTS,
    CreateSequencePlayer,
    CreateTonePlayer,
    CreateTtsPlayer,
    CreateUrlPlayer,
)

URL_OPTIONS: Final = ("url", "method", "headers", "body")
PLAYER_OPTIONS: Final = ("loop", "onPause", "progressivePlayback", "hideHeaders", "hideBody")
TTS_PLAYER_OPTIONS: Final = (*SAY_OPTIONS, "onPause")
TONE_PLAYER_OPTIONS: Final = ("loop", "progressivePlayback")
SEQUENCE_OPTIONS: Final = ("segments",)


class PlayerMaking(EventSource):
    """createURLPlayer, createTTSPlayer, createToneScriptPlayer, createSequencePlayer."""

    __slots__ = ()

    def createURLPlayer(
        self,
        url: str | Mapping[str, object] | None = None,
        *parameters: object,
        request: str | Mapping[str, object] | None = None,
        **options: object,
    ) -> Player:
        """A player of a sound file (a file of the scenario's folder, or http(s); 10 MB at most).

        Instead of the URL: a dict of url, method ("GET"), headers (a dict, or a list of "Name:
        value") and body (a text), for servers that make sounds; `request` is another name of this
        parameter. Options, as keywords or one dict: loop; onPause (wait for resume());
        progressivePlayback (begin while the rest is still being fetched; Started.duration is 0
        unless the file begins with its length); hideHeaders and hideBody (they do not stand in the
        timeline). The older positional form (url, loop, onPause)
        works. Created, PlaybackReady and Started follow, PlaybackFinished at the end,
        PlaybackFinished(error) when it cannot be played, PlaybackBuffering when a download is too
        slow. What a plain URL brought is kept for as long as its server allows. VoxEngine
        reference: VoxEngine.createURLPlayer.
        """
        what = "VoxEngine.createURLPlayer"
        url = request if url is None else url
        asked = merge(what, URL_OPTIONS, (url,), {}) if isinstance(url, Mapping) else {"url": url}
        legacy = ("loop", "onPause")
        given = merge(what, PLAYER_OPTIONS, parameters, options, legacy=legacy)
        return _made(
            what,
            CreateUrlPlayer,
            url=text(what, "url", asked.get("url")),
            method=text(what, "method", asked.get("method", "GET")).upper(),
            headers=tuple(header_pairs(what, asked.get("headers"))),
            body=text(what, "body", asked.get("body", "")),
            loop=flag(what, "loop", given.get("loop", False)),
            on_pause=flag(what, "onPause", given.get("onPause", False)),
            progressive=_progressive(what, given),
            hide_headers=flag(what, "hideHeaders", given.get("hideHeaders", False)),
            hide_body=flag(what, "hideBody", given.get("hideBody", False)),
        )

    def createTTSPlayer(self, text: str, *parameters: object, **options: object) -> Player:
        """A player that speaks `text` (at most 1,500 characters).

        Options, as keywords or one dict: voice, ttsOptions {rate, pitch, volume}, onPause,
        progressivePlayback; request is accepted. The older positional form (text, voice,
        ttsOptions) works. Events as for createURLPlayer. VoxEngine reference:
        VoxEngine.createTTSPlayer.
        """
        what = "VoxEngine.createTTSPlayer"
        legacy = ("voice", "ttsOptions")
        given = merge(what, TTS_PLAYER_OPTIONS, parameters, options, legacy=legacy)
        return _made(
            what,
            CreateTtsPlayer,
            **speech_fields(what, text, given),
            on_pause=flag(what, "onPause", given.get("onPause", False)),
            progressive=_progressive(what, given),
        )

    def createToneScriptPlayer(self, script: str, *parameters: object, **options: object) -> Player:
        """A player of tones: frequencies with their levels in dBm, then sections of cadence, as in
        "350@-19,440@-19;10(*/0/1+2)" or "440@-19,480@-19;*(2/4/1+2)".

        A section is its length in seconds (* = for ever) and, in brackets, what is repeated
        meanwhile: on/off/which of the frequencies. Options, as keywords or one dict: loop;
        progressivePlayback is accepted. The older positional form (script, loop) works. Events as
        for createURLPlayer; Started.duration is once through all sections. Raises ValueError for a
        script that cannot be read. VoxEngine reference: VoxEngine.createToneScriptPlayer.
        """
        what = "VoxEngine.createToneScriptPlayer"
        given = merge(what, TONE_PLAYER_OPTIONS, parameters, options, legacy=("loop",))
        loop = flag(what, "loop", given.get("loop", False))
        _progressive(what, given)
        try:
            parse(text(what, "script", script), loop=loop)
        except BadToneScript as exc:
            raise ValueError(f"{what}(): {exc}") from None
        return _made(what, CreateTonePlayer, script=script, loop=loop)

    def createSequencePlayer(self, *parameters: object, **options: object) -> SequencePlayer:
        """A player of several sounds and texts, one after the other without a gap.

        `segments` (1 to 50), as a keyword or in one dict: each {"text": ..., "parameters": {voice,
        ttsOptions}} or {"url": ...}. SequencePlayerEvents.Created follows, PlaybackReady when all
        segments are there, Started(duration), PlaybackFinished at the end; PlaybackFinished(error)
        when one of them cannot be played. It counts as one player. Raises TypeError and ValueError
        for other segments. VoxEngine reference: VoxEngine.createSequencePlayer.
        """
        what = "VoxEngine.createSequencePlayer"
        given = merge(what, SEQUENCE_OPTIONS, parameters, options)
        segments = given.get("segments")
        if not isinstance(segments, list | tuple):
            kind = type(segments).__name__
            raise TypeError(f"{what}(): segments must be a list of dicts, not {kind}")
        known = list(cast("list[Any]", segments))
        if not 0 < len(known) <= MAX_SEGMENTS:
            raise ValueError(f"{what}(): {len(known)} segments, it must be 1 to {MAX_SEGMENTS}")
        wire = tuple(_segment(what, number, each) for number, each in enumerate(known))
        return SequencePlayer(*_sent(what, CreateSequencePlayer, segments=wire), known)


def _segment(what: str, number: int, given: object) -> tuple[str, ...]:
    """The wire form of a TTSPlayerSegment or URLPlayerSegment."""
    where = f"segments[{number}]"
    if not isinstance(given, Mapping):
        raise TypeError(f"{what}(): {where} must be a dict, not {type(given).__name__}")
    pasted = cast("Mapping[str, object]", given)
    keys = merge(f"{what}() {where}", ("url", "text", "parameters"), (pasted,), {})
    if ("url" in keys) == ("text" in keys):
        raise ValueError(f"{what}(): {where} must have either url or text")
    known = TTS_PLAYER_OPTIONS if "text" in keys else PLAYER_OPTIONS
    parameters = keys.get("parameters", {})
    if not isinstance(parameters, Mapping):
        kind = type(parameters).__name__
        raise TypeError(f"{what}(): {where}.parameters must be a dict, not {kind}")
    inner = cast("Mapping[str, object]", parameters)
    options = merge(f"{what}() {where}.parameters", known, (inner,), {})
    if "url" in keys:
        return ("url", text(what, f"{where}.url", keys["url"]))
    fields = speech_fields(what, keys["text"], options)
    return ("text", *(fields[name] for name in ("text", "voice", "rate", "pitch", "volume")))


def _progressive(what: str, given: Mapping[str, Any]) -> bool:
    return flag(what, "progressivePlayback", given.get("progressivePlayback", False))


def _made(what: str, command: type[Any], **fields: Any) -> Player:
    return Player(*_sent(what, command, **fields))


def _sent(what: str, command: type[Any], **fields: Any) -> tuple[Session, int]:
    session = current()
    session.refuse_late(what)
    unit = session.new_unit()
    session.command(session.build(what, command, unit=unit, **fields), CommandHandle(what))
    return session, unit
