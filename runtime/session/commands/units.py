"""What a script may ask of players, recorders and conferences."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from runtime.decisions.problems import Commands
from runtime.decisions.retention import kept_s
from runtime.decisions.tone_notation import BadToneScript, parse
from runtime.media.port import RecordingFormat, Sound
from runtime.media.sounds.sound_port import Fetching, Voice
from runtime.media.tone_script import ToneScript
from runtime.sandbox.commands import (
    CreateConference,
    CreateRecorder,
    MuteRecorder,
    StopConference,
    StopRecorder,
)
from runtime.sandbox.player_commands import (
    AddPlayerMarker,
    CreateSequencePlayer,
    CreateTonePlayer,
    CreateTtsPlayer,
    CreateUrlPlayer,
    PausePlayer,
    ResumePlayer,
    StopPlayer,
)
from runtime.session.commands.table import DONE, CommandRefused, Handler
from runtime.session.context import SessionContext
from runtime.session.mixers import Conference, Recorder
from runtime.session.player import Player
from runtime.session.recording import RecordingOrder
from runtime.session.sequence import SequenceLoader
from runtime.session.sounds import Loader


def create_url_player(session: SessionContext, command: CreateUrlPlayer, _: int) -> bool:
    how = Fetching(
        method=command.method,
        headers=command.headers,
        body=command.body.encode(),
        progressive=command.progressive,
    )

    async def load() -> Sound:
        return await session.ports.sounds.open_file(command.url, session.assets, how)

    player = Player(
        session, loop=command.loop, paused=command.on_pause, progressive=command.progressive
    )
    return _open_player(session, command.unit, player, load)


def create_tts_player(session: SessionContext, command: CreateTtsPlayer, _: int) -> bool:
    voice = Voice(name=command.voice, rate=command.rate, pitch=command.pitch, volume=command.volume)
    loader = partial(session.ports.sounds.speak, command.text, voice, session.assets)
    player = Player(session, loop=False, paused=command.on_pause, progressive=command.progressive)
    return _open_player(session, command.unit, player, loader)


def create_tone_player(session: SessionContext, command: CreateTonePlayer, _: int) -> bool:
    try:
        script = parse(command.script, loop=command.loop)
    except BadToneScript as exc:
        raise CommandRefused(Commands.BAD_ARGUMENT, str(exc)) from exc
    return _open_player(session, command.unit, Player(session), script)


def create_sequence_player(session: SessionContext, command: CreateSequencePlayer, _: int) -> bool:
    player = Player(session, kind="SequencePlayer")
    loader = SequenceLoader(session, command.segments)
    return _open_player(session, command.unit, player, loader)


def _open_player(
    session: SessionContext, unit: int, player: Player, source: Loader | ToneScript
) -> bool:
    room = len(session.units.of(Player)) < session.settings.limits.players
    session.units.claim(unit, player)
    if not room:
        error = _too_many(player.kind, session.settings.limits.players)
        player.turn_away(unit, error)
        raise CommandRefused(Commands.TOO_MANY, error)
    player.open(unit, source)
    return DONE


def create_recorder(session: SessionContext, command: CreateRecorder, _: int) -> bool:
    recorder = Recorder(session)
    room = len(session.units.of(Recorder)) < session.settings.limits.recorders
    session.units.claim(command.unit, recorder)
    if not room:
        _refuse(session, command.unit, "Recorder", session.settings.limits.recorders)
    form = RecordingFormat(container=command.container, stereo=False, hd_audio=command.hd_audio)
    order = RecordingOrder(
        form=form, keep_s=kept_s(command.expire), name_prefix=command.name_prefix
    )
    recorder.open(command.unit, order)
    return DONE


def create_conference(session: SessionContext, command: CreateConference, _: int) -> bool:
    conference = Conference(session)
    room = len(session.units.of(Conference)) < session.settings.limits.conferences
    session.units.claim(command.unit, conference)
    if not room:
        _refuse(session, command.unit, "Conference", session.settings.limits.conferences)
    conference.open(command.unit)
    return DONE


def _too_many(kind: str, limit: int) -> str:
    return f"{kind} limit reached: a session has at most {limit} at once; stop one first"


def _refuse(session: SessionContext, unit: int, kind: str, limit: int) -> None:
    """Too many of a kind: an event for listeners and an error for whoever awaits."""
    session.units.drop(unit)
    error = _too_many(kind, limit)
    session.events.emit(f"{kind}.Error", unit=unit, fields={"error": error})
    raise CommandRefused(Commands.TOO_MANY, error)


def pause_player(session: SessionContext, command: PausePlayer, _: int) -> bool:
    session.units.find(command.unit, Player).pause()
    return DONE


def resume_player(session: SessionContext, command: ResumePlayer, _: int) -> bool:
    session.units.find(command.unit, Player).resume()
    return DONE


def stop_player(session: SessionContext, command: StopPlayer, _: int) -> bool:
    session.units.find(command.unit, Player).stop()
    return DONE


def add_marker(session: SessionContext, command: AddPlayerMarker, _: int) -> bool:
    session.units.find(command.unit, Player).add_marker(command.offset_ms, command.segment)
    return DONE


def mute_recorder(session: SessionContext, command: MuteRecorder, _: int) -> bool:
    session.units.find(command.unit, Recorder).mute(command.mute)
    return DONE


def stop_recorder(session: SessionContext, command: StopRecorder, _: int) -> bool:
    session.units.find(command.unit, Recorder).stop()
    return DONE


def stop_conference(session: SessionContext, command: StopConference, _: int) -> bool:
    session.units.find(command.unit, Conference).stop()
    return DONE


UNIT_COMMANDS: Final[Mapping[str, Handler]] = {
    CreateUrlPlayer.op: create_url_player,
    CreateTtsPlayer.op: create_tts_player,
    CreateTonePlayer.op: create_tone_player,
    CreateSequencePlayer.op: create_sequence_player,
    PausePlayer.op: pause_player,
    ResumePlayer.op: resume_player,
    StopPlayer.op: stop_player,
    AddPlayerMarker.op: add_marker,
    CreateRecorder.op: create_recorder,
    MuteRecorder.op: mute_recorder,
    StopRecorder.op: stop_recorder,
    CreateConference.op: create_conference,
    StopConference.op: stop_conference,
}
