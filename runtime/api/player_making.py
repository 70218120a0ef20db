"""The part of VoxEngine that makes players."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from runtime.api.call import SAY_OPTIONS, speech_fields
from runtime.api.handle import CommandHandle
from runtime.api.http import header_pairs
from runtime.api.listeners import EventSource
from runtime.api.options import flag, merge, text
from runtime.api.player import Player
from runtime.api.running import current
from runtime.sandbox.player_commands import CreateTtsPlayer, CreateUrlPlayer

URL_OPTIONS: Final = ("url", "method", "headers", "body")
PLAYER_OPTIONS: Final = ("loop", "onPause", "progressivePlayback", "hideHeaders", "hideBody")
TTS_PLAYER_OPTIONS: Final = (*SAY_OPTIONS, "onPause")


class PlayerMaking(EventSource):
    """createURLPlayer, createTTSPlayer."""

    __slots__ = ()

    def createURLPlayer(
        self, url: str | Mapping[str, object], *parameters: object, **options: object
    ) -> Player:
        """A player of a sound file (a file of the scenario's folder, or http(s); 10 MB at most).

        Instead of the URL: a dict of url, method ("GET"), headers (a dict, or a list of "Name:
        value") and body (a text), for servers that make sounds. Options, as keywords or one dict:
        loop; onPause (wait for resume()); progressivePlayback (begin while the rest is still being
        fetched; Started.duration is 0 unless the file begins with its length); hideHeaders and
        hideBody (they do not stand in the timeline). The older positional form (url, loop, onPause)
        works. Created, PlaybackReady and Started follow, PlaybackFinished at the end,
        PlaybackFinished(error) when it cannot be played, PlaybackBuffering when a download is too
        slow. What a plain URL brought is kept for as long as its server allows. VoxEngine
        reference: VoxEngine.createURLPlayer.
        """
        what = "VoxEngine.createURLPlayer"
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
        progressivePlayback; request is accepted. Events as for createURLPlayer. VoxEngine
        reference: VoxEngine.createTTSPlayer.
        """
        what = "VoxEngine.createTTSPlayer"
        given = merge(what, TTS_PLAYER_OPTIONS, parameters, options, legacy=("voice",))
        return _made(
            what,
            CreateTtsPlayer,
            **speech_fields(what, text, given),
            on_pause=flag(what, "onPause", given.get("onPause", False)),
            progressive=_progressive(what, given),
        )


def _progressive(what: str, given: Mapping[str, Any]) -> bool:
    return flag(what, "progressivePlayback", given.get("progressivePlayback", False))


def _made(what: str, command: type[CreateUrlPlayer | CreateTtsPlayer], **fields: Any) -> Player:
    session = current()
    session.refuse_late(what)
    unit = session.new_unit()
    session.command(session.build(what, command, unit=unit, **fields), CommandHandle(what))
    return Player(session, unit)
