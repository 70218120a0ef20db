"""What a script may ask to be heard: prompts on a call, and who hears whom."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from runtime.decisions.problems import Commands
from runtime.decisions.progress_tones import progress_tone, unknown_country
from runtime.decisions.retention import kept_s
from runtime.decisions.routing import ConferenceFull
from runtime.media.port import RecordingFormat, Sound
from runtime.media.sounds.sound_port import Fetching, Voice
from runtime.sandbox.commands import (
    PlayProgressTone,
    RecordCall,
    Say,
    SendMediaTo,
    StartPlayback,
    StopMediaTo,
    StopPlayback,
)
from runtime.sandbox.conference_commands import AddEndpoint, UpdateEndpoint
from runtime.session.commands.table import (
    DONE,
    LATER,
    CommandRefused,
    Handler,
    find_audible,
    find_call,
)
from runtime.session.context import SessionContext
from runtime.session.mixers import Conference, Endpoint
from runtime.session.playback import Prompt
from runtime.session.recording import RecordingOrder
from runtime.session.socket import WebSocket
from runtime.session.socket_streams import SocketRefused

CONFERENCE_FULL: Final = 486
"""`code` of ConferenceEvents.ConferenceError: the conference goes on, one call was not let in (Busy
Here)."""


async def _open_file(session: SessionContext, url: str, how: Fetching) -> Sound:
    return await session.ports.sounds.open_file(url, session.assets, how)


async def _speak(session: SessionContext, text: str, voice: Voice) -> Sound:
    return await session.ports.sounds.speak(text, voice, session.assets)


def say(session: SessionContext, command: Say, req: int) -> bool:
    call = find_audible(session, command.unit, "say()")
    voice = Voice(name=command.voice, rate=command.rate, pitch=command.pitch, volume=command.volume)
    loader = partial(_speak, session, command.text, voice)
    prompt = Prompt(
        req=req,
        playback=command.playback,
        what="say()",
        source=loader,
        progressive=command.progressive,
    )
    call.play(prompt)
    return LATER


def play(session: SessionContext, command: StartPlayback, req: int) -> bool:
    call = find_audible(session, command.unit, "startPlayback()")
    how = Fetching(progressive=command.progressive)
    loader = partial(_open_file, session, command.url, how)
    prompt = Prompt(
        req=req,
        playback=command.playback,
        what="startPlayback()",
        source=loader,
        loop=command.loop,
        progressive=command.progressive,
    )
    call.play(prompt)
    return LATER


def play_progress_tone(session: SessionContext, command: PlayProgressTone, req: int) -> bool:
    call = find_audible(session, command.unit, "playProgressTone()")
    script = progress_tone(command.country)
    if script is None:
        raise CommandRefused(Commands.BAD_ARGUMENT, unknown_country(command.country))
    prompt = Prompt(
        req=req, playback=command.playback, what="playProgressTone()", source=script, loop=True
    )
    call.play(prompt)
    return LATER


def stop_playback(session: SessionContext, command: StopPlayback, _: int) -> bool:
    find_call(session, command.unit).playback.stop()
    return DONE


def refuse_member(session: SessionContext, conference: int, why: str, **fields: int) -> None:
    """The conference's own event says so."""
    told = {"error": why, "code": CONFERENCE_FULL, **fields}
    session.events.emit("Conference.Error", unit=conference, fields=told)


def add_endpoint(session: SessionContext, command: AddEndpoint, _: int) -> bool:
    conference = session.units.find(command.unit, Conference)
    find_audible(session, command.call, "Conference.add()")
    endpoint = Endpoint(
        number=command.endpoint, call=command.call, mode=command.mode, direction=command.direction
    )
    try:
        conference.admit(endpoint)
    except ConferenceFull as exc:
        refuse_member(session, command.unit, str(exc), endpoint=command.endpoint)
        raise
    return DONE


def update_endpoint(session: SessionContext, command: UpdateEndpoint, _: int) -> bool:
    session.units.find(command.unit, Conference).update(command.endpoint)
    return DONE


def send(session: SessionContext, command: SendMediaTo, _: int) -> bool:
    sink = session.units.get(command.sink)
    if isinstance(sink, WebSocket):
        return _send_to_socket(session, command, sink)
    try:
        session.routes.connect(command.source, command.sink)
    except ConferenceFull as exc:
        to_the_room = exc.conference == command.sink
        refuse_member(session, command.sink if to_the_room else command.source, str(exc))
        raise
    return DONE


def _send_to_socket(session: SessionContext, command: SendMediaTo, socket: WebSocket) -> bool:
    try:
        node = socket.node_of(command)
    except SocketRefused as exc:
        raise CommandRefused(exc.kind, str(exc)) from exc
    session.routes.connect(command.source, node)
    socket.hear(node, command)
    return DONE


def stop_send(session: SessionContext, command: StopMediaTo, _: int) -> bool:
    sink = session.units.get(command.sink)
    if isinstance(sink, WebSocket):
        sink.hear_no_more(command.source)
        return DONE
    session.routes.disconnect(command.source, command.sink)
    return DONE


def record(session: SessionContext, command: RecordCall, _: int) -> bool:
    call = find_audible(session, command.unit, "record()")
    form = RecordingFormat(
        container=command.container, stereo=command.stereo, hd_audio=command.hd_audio
    )
    order = RecordingOrder(
        form=form, keep_s=kept_s(command.expire), name_prefix=command.name_prefix
    )
    call.media.record(order)
    return DONE


MEDIA_COMMANDS: Final[Mapping[str, Handler]] = {
    Say.op: say,
    StartPlayback.op: play,
    PlayProgressTone.op: play_progress_tone,
    StopPlayback.op: stop_playback,
    SendMediaTo.op: send,
    StopMediaTo.op: stop_send,
    RecordCall.op: record,
    AddEndpoint.op: add_endpoint,
    UpdateEndpoint.op: update_endpoint,
}
