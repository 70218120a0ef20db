"""What answered calls hear before they are hung up, because their session has failed.

The core plays it, since the script's process is gone or not to be trusted. It may fail in every
way that a sound can: then there is none, and nobody waits longer than `APOLOGY_S`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import trio

from runtime.decisions.routing import PLAYER
from runtime.media.port import MediaLost, PlayerEvent, PlayerFinished, Sound, SoundError
from runtime.media.sounds.sound_port import Voice
from runtime.session.call_leg import CallLeg
from runtime.session.context import SessionContext
from runtime.session.sounds import load_sound

APOLOGY_S: Final = 10.0
"""From the failure to the last BYE, loading included (sandbox.md 4.6)."""
NODE: Final = "the apology"
_SOUND: Final = re.compile(r"https?://.*|.*\.(wav|mp3|ogg|oga|opus|flac|m4a|aac)", re.I | re.S)


async def apologise(
    session: SessionContext, calls: Sequence[CallLeg], changed: Callable[[], Awaitable[None]]
) -> None:
    """Return when it was heard, when none of `calls` is left, or when its time is up.

    `changed` returns when a call has ended.
    """
    with trio.move_on_after(APOLOGY_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_play_and_stop, session, calls, nursery.cancel_scope)
            while any(call.alive for call in calls):
                await changed()
            nursery.cancel_scope.cancel()


async def _play_and_stop(
    session: SessionContext, calls: Sequence[CallLeg], scope: trio.CancelScope
) -> None:
    opened: list[Sound] = []
    try:
        await load_sound(lambda: _load(session), opened.append)
        await _play(session, opened[0], calls)
    except SoundError as exc:
        session.timeline.record("error", f"no apology: {exc}")
    finally:
        for sound in opened:
            sound.close()
    scope.cancel()


async def _load(session: SessionContext) -> Sound:
    """A name of the scenario's or the operator's sounds, a URL, or a text."""
    what = session.settings.apology
    if _SOUND.fullmatch(what):
        return await session.ports.sounds.open_file(what, session.assets)
    return await session.ports.sounds.speak(what, Voice(), session.assets)


async def _play(session: SessionContext, sound: Sound, calls: Sequence[CallLeg]) -> None:
    over = trio.Event()

    def listen(event: PlayerEvent) -> None:
        if isinstance(event, PlayerFinished | MediaLost):
            over.set()

    session.timeline.record("session", f"{sum(call.alive for call in calls)} calls hear an apology")
    session.routes.add(NODE, PLAYER)
    player = session.ports.media.open_player(sound, session.tasks.edge(listen))
    try:
        session.routes.bind(NODE, player)
        for call in calls:
            if call.alive:
                session.routes.connect(NODE, call.unit)
        session.routes.update(NODE, can_hear=False, can_be_heard=True)
        await over.wait()
    finally:
        session.routes.remove(NODE)
        player.close()
