"""What one leg plays: carries out the playlist decisions with sounds, players and events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import attrs
import trio

from runtime.decisions import playlist
from runtime.decisions.playlist import Ability, Action, Input, Stage
from runtime.decisions.routing import PLAYER
from runtime.media.port import (
    MediaLost,
    MediaPlayer,
    PlayerEvent,
    PlayerFed,
    PlayerFinished,
    PlayerMarkerReached,
    PlayerStarted,
    PlayerStarved,
    Sound,
    SoundError,
)
from runtime.media.tone_script import ToneScript
from runtime.session.context import SessionContext
from runtime.session.routes import PlaybackNode
from runtime.session.sounds import WAITS, Loader, duration_ms, load_sound, went_on, why_ended

ENGINE_LOST: Final = "the media engine was lost"


@attrs.frozen(kw_only=True)
class Prompt:
    """A say, startPlayback or playProgressTone as it was asked for."""

    req: int
    playback: int
    what: str
    """For refusals: "say()"."""
    source: Loader | ToneScript
    loop: bool = False
    progressive: bool = False


@attrs.define(eq=False)
class _Playing:
    prompt: Prompt
    node: PlaybackNode
    stage: Stage
    tone: ToneScript | None = None
    sound: Sound | None = None
    scope: trio.CancelScope | None = None
    player: MediaPlayer | None = None
    error: str = ""


class LegPlayback:
    """The playbacks of one leg, at most one at a time."""

    def __init__(self, session: SessionContext, unit: int, state: Callable[[], str]) -> None:
        self._session = session
        self._unit = unit
        self._state = state
        self._current: _Playing | None = None
        self._serial = 0

    def start(self, prompt: Prompt, ability: Ability) -> None:
        """Replace what the leg hears; it goes on by itself."""
        if ability is Ability.NEVER:
            self._refuse(prompt)
            return
        self._serial += 1
        node = PlaybackNode(self._unit, self._serial)
        playing = _Playing(prompt, node, playlist.begin(ability))
        self._session.routes.add(node, PLAYER, on_replaced=partial(self._replaced, playing))
        self._session.routes.connect(node, self._unit)
        self._current = playing
        if isinstance(prompt.source, ToneScript):
            playing.tone = prompt.source
            self._apply(playing, Input.LOADED)
        else:
            playing.scope = self._session.tasks.start(partial(self._load, playing, prompt.source))

    def stop(self) -> None:
        """stopPlayback: nothing happens when the leg hears something else."""
        self._give(Input.STOP)

    def leg_hears(self) -> None:
        self._give(Input.HEARS)

    def call_ended(self) -> None:
        self._give(Input.CALL_ENDED)

    def _give(self, given: Input) -> None:
        if self._current is not None:
            self._apply(self._current, given)

    def _replaced(self, playing: _Playing) -> None:
        self._apply(playing, Input.REPLACED)

    def _refuse(self, prompt: Prompt) -> None:
        error = playlist.refusal(prompt.what)
        if not isinstance(prompt.source, ToneScript):
            self._emit("Call.PlaybackFinished", prompt, error=error)
        self._session.events.settle(prompt.req, error=error)

    async def _load(self, playing: _Playing, loader: Loader) -> None:
        try:
            keep = partial(self._keep, playing)
            await load_sound(loader, keep, progressive=playing.prompt.progressive)
        except SoundError as exc:
            playing.error = str(exc)
            self._apply(playing, Input.BROKEN)
            return
        self._apply(playing, Input.LOADED)

    @staticmethod
    def _keep(playing: _Playing, sound: Sound) -> None:
        if playing.stage is Stage.OVER:
            sound.close()
        else:
            playing.sound = sound

    def _on_engine(self, playing: _Playing, event: PlayerEvent) -> None:
        match event:
            case PlayerStarted():
                self._apply(playing, Input.STARTED)
            case PlayerFinished(error=error):
                playing.error = why_ended(playing.sound, error) or ""
                self._apply(playing, Input.FAILED if error else Input.FINISHED)
            case MediaLost():
                playing.error = ENGINE_LOST
                self._apply(playing, Input.FAILED)
            case PlayerStarved():
                self._session.timeline.record("media", f"{playing.node}: {WAITS}")
            case PlayerFed(missed_frames=frames):
                self._session.timeline.record("media", f"{playing.node}: {went_on(frames)}")
            case PlayerMarkerReached():
                pass  # only players have markers

    def _apply(self, playing: _Playing, given: Input) -> None:
        step = playlist.step(playing.stage, given)
        playing.stage = step.stage
        if step.stage is Stage.OVER and self._current is playing:
            self._current = None
        for action in step.actions:
            if action in playlist.SETTLED:
                self._session.events.settle(playing.prompt.req, playlist.SETTLED[action])
            else:
                _CARRY_OUT[action](self, playing)

    def _open(self, playing: _Playing) -> None:
        source = playing.sound or playing.tone
        assert source is not None, "the playlist opens what was loaded"
        playing.player = self._session.ports.media.open_player(
            source,
            self._session.tasks.edge(partial(self._on_engine, playing)),
            loop=playing.prompt.loop,
        )
        self._session.routes.bind(playing.node, playing.player)
        self._session.routes.update(playing.node, can_hear=False, can_be_heard=True)

    def _drop(self, playing: _Playing) -> None:
        if playing.scope is not None:
            playing.scope.cancel()
        self._session.routes.remove(playing.node)
        if playing.player is not None:
            playing.player.close()
        if playing.sound is not None:
            playing.sound.close()

    def _ready(self, playing: _Playing) -> None:
        self._emit("Call.PlaybackReady", playing.prompt)

    def _started(self, playing: _Playing) -> None:
        length = playing.tone.duration_ms if playing.tone else 0
        if playing.sound is not None:
            length = duration_ms(playing.sound)
        self._emit("Call.PlaybackStarted", playing.prompt, duration=length)

    def _finished(self, playing: _Playing) -> None:
        self._emit("Call.PlaybackFinished", playing.prompt)

    def _finished_with_error(self, playing: _Playing) -> None:
        self._emit("Call.PlaybackFinished", playing.prompt, error=playing.error)

    def _settle_error(self, playing: _Playing) -> None:
        self._session.events.settle(playing.prompt.req, error=playing.error)

    def _emit(self, name: str, prompt: Prompt, **fields: str | int) -> None:
        self._session.events.emit(
            name,
            unit=self._unit,
            fields={**fields, "playback": prompt.playback},
            state=self._state(),
        )


_CARRY_OUT: Final[Mapping[Action, Callable[[LegPlayback, _Playing], None]]] = {
    Action.OPEN: LegPlayback._open,
    Action.DROP: LegPlayback._drop,
    Action.READY: LegPlayback._ready,
    Action.STARTED: LegPlayback._started,
    Action.FINISHED: LegPlayback._finished,
    Action.FINISHED_WITH_ERROR: LegPlayback._finished_with_error,
    Action.SETTLE_ERROR: LegPlayback._settle_error,
}
