"""Players: sounds out of shared memory and tone scripts, each with its own clock and row.

A player's samples are fetched two seconds at a time, so that a tick is one gather over all players.
A sound that is still growing plays as far as it has come and waits in silence for the rest. At its
natural end the player falls silent first and is reported afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

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
from runtime.media.pcm import PcmBuffer, PcmState
from runtime.media.port import (
    PlayerFed,
    PlayerFinished,
    PlayerMarkerReached,
    PlayerStarted,
    PlayerStarved,
)
from runtime.media.tone_script import ToneScript
from runtime.media.tones import length_of, render

BLOCK_FRAMES: Final = 100
"""Frames fetched at once: two seconds, since each fetch costs as much as sixty players' tick."""
AHEAD_FRAMES: Final = 10
"""Who has no more than this left is given more: so no player holds up frames that go by without a
tick, which are fewer."""
TONE_FRAMES: Final = 25
"""Frames of a tone that are rendered at once: a tick waits for them."""
FRAMES_PER_S: Final = 50
ENOUGH_FRAMES: Final = 10
"""What has come of a sound before one that was waited for goes on: 200 ms, so that a slow download
is heard in pieces of words and not of samples, and is told five times a second at most."""
MAX_MARKERS: Final = 100
"""Per player; further ones are ignored, and the session refuses them long before."""

PlayerNews = PlayerStarted | PlayerMarkerReached | PlayerStarved | PlayerFed | PlayerFinished
OnPlayerNews = Callable[["Player", PlayerNews], None]


class Content(Protocol):
    """What a player plays, seen as samples from the beginning on."""

    rate_hz: int

    def fetch(self, start: int) -> Samples:
        """Up to a block of samples from `start`; none when there are none (yet)."""

    def over(self, start: int) -> bool:
        """Whether nothing will ever follow at `start`."""

    @property
    def growing(self) -> bool:
        """Whether more samples may come than there are now."""

    @property
    def error(self) -> str | None:
        """Why the content ended before its time."""

    def close(self) -> None: ...


class BufferContent:
    """A sound in shared memory."""

    def __init__(self, buffer: PcmBuffer, *, loop: bool) -> None:
        self.rate_hz = buffer.rate_hz
        self._frame = buffer.rate_hz // FRAMES_PER_S
        self._block = BLOCK_FRAMES * self._frame
        self._buffer = buffer
        self._loop = loop

    def fetch(self, start: int) -> Samples:
        # The state is read first: samples published before DONE are all there.
        state, valid = self._buffer.state, self._buffer.valid_samples
        if state is PcmState.DONE and self._loop and valid:
            start %= valid
            if start + self._block > valid:
                around = np.arange(start, start + self._block)
                return _mono(self._buffer.samples[:valid].take(around, axis=0, mode="wrap"))
        end = min(start + self._block, valid)
        if state is PcmState.FILLING:
            end -= (end - start) % self._frame
        return _mono(self._buffer.samples[start : max(start, end)])

    def over(self, start: int) -> bool:
        state, valid = self._buffer.state, self._buffer.valid_samples
        if state is PcmState.DONE and self._loop:
            return valid == 0
        return state is not PcmState.FILLING and start >= valid

    @property
    def growing(self) -> bool:
        return self._buffer.state is PcmState.FILLING

    @property
    def error(self) -> str | None:
        if self._buffer.state is PcmState.FAILED:
            return "the sound broke off while it was being decoded or spoken"
        return None

    def close(self) -> None:
        self._buffer.close()


class ToneContent:
    """A tone script; nothing of it lies above what 8 kHz can carry."""

    rate_hz = RATE_HZ
    error = None
    growing = False

    def __init__(self, script: ToneScript) -> None:
        self._script = script
        self._length = length_of(script)

    def fetch(self, start: int) -> Samples:
        count = TONE_FRAMES * RATE_HZ // FRAMES_PER_S
        if self._length is not None:
            count = max(0, min(count, self._length - start))
        return render(self._script, start, count)

    def over(self, start: int) -> bool:
        return self._length is not None and start >= self._length

    def close(self) -> None:
        return


class BrokenContent:
    """A sound that the engine cannot play; ends at once with the reason."""

    rate_hz = RATE_HZ
    growing = False

    def __init__(self, error: str) -> None:
        self.error = error

    def fetch(self, start: int) -> Samples:
        return np.zeros(0, dtype=np.int16)

    def over(self, start: int) -> bool:
        return True

    def close(self) -> None:
        return


def content_of(buffer: PcmBuffer, *, loop: bool) -> Content:
    """The buffer as content, if its rate is one of the rows' rates."""
    if buffer.rate_hz not in (RATE_HZ, WIDE_RATE_HZ):
        buffer.close()
        rates = f"{RATE_HZ} and {WIDE_RATE_HZ} Hz"
        return BrokenContent(f"the sound has {buffer.rate_hz} Hz, the engine plays {rates}")
    return BufferContent(buffer, loop=loop)


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
    ) -> None:
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
        self._free = list(range(capacity - 1, -1, -1))
        self._by_slot: dict[int, Player] = {}
        self._dirty = False
        self._rows = np.zeros(capacity, dtype=np.int64)
        self._cursor = np.zeros(capacity, dtype=np.int64)
        """Frames of the block that were played."""
        self._filled = np.zeros(capacity, dtype=np.int64)
        self._blocks: Samples = np.zeros((capacity, BLOCK_FRAMES, self._frame), dtype=np.int16)
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
            for slot in running[self._cursor[running] >= self._filled[running]].tolist():
                self._fetch(self._by_slot[slot])

    def fetch_ahead(self) -> None:
        """Give players that will soon have played all they had more, while nobody waits for it."""
        running = self.running
        if len(running):
            left = self._filled[running] - self._cursor[running]
            for slot in running[(left > 0) & (left <= AHEAD_FRAMES)].tolist():
                self._fetch(self._by_slot[slot])

    def copy(self) -> None:
        """Fill the row of each player with its next frame."""
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
        left = int(self._filled[slot] - self._cursor[slot])
        growing = player.content.growing  # before what there is: when it is not, that is all
        samples = player.content.fetch(player.fetched)
        if player.starved and growing and len(samples) < ENOUGH_FRAMES * self._frame:
            samples = samples[:0]
        room = BLOCK_FRAMES - left
        if player.fetched == 0:
            room = 1 + slot % BLOCK_FRAMES  # who start together then fetch in different ticks
        samples = samples[: self._frame * room]
        if len(samples):
            self._append(slot, left, samples)
            player.fetched += len(samples)
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

    def _append(self, slot: int, left: int, samples: Samples) -> None:
        """The frames that are left move to the beginning of the block, and these follow."""
        block, cursor = self._blocks[slot], self._cursor[slot]
        block[:left] = block[cursor : cursor + left].copy()
        whole = -(-len(samples) // self._frame)
        rest = block[left : left + whole].reshape(-1)
        rest[: len(samples)], rest[len(samples) :] = samples, 0
        taper(block[: left + whole].reshape(-1), left * self._frame + len(samples), self._fade_in)
        self._cursor[slot], self._filled[slot] = 0, left + whole

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
            left = max(0, int(self._filled[slot] - self._cursor[slot])) * self._frame
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
            slot = player.slot
            if player.paused and not player.ended and self._cursor[slot] < self._filled[slot]:
                samples[player.row] = fade_out(self._blocks[slot, self._cursor[slot]])

    def _list_running(self) -> None:
        self.running = np.array(
            [s for s, p in self._by_slot.items() if not p.paused and not p.ended], dtype=np.int64
        )
        self._dirty, self.due = False, True


def _mono(samples: Samples) -> Samples:
    if samples.ndim == 1:
        return samples
    halves: Samples = (samples.sum(axis=1, dtype=np.int32) // 2).astype(np.int16)
    return halves
