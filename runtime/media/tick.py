"""The engine without clock, process or sockets: commands and arrivals in, packets and events out.

Fixes the order within a tick: commands, arrivals, legs' rows, detectors, players, conversion
between 8 and 16 kHz, conferences, routing, tones, recorders, packets, their sealing, reports.
Everything that must be the same for all legs happens here once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from runtime.media.clock import MAX_BEHIND_FRAMES
from runtime.media.codecs.table import CodecTable
from runtime.media.frames import WIDE_RATE_HZ, FrameTable
from runtime.media.native.cruise import Cruise
from runtime.media.native.follower import Follower
from runtime.media.native.frame import (
    HEARD,
    LEGS_PLAYED,
    NOTHING,
    PLAYERS_PLAYED,
    PREPARED,
    SteadyFrame,
)
from runtime.media.native.library import Library
from runtime.media.native.traffic import NativeTraffic
from runtime.media.port import PlayerFinished
from runtime.media.protocol import ENGINE, Command, Event, TicksSkipped, UnitEvent
from runtime.media.rtp.datagrams import RtpSockets
from runtime.media.units.coded import CodedLegs
from runtime.media.units.desk import Desk, Parts, Unit
from runtime.media.units.detectors import Detectors
from runtime.media.units.intake import Intake
from runtime.media.units.legs import Legs, Random
from runtime.media.units.players import Player, PlayerNews, Players
from runtime.media.units.recorders import Recorders
from runtime.media.units.routes import Routes
from runtime.media.units.signalling import Signalling
from runtime.media.units.upkeep import Upkeep

CONFERENCE_ROWS_PER_LEG: Final = 2
"""Each leg hears at most one conference; as many rows again for conferences and recorders."""
UPKEEP_FRAMES: Final = 10
"""What is counted in seconds is looked at five times a second."""
UPKEEP_LEGS: Final = 8_000
"""So many legs times frames go by before reports and players are seen to: it is done in 3 ms then,
after the packets of its step have left and before those of the next."""
ADJUST_TURNS: Final = 5
"""The delay of a fifth of the legs is looked at each time, so that of each leg once a second."""


@attrs.frozen(kw_only=True)
class Capacity:
    """What the engine's tables are made for; memory is taken as it is used."""

    legs: int
    players: int


class Engine:
    """All units, and one `tick`."""

    def __init__(
        self,
        sockets: RtpSockets,
        capacity: Capacity,
        random: Random,
        library: Library | None = None,
        codecs: CodecTable | None = None,
    ) -> None:
        frames = FrameTable(
            capacity.legs, capacity.players + CONFERENCE_ROWS_PER_LEG * capacity.legs
        )
        legs = Legs(capacity.legs, sockets, random)
        routes = Routes(capacity.legs, frames)
        self._parts = Parts(
            frames=frames,
            legs=legs,
            routes=routes,
            coded=CodedLegs(legs, frames, codecs or CodecTable()),
            players=Players(
                capacity.players, frames, self._on_player, in_place=library is not None
            ),
            wide_players=Players(capacity.players, frames, self._on_player, WIDE_RATE_HZ),
            recorders=Recorders(capacity.legs, frames),
            wide_recorders=Recorders(capacity.legs, frames, WIDE_RATE_HZ),
            signalling=Signalling(legs, routes, self._tell),
            detectors=Detectors(legs, frames, self._tell),
            upkeep=Upkeep(legs, self._tell),
        )
        self._desk = Desk(self._parts, self._tell)
        self._library = library
        self._follow: Follower | None = None
        self._steady: SteadyFrame | None = None
        if library is not None:
            self._follow = Follower(library, legs)
            self._steady = SteadyFrame(library, frames, legs, self._parts.players, routes)
        self._intake = Intake(
            legs, self._parts.coded, self._parts.signalling.on_press, self._follow
        )
        self._finished: list[Player] = []
        self._events: list[Event] = []
        self._commands: list[tuple[Sequence[Command], Sequence[int]]] = []
        self._frame_number = 0

    @property
    def legs(self) -> int:
        """Open legs, configured or not."""
        return sum(1 for _ in self._parts.legs)

    @property
    def configured_legs(self) -> int:
        return self._parts.legs.configured

    @property
    def idle(self) -> bool:
        """Whether a tick would change nothing: no peer, no sound, no recording, no command."""
        parts = self._parts
        playing = len(parts.players) + len(parts.wide_players)
        playing += len(parts.recorders) + len(parts.wide_recorders)
        return not (parts.legs.configured or playing or self._commands)

    def command(self, commands: Sequence[Command], fds: Sequence[int] = ()) -> None:
        """Apply at the next tick, which also closes the descriptors."""
        self._commands.append((commands, fds))

    def tick(self, now: float, wall: float, skipped: int = 0) -> list[Event]:
        """20 ms of audio; `skipped` frames went by without a tick since the last one.

        Its two parts for those who have packets to send in between.
        """
        self.begin_tick(now, wall, skipped)
        return self.end_tick(now, wall)

    def begin_tick(self, now: float, wall: float, skipped: int) -> None:
        """All that the packets of this frame are made of."""
        parts = self._parts
        if skipped:
            self._skip(skipped)
        batches, self._commands = self._commands, []
        for commands, fds in batches:
            self._desk.apply(commands, fds, now, wall)
        self._intake.take(parts.legs.sockets.take(), now)
        parts.signalling.on_time(now)
        self._frame()

    def end_tick(self, now: float, wall: float) -> list[Event]:
        """What can wait until the packets have left; and everything that happened."""
        parts = self._parts
        parts.players.fetch_ahead()
        parts.wide_players.fetch_ahead()
        parts.upkeep.run(now, wall)
        if self._frame_number % UPKEEP_FRAMES == 0:
            parts.upkeep.run_slow(now)
            self._adjust_some()
        parts.legs.end_tick()
        self._frame_number += 1
        events, self._events = self._events, []
        return events

    # --- frames without a tick --------------------------------------------------------------------

    def cruise(
        self, traffic: NativeTraffic, watched: int, *, behind: int = MAX_BEHIND_FRAMES
    ) -> Cruise | None:
        """What computes frames in a row, if there is a compiled helper."""
        if self._library is None or self._follow is None or self._steady is None:
            return None
        return Cruise(
            self._library, traffic, self._follow, self._steady, watched=watched, behind=behind
        )

    @property
    def steady_frames(self) -> int:
        """How many frames may go by before `tick` is needed again: nothing is due in them."""
        parts, steady = self._parts, self._steady
        unsteady = (
            steady is None
            or self._commands
            or self._finished
            or parts.players.due
            or self._wide
            or parts.detectors.listening
            or len(parts.recorders)
            or len(parts.wide_recorders)
            or len(parts.legs.sealing)
            or not parts.signalling.idle
            or not steady.whole
        )
        if unsteady:
            return 0
        most = UPKEEP_LEGS // max(1, parts.legs.count)
        return min(most, -self._frame_number % UPKEEP_FRAMES)

    def went_by(self, frames: int) -> None:
        """So many frames were computed without `tick`."""
        self._frame_number += frames

    def close(self, now: float, wall: float) -> None:
        """The engine ends: peers are told."""
        for leg in list(self._parts.legs):
            self._parts.legs.close(leg, self._parts.frames, now, wall)

    def _frame(self) -> None:
        """From what is due to what is sent; in a steady frame, most of it at once."""
        parts, done = self._parts, NOTHING
        parts.players.fetch()
        parts.wide_players.fetch()
        usual = not (self._finished or self._wide)
        listening = parts.detectors.listening
        # Whoever plays the legs clears this.
        arrived = parts.legs.playout.arrived(parts.legs.count) if listening else None
        if self._steady is not None and usual:
            done = self._steady.run(signalling=parts.signalling.sending, listening=listening)
        if done < LEGS_PLAYED:
            self._play_legs()
        if arrived is not None:
            parts.coded.came(arrived)
            parts.detectors.hear(arrived)
        if done < PLAYERS_PLAYED:
            if self._steady is not None:
                self._steady.play()
            else:
                parts.players.copy()
            parts.wide_players.copy()
        if done < HEARD:
            parts.players.settle()
            parts.wide_players.settle()
            for player in self._finished:
                self._desk.forget(player)
            self._finished.clear()
            parts.routes.mix()
            heard = parts.routes.gather(parts.legs.count)
        else:
            heard = parts.routes.heard[: parts.legs.count]
        if parts.signalling.sending:
            parts.signalling.play_in_band(heard, parts.routes.heard_wide)
        parts.recorders.write(heard, parts.detectors.unheard)
        parts.wide_recorders.write(parts.routes.heard_wide, {})
        if done < PREPARED:
            parts.legs.sending.prepare(heard)
        replaced = parts.signalling.replace_audio() if parts.signalling.sending else ()
        parts.coded.send(heard, parts.routes.heard_wide, replaced)
        parts.legs.sealing.seal(parts.legs.sending.active)

    @property
    def _wide(self) -> bool:
        """Whether anything is coded, played or heard beside the narrow rows."""
        parts = self._parts
        return bool(len(parts.coded) or len(parts.wide_players) or parts.routes.heard_wide_at_all)

    def _play_legs(self) -> None:
        legs, count = self._parts.legs, self._parts.legs.count
        legs.concealment.play(self._parts.frames.of_legs(count))
        legs.playout.advance(count)
        self._parts.coded.play()

    def _adjust_some(self) -> None:
        """Each leg once a second, some of them at a time."""
        turn = self._frame_number // UPKEEP_FRAMES % ADJUST_TURNS
        some = slice(turn, self._parts.legs.count, ADJUST_TURNS)
        self._parts.legs.playout.adjust(some)
        if len(self._parts.coded):
            self._parts.coded.adjust(some)

    def _skip(self, frames: int) -> None:
        self._parts.legs.playout.skip(frames, self._parts.legs.count)
        self._parts.legs.sending.skip(frames)
        self._parts.coded.skip(frames)
        self._parts.recorders.skip(frames)
        self._parts.wide_recorders.skip(frames)
        self._events.append(Event(ENGINE, TicksSkipped(frames=frames)))

    def _tell(self, unit: Unit, what: UnitEvent) -> None:
        self._events.append(Event(unit.id, what))

    def _on_player(self, player: Player, what: PlayerNews) -> None:
        self._tell(player, what)
        if isinstance(what, PlayerFinished):
            self._finished.append(player)
