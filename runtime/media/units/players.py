"""Players: sounds out of shared memory and tone scripts, each with its own clock and row.

A player's samples are fetched two seconds at a time, so that a tick is one gather over all players.
Where the native helper does the copying, it plays the middle of a sound from where it lies.
A sound that is still growing plays as far as it has come and waits in silence for the rest. At its
natural end the player falls silent first and is reported afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs
import numpy as np
from numpy.typing import NDArray

from runtime.media.frames import (
    FADE,
    RATE_HZ,
    WIDE_FADE,
    WIDE_RATE_HZ,
    FrameTable,
    RowsExhausted,
    Samples,
)
from runtime.media.mixing import cross_fade, fade_out, taper
from runtime.media.port import (
    PlayerFed,
    PlayerFinished,
    PlayerMarkerReached,
    PlayerStarted,
    PlayerStarved,
)

from .content import BLOCK_FRAMES, FRAMES_PER_S, NOTHING, Content

AHEAD_FRAMES: Final = 10
"""Who has no more than this left is given more: so no player holds up frames that go by without a
tick, which are fewer."""
ENOUGH_FRAMES: Final = 10
"""What has come of a sound before it begins or goes on: 200 ms, so that a slow download is heard in
pieces of words and not of samples, and is told five times a second at most."""
SHORT_FRAMES: Final = AHEAD_FRAMES + 1
"""What is fetched at least: it lasts until the next look."""
MAX_MARKERS: Final = 100
"""Per player; further ones are ignored, and the session refuses them long before."""

PlayerNews = PlayerStarted | PlayerMarkerReached | PlayerStarved | PlayerFed | PlayerFinished
OnPlayerNews = Callable[["Player", PlayerNews], None]


@attrs.define(eq=False)
class Player:
    """A source between `open` and `close`, or its natural end."""

    id: int
    row: int
    slot: int
    content: Content
    paused: bool
    fetched: int = 0
    """Samples taken from the content."""
    started: bool = False
    ended: bool = False
    run: Samples = NOTHING
    """What is played from where it lies when the block was played."""
    starved: int = 0
    """Frames of silence since it had nothing left to play but was not over."""
    markers: list[int] = attrs.field(factory=list)
    """Samples, ascending."""


class Players:
    """All players of sounds of one rate; `fetch`, `copy` and `settle` fill their
    rows each tick."""

    def __init__(
        self,
        capacity: int,
        frames: FrameTable,
        emit: OnPlayerNews,
        rate_hz: int = RATE_HZ,
        *,
        in_place: bool = False,
    ) -> None:
        """`in_place`: whoever plays knows how to play runs, which `copy` does not."""
        self.capacity = capacity
        self.running = np.zeros(0, dtype=np.int64)
        """Slots of players that are neither paused nor ended; another array when that changes."""
        self.due = False
        """Whether a running player may have nothing left to play."""
        self._frames = frames
        self._wide = rate_hz == WIDE_RATE_HZ
        self._samples = frames.wide if self._wide else frames.samples
        self._rate_hz = rate_hz
        self._frame = rate_hz // FRAMES_PER_S
        self._fade_in = WIDE_FADE if self._wide else FADE
        self._emit = emit
        self._in_place = in_place
        self._free = list(range(capacity - 1, -1, -1))
        self._by_slot: dict[int, Player] = {}
        self._dirty = False
        self._rows = np.zeros(capacity, dtype=np.int64)
        self._cursor = np.zeros(capacity, dtype=np.int64)
        """Frames of the block that were played."""
        self._filled = np.zeros(capacity, dtype=np.int64)
        self._blocks: Samples = np.zeros((capacity, BLOCK_FRAMES, self._frame), dtype=np.int16)
        self._run_at = np.zeros(capacity, dtype=np.uint64)
        """Where the next frame of a player's run lies, and how many frames are left of it."""
        self._run_left = np.zeros(capacity, dtype=np.int64)
        self._blocks_by_frame = self._blocks.reshape(-1, self._frame)
        self._marked: set[Player] = set()
        self._fading_in: list[Player] = []
        self._fading_out: list[Player] = []
        self._silencing: list[Player] = []
        """Paused in the tick before."""

    def __len__(self) -> int:
        return len(self._by_slot)

    def open(self, player_id: int, content: Content, *, paused: bool) -> Player:
        """A player that starts at the next tick. Raises RowsExhausted."""
        if not self._free:
            raise RowsExhausted("all players of the engine are in use; stop some of them")
        row = self._frames.take()
        slot = self._free.pop()
        player = Player(player_id, row, slot, content, paused)
        self._by_slot[slot] = player
        self._frames.write_wide(row, self._wide)
        self._rows[slot], self._cursor[slot], self._filled[slot] = row, 0, 0
        self._run_left[slot] = 0
        self._dirty = True
        return player

    def pause(self, player: Player) -> None:
        if not player.paused and not player.ended:
            player.paused = self._dirty = True
            self._fading_out.append(player)

    def resume(self, player: Player) -> None:
        if player.paused and not player.ended:
            player.paused, self._dirty = False, True
            if player.started:
                self._fading_in.append(player)

    def add_marker(self, player: Player, offset_ms: int) -> None:
        if len(player.markers) < MAX_MARKERS:
            player.markers.append(max(0, offset_ms) * self._rate_hz // 1000)
            player.markers.sort()
            self._marked.add(player)

    def release(self, player: Player) -> None:
        """Free the row and let go of the content; the player plays no more."""
        player.ended = True
        self._run_left[player.slot], player.run = 0, NOTHING
        del self._by_slot[player.slot]
        self._marked.discard(player)
        self._frames.give_back(player.row)
        self._free.append(player.slot)
        self._dirty = True
        player.content.close()

    def columns(self) -> dict[str, NDArray[Any]]:
        """What the native helper works on; never replaced by other arrays."""
        return {
            "player_rows": self._rows,
            "cursor": self._cursor,
            "filled": self._filled,
            "blocks": self._blocks,
            "run_at": self._run_at,
            "run_left": self._run_left,
        }

    @property
    def steady(self) -> bool:
        """Whether playing is nothing but copying: no marker, and no fading of paused ones."""
        return not (self._marked or self._fading_in or self._fading_out or self._silencing)

    def fetch(self) -> None:
        """Give players that have played all they had more; or end them."""
        if self._dirty:
            self._list_running()
        if self.due:
            running = self.running
            for slot in running[self._left(running) == 0].tolist():
                self._fetch(self._by_slot[slot])

    def fetch_ahead(self) -> None:
        """Give players that will soon have played all they had more, while nobody waits for it."""
        running = self.running
        if len(running):
            left = self._left(running)
            for slot in running[(left > 0) & (left <= AHEAD_FRAMES)].tolist():
                self._fetch(self._by_slot[slot])

    def copy(self) -> None:
        """Fill the row of each player with its next frame: where nobody plays in place."""
        running = self.running
        playing = running[self._cursor[running] < self._filled[running]]
        if len(playing):
            cursor = self._cursor[playing]
            frames = self._blocks_by_frame.take(playing * BLOCK_FRAMES + cursor, 0, mode="clip")
            self._samples[self._rows[playing]] = frames
            self._cursor[playing] = cursor + 1
        self.due = True

    def settle(self) -> None:
        """What follows playing: markers are told, paused and resumed players fade."""
        if self._marked:
            self._check_markers()
        if self._fading_in or self._fading_out or self._silencing:
            self._fade()

    def _fetch(self, player: Player) -> None:
        """More to play; starts, starves or ends the player."""
        slot = player.slot
        left = int(self._left(slot))
        growing = player.content.growing  # before what there is: when it is not, that is all
        room = self._room(player, left)
        samples = player.content.fetch(player.fetched, self._frame * max(room, ENOUGH_FRAMES))
        waits = growing and (player.starved or not player.started)
        if waits and len(samples) < ENOUGH_FRAMES * self._frame:
            samples = samples[:0]
        samples = samples[: self._frame * room]
        if len(samples):
            self._append(player, left, samples)
            player.fetched += len(samples)
            if self._in_place:
                self._run_on(player)
            if not player.started:
                player.started = True
                self._fading_in.append(player)  # it may begin in the middle of a word
                self._emit(player, PlayerStarted())
            elif player.starved:
                self._emit(player, PlayerFed(missed_frames=player.starved))
                player.starved = 0
                self._fading_in.append(player)
            return
        if left:
            return
        if not player.content.over(player.fetched):
            self._starve(player)
        else:
            self._samples[player.row] = 0
            player.ended = self._dirty = True
            error = player.content.error
            if not player.started and error is None:
                self._emit(player, PlayerStarted())  # a sound without samples was played, too
            self._emit_markers(player, player.fetched + 1)
            self._emit(player, PlayerFinished(error=error))

    def _room(self, player: Player, left: int) -> int:
        """How many frames to fetch: with a run ahead, no more than lie before it."""
        most, at = BLOCK_FRAMES - left, None
        if self._in_place:
            at = player.content.run_from(player.fetched + SHORT_FRAMES * self._frame)
        if at is not None:
            return min(most, -(-(at - player.fetched) // self._frame))
        if player.fetched == 0:
            return 1 + player.slot % BLOCK_FRAMES  # who start together then fetch in other ticks
        return most

    def _left(self, slots: Any) -> Any:
        """Frames that these players have left."""
        return self._filled[slots] - self._cursor[slots] + self._run_left[slots]

    def _append(self, player: Player, left: int, samples: Samples) -> None:
        """The frames that are left move to the beginning of the block, and these follow."""
        slot = player.slot
        block, cursor, run = self._blocks[slot], self._cursor[slot], int(self._run_left[slot])
        block[: left - run] = block[cursor : cursor + left - run].copy()
        if run:
            block[left - run : left] = player.run[-run * self._frame :].reshape(run, -1)
            self._run_left[slot], player.run = 0, NOTHING
        whole = -(-len(samples) // self._frame)
        rest = block[left : left + whole].reshape(-1)
        rest[: len(samples)], rest[len(samples) :] = samples, 0
        taper(block[: left + whole].reshape(-1), left * self._frame + len(samples), self._fade_in)
        self._cursor[slot], self._filled[slot] = 0, left + whole

    def _run_on(self, player: Player) -> None:
        """After the block, what follows it is played in place, as far as it may be."""
        if player.content.run_from(player.fetched) != player.fetched:
            return
        slot, run = player.slot, player.content.run(player.fetched)
        frames = len(run) // self._frame
        if frames == 0:  # the sound's writer, whom nobody trusts, takes it back
            return
        # Who started together fetch what comes then in different ticks.
        frames -= slot % min(BLOCK_FRAMES, frames)
        player.run = run[: frames * self._frame]
        player.fetched += len(player.run)
        self._run_at[slot], self._run_left[slot] = player.run.ctypes.data, frames

    def _starve(self, player: Player) -> None:
        """A frame of silence; the first comes out of what was played last, run backwards."""
        row = self._samples[player.row]
        if not player.started or player.starved:
            row[:] = 0
        else:
            row[:] = fade_out(row[::-1])
            self._emit(player, PlayerStarved())
        player.starved += player.started

    def _check_markers(self) -> None:
        for player in list(self._marked):
            slot = player.slot
            left = max(0, int(self._left(slot))) * self._frame
            self._emit_markers(player, player.fetched - left)

    def _emit_markers(self, player: Player, position: int) -> None:
        while player.started and player.markers and player.markers[0] < position:
            offset_ms = player.markers.pop(0) * 1000 // self._rate_hz
            self._emit(player, PlayerMarkerReached(offset_ms=offset_ms))
        if not player.markers:
            self._marked.discard(player)

    def _fade(self) -> None:
        """Pausing and resuming must not click either."""
        samples = self._samples
        for player in self._fading_in:
            if not player.paused and not player.ended:
                samples[player.row] = cross_fade(
                    np.zeros_like(samples[player.row]), samples[player.row]
                )
        self._fading_in.clear()
        for player in self._silencing:
            if player.paused and not player.ended:
                samples[player.row] = 0
        self._silencing, self._fading_out = self._fading_out, []
        for player in self._silencing:
            if player.paused and not player.ended:
                samples[player.row] = fade_out(samples[player.row][::-1])

    def _list_running(self) -> None:
        self.running = np.array(
            [s for s, p in self._by_slot.items() if not p.paused and not p.ended], dtype=np.int64
        )
        self._dirty, self.due = False, True
