"""The playout buffer of a leg whose codec has a memory: packets wait, and are decoded when due.

The rules of playout.py (one frame of lead, one frame more when packets come too late, a splice when
for a second all came early or all at the last moment, a new beginning when the peer's clock jumps),
for payloads instead of samples: only when a packet is due is it certain whether the one before it
was lost, and whether a copy of that has come inside its successor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs
import numpy as np

from runtime.media.codecs.coding import Decoder, Format, Samples
from runtime.media.comfort_noise import noise_at
from runtime.media.mixing import cross_fade
from runtime.media.splicing import Splicer

TARGET: Final = 1
"""Frames that a stream starts before it is heard, as in playout.py."""
MAX_LEAD: Final = 15
"""Frames: 300 ms; a conversation cannot bear more."""
MAX_EARLY: Final = 32
"""Frames; what is dated later than this comes from a clock that jumped."""
MAX_STORED: Final = 64
"""Packets: the longest lead in packets of 5 ms, or a flood."""
IDLE: Final = 5
"""Frames without a packet after which the next one may begin anew."""
MISFITS: Final = 3
LONGEST: Final = 3
"""Frames: packets of 60 ms are the longest that anybody sends by choice."""
SLACK: Final = 8
"""Part of a frame by which timestamps may be off without meaning anything: some senders round."""
FRAMES_PER_S: Final = 50
CALM: Final = 5
"""Seconds for which more delay is kept, as in playout.py."""
CLOCK_HZ: Final = 8000
"""RFC 3389 section 5.1: comfort noise has payload type 13 and is dated by this clock."""
MAX_CONCEALED: Final = 50
"""Frames: a second. A peer that is quiet for longer is silence, at no cost."""


@attrs.frozen(eq=False)
class Voice:
    """A payload type of the leg: how it is dated, and what turns it into the leg's samples."""

    format: Format
    decoder: Decoder
    lift: Callable[[Samples], Samples] | None = None
    """From the codec's rate to the leg's, where they differ."""

    def units(self, samples: int) -> int:
        """Timestamp units of samples of the codec's rate."""
        return samples * self.format.clock_hz // self.format.rate_hz

    def decode(self, payload: bytes) -> tuple[Samples, int] | None:
        """(samples, timestamp units), None for a malformed payload."""
        samples = self.decoder.decode(payload)
        if samples is None or not len(samples):
            return None
        return self._lifted(samples), self.units(len(samples))

    def conceal(self, units: int, following: bytes | None) -> Samples:
        count = units * self.format.rate_hz // self.format.clock_hz
        return self._lifted(self.decoder.conceal(count, following))

    def _lifted(self, samples: Samples) -> Samples:
        return samples if self.lift is None else self.lift(samples)


@attrs.frozen
class _Waiting:
    payload: bytes
    voice: Voice


class PacketPlayout:
    """One leg's packets; `pull` gives 20 ms a tick, whatever came."""

    def __init__(self, frame: int) -> None:
        """20 ms have `frame` samples."""
        self._frame = frame
        self._splicer = Splicer(frame * FRAMES_PER_S)
        self._waiting: dict[int, _Waiting] = {}
        """By timestamp, without wrapping around."""
        self._ready: Samples = np.zeros(0, dtype=np.int16)
        self._voice: Voice | None = None
        """Of the last packet that was put; conceals."""
        self._last = 0
        """Timestamp of the last packet that was put."""
        self._position = 0
        """Timestamp of what is decoded next."""
        self._concealed = MAX_CONCEALED
        """Frames since something was decoded."""
        self._misfits = 0
        self._misfit = False
        """Whether one came since the last tick; a burst says no more than one packet."""
        self._least = MAX_EARLY
        self._most = 0
        self._heard = [np.zeros(frame, dtype=np.int16)] * 2
        """The last frames, which splices go by."""
        self._noise_level = 0
        """0 = no pause was announced."""
        self._pause_at = 0
        """Timestamp at which the announced pause begins."""
        self._noise_from = 0
        """Place in the endless noise of what is heard of it next."""
        self._waited = 0
        """Seconds for which a splice is wanted."""
        self._calm = CALM
        """Seconds since the stream was given more delay."""
        self.late = 0
        self.malformed = 0

    @property
    def _step(self) -> int:
        return self._voice.format.step if self._voice else 1

    # --- writing --------------------------------------------------------------------------------

    def put(self, timestamp: int, payload: bytes, voice: Voice, *, restarted: bool) -> int:
        """Place a fresh packet; how far its timestamp is from that of the one put before."""
        known, last = self._voice, self._last
        self._last = timestamp
        step = ((timestamp - last + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
        self._place(timestamp, payload, voice, restarted, known, step)
        return step

    def pause(self, timestamp: int, level: int) -> None:
        """The peer is silent from `timestamp` on (of an 8 kHz clock); its background is so loud."""
        if self._voice is None or self._voice.format.clock_hz != CLOCK_HZ:
            return
        ahead = ((timestamp - self._position + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
        self._pause_at = self._position + min(max(ahead, 0), MAX_EARLY * self._step)
        self._noise_level = level

    def _place(
        self,
        timestamp: int,
        payload: bytes,
        voice: Voice,
        restarted: bool,
        known: Voice | None,
        length: int,
    ) -> None:
        """`length` = units since the packet before, which is how long a packet is."""
        begins = restarted or known is None or known.format.clock_hz != voice.format.clock_hz
        self._voice = voice
        if begins:
            self._begin(timestamp)
        ahead = ((timestamp - self._position + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
        lead = ahead // self._step
        idle = self._concealed >= IDLE and not self._waiting
        if not begins and (lead >= MAX_EARLY or lead < 0 or (idle and lead > TARGET)):
            ahead = self._refit(timestamp, ahead, idle, length)
        if not 0 <= ahead < MAX_EARLY * self._step or len(self._waiting) >= MAX_STORED:
            self.late += 1
            return
        self._waiting[self._position + ahead] = _Waiting(payload, voice)
        self._least = min(self._least, ahead // self._step)
        self._most = max(self._most, ahead // self._step)

    def _refit(self, timestamp: int, ahead: int, idle: bool, length: int) -> int:
        """A packet too late or too early: wait longer, begin anew, or lose it."""
        step = self._step
        # A peer that begins to send longer packets needs their length at once.
        slightly = -min(max(length, step), LONGEST * step) <= ahead < 0
        if idle and not slightly:
            self._begin(timestamp)
            return TARGET * step
        if slightly:
            more = -(ahead // step)
            if self._most + more <= MAX_LEAD:
                # What was made up meanwhile stands in for the wait.
                self._position -= more * step
                self._most += more
                self._calm = 0
                return ahead + more * step
            return ahead
        self._misfit = True
        if self._misfits + 1 >= MISFITS:
            self._begin(timestamp)
            return TARGET * step
        return ahead

    def _begin(self, timestamp: int) -> None:
        self._waiting.clear()
        self._position = timestamp - TARGET * self._step
        self._misfits, self._misfit = 0, False
        self._least, self._most = MAX_EARLY, 0

    # --- playing --------------------------------------------------------------------------------

    def pull(self) -> Samples:
        """The next 20 ms."""
        if self._misfit:
            self._misfits, self._misfit = self._misfits + 1, False
        elif self._waiting:
            self._misfits = 0
        frame = self._next_frame()
        self._heard = [self._heard[1], frame]
        return frame

    def _next_frame(self) -> Samples:
        if not len(self._ready):
            piece = self._next_piece()
            if len(piece) == self._frame:
                return piece
            self._ready = piece
        pieces, have = [self._ready], len(self._ready)
        while have < self._frame:
            piece = self._next_piece()
            pieces.append(piece)
            have += len(piece)
        samples = np.concatenate(pieces)
        self._ready = samples[self._frame :]
        return samples[: self._frame]

    def _next_piece(self) -> Samples:
        """One packet decoded, or up to 20 ms made up in its place."""
        packet = self._due()
        if packet is not None:
            decoded = packet.voice.decode(packet.payload)
            if decoded is not None:
                samples, units = decoded
                if self._position >= self._pause_at:
                    self._noise_level = 0
                self._position += units
                self._concealed = 0
                return samples
            self.malformed += 1
        return self._made_up()

    def _due(self) -> _Waiting | None:
        """The packet that is due now; drops those that longer ones or a stall have overtaken."""
        packet = self._waiting.pop(self._position, None)
        if packet is None and self._waiting:
            slack = self._step // SLACK
            for timestamp in [at for at in self._waiting if at < self._position - slack]:
                del self._waiting[timestamp]
                self.late += 1
            first = min(self._waiting, default=self._position + 2 * slack)
            if first <= self._position + slack:
                self._position = first
                packet = self._waiting.pop(first)
        return packet

    def _made_up(self) -> Samples:
        voice, gap = self._voice, self._step
        # What lies behind was overtaken by a longer packet, and is dropped when the next is due.
        ahead = [at - self._position for at in self._waiting if at > self._position]
        gap = min([gap, *ahead])
        following = self._waiting.get(self._position + gap)
        self._position += gap
        self._concealed += 1
        if voice and self._noise_level and self._position > self._pause_at:
            return self._noise(voice, gap)
        if voice is None or self._concealed > MAX_CONCEALED:
            return np.zeros(self._frame, dtype=np.int16)
        known = following is not None and following.voice is voice
        samples = voice.conceal(gap, following.payload if following and known else None)
        # A gap may be shorter than one sample of the codec.
        return samples if len(samples) else np.zeros(1, dtype=np.int16)

    def _noise(self, voice: Voice, units: int) -> Samples:
        count = units * self._frame * FRAMES_PER_S // voice.format.clock_hz
        at, level = np.array([self._noise_from]), np.array([self._noise_level])
        noise: Samples = noise_at(at, level, count)[0]
        self._noise_from += count
        if self._concealed == 1 and count == self._frame:
            noise = cross_fade(voice.conceal(units, None), noise)
        # What was made up last is not what the speech after the pause goes on from.
        voice.decoder.pause()
        return noise if count else np.zeros(1, dtype=np.int16)

    def skip(self, frames: int) -> None:
        """The engine stood still for so many frames."""
        self._position += frames * self._step
        self._ready = self._ready[:0]

    def adjust(self) -> None:
        """To be called once a second: cut delay that no packet needed since the last call, and wait
        a little longer where all came at the last moment."""
        wanted = done = False
        self._calm += 1
        if self._calm > CALM and TARGET < self._least < MAX_EARLY:
            wanted, done = True, self._cut((self._least - TARGET + 1) // 2)
        elif self._most < TARGET and self._least < MAX_EARLY and not self._concealed:
            wanted, done = True, self._stretch()
        self._waited = self._waited + 1 if wanted and not done else 0
        self._least, self._most = MAX_EARLY, 0

    def _cut(self, frames: int) -> bool:
        """Take so many frames out, or a little less; halving, as playout.py does."""
        coming = np.concatenate([self._next_frame() for _ in range(frames + 1)])
        splice = self._splicer.cut(self._heard[1], coming, frames * self._frame)
        done = frames > 1 or splice.good(self._waited)
        # What was decoded and is not yet heard is no delay of its own.
        self._ready = np.concatenate((splice.samples if done else coming, self._ready))
        return done

    def _stretch(self) -> bool:
        """Let what was heard last be heard a little longer."""
        splice = self._splicer.stretch(np.concatenate(self._heard))
        if splice.good(self._waited):
            self._ready = np.concatenate((splice.samples, self._ready))
            return True
        return False
