"""What can be heard in a piece of PCM: tones (with their frequencies), speech, silence.

Pure numpy. Sound is first cut from silence by its energy, in 5 ms blocks; what sounds is then split
into tones (a few steady sinusoids that explain nearly all of the energy) and the rest, speech.
The rule: borders are right to 20 ms for G.711 telephone audio, and a gap as short as one lost
20 ms packet inside a tone is reported as silence.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final, Literal

import attrs
import numpy as np
from numpy.typing import NDArray

from runtime.media.sinusoids import Sinusoids, frame_sinusoids, residual_of

Samples = NDArray[np.int16]
Kind = Literal["tone", "speech", "silence"]

BLOCK_S: Final = 0.005
"""Energy is looked at in blocks this long."""
SILENCE_DBFS: Final = -50.0
"""Blocks below are silence: above the noise of G.711's quietest steps, below a -40 dBm0 tone."""
BRIDGED_BLOCKS: Final = 2
"""A dip of up to 10 ms is part of the sound: two tones that beat cancel out that long."""
MIN_SOUND_S: Final = 0.015
"""Shorter sounds are clicks of a switched source and count as silence."""
MIN_SILENCE_S: Final = 0.005
"""Shorter silences are a sound's own zero crossings."""
HOP_S: Final = 0.010
"""Distance of the windows in which sinusoids are looked for."""
SAME_HZ: Final = 8.0
"""Two windows show the same tone when their frequencies differ by less."""
STEADY_HZ: Final = 4.0
"""A chord of three or four must be as steady as this; harmonics of a voice are not."""
MIN_TONE_S: Final = 0.030
"""The shortest tone worth the name; a DTMF digit has at least 40 ms."""
MIN_CHORD_S: Final = 0.200
"""The shortest chord of three or four tones; a vowel is never steady for so long."""
MIN_TONE_BESIDE_SPEECH_S: Final = 0.150
"""A shorter tone next to speech is a voiced part of it, unless it is a DTMF digit."""
TORN_TONE_S: Final = 1.0
"""Scraps of a tone belong to it when they are no farther away than a few key presses take."""
SPEECH_PAUSE_S: Final = 0.300
"""Pauses inside words and between them belong to the speech."""
PROBE_S: Final = 0.015
"""Length of the pieces that decide where exactly a tone gives way to another sound."""
RESIDUAL: Final = 0.15
"""A piece belongs to a tone when the tone leaves at most this part of its energy unexplained."""

_DTMF_LOW: Final = (697.0, 770.0, 852.0, 941.0)
_DTMF_HIGH: Final = (1209.0, 1336.0, 1477.0, 1633.0)
_DTMF_TOLERANCE: Final = 0.02


@attrs.frozen(kw_only=True)
class HeardInterval:
    """A stretch of one kind of sound, seconds from the beginning of the samples."""

    kind: Kind
    start_s: float
    end_s: float
    frequencies_hz: tuple[float, ...] = ()
    """Of a tone, strongest first."""
    level_dbfs: float = -120.0
    """RMS; a full-scale sine has -3."""

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


@attrs.define(kw_only=True)
class _Piece:
    """Samples [start, end) of one kind, while they are being sorted."""

    kind: Kind
    start: int
    end: int
    frequencies: tuple[float, ...] = ()


def listen(samples: Samples, rate_hz: int) -> list[HeardInterval]:
    """Everything heard in `samples`, in order and without holes."""
    mono = np.asarray(samples, dtype=np.float64)
    pieces: list[_Piece] = []
    for start, end in _sounding(mono, rate_hz):
        pieces += _tones_and_speech(mono, start, end, rate_hz)
    pieces = _join_speech(_voiced_parts_to_speech(pieces, rate_hz), rate_hz)
    return _with_silences(mono, pieces, rate_hz)


# --- sound and silence --------------------------------------------------------------------------


def _sounding(mono: NDArray[np.float64], rate: int) -> list[tuple[int, int]]:
    """Sample ranges that are not silence."""
    block = max(1, round(rate * BLOCK_S))
    count = -(-len(mono) // block)
    padded = np.zeros(count * block)
    padded[: len(mono)] = mono
    power = np.mean(padded.reshape(count, block) ** 2, axis=1) if count else np.zeros(0)
    floor = (32768.0 * 10 ** (SILENCE_DBFS / 20)) ** 2
    active = _bridged(power > floor)
    ranges = []
    for first, last in _runs(active):
        start, end = _exact(mono, first * block, min(last * block, len(mono)), block, floor**0.5)
        if end - start >= MIN_SOUND_S * rate:
            ranges.append((start, end))
    return ranges


def _bridged(active: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Short dips between sounding blocks count as sounding."""
    bridged = active.copy()
    runs = _runs(active)
    for (_, end), (start, _) in itertools.pairwise(runs):
        if start - end <= BRIDGED_BLOCKS:
            bridged[end:start] = True
    return bridged


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Half-open ranges in which `flags` is true."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _exact(
    mono: NDArray[np.float64], start: int, end: int, block: int, floor: float
) -> tuple[int, int]:
    """Move both borders inwards to the first and last sample that can be heard."""
    head = np.flatnonzero(np.abs(mono[start : start + block]) > floor)
    tail = np.flatnonzero(np.abs(mono[end - block : end]) > floor)
    exact_start = start + (int(head[0]) if len(head) else 0)
    exact_end = end - block + (int(tail[-1]) + 1 if len(tail) else block)
    return exact_start, exact_end


# --- tones and speech ---------------------------------------------------------------------------


def _tones_and_speech(mono: NDArray[np.float64], start: int, end: int, rate: int) -> list[_Piece]:
    """Split one sounding range into tones and the rest."""
    hop = round(rate * HOP_S)
    frames = frame_sinusoids(mono[start:end], rate, hop)
    tones = [
        _Piece(
            kind="tone",
            start=start + first * hop,
            end=min(start + last * hop, end),
            frequencies=frequencies,
        )
        for first, last, frequencies in _steady(frames)
    ]
    tones = [tone for tone in _settled(mono, tones, start, end, rate) if _is_tone(tone, rate)]
    pieces: list[_Piece] = []
    cursor = start
    for tone in tones:
        if tone.start > cursor:
            pieces.append(_Piece(kind="speech", start=cursor, end=tone.start))
        pieces.append(tone)
        cursor = tone.end
    if cursor < end:
        pieces.append(_Piece(kind="speech", start=cursor, end=end))
    return _without_slivers(pieces, rate)


def _steady(frames: Sequence[Sinusoids]) -> list[tuple[int, int, tuple[float, ...]]]:
    """Runs of frames that show the same sinusoids: (first, last + 1, frequencies)."""
    runs: list[tuple[int, int, tuple[float, ...]]] = []
    first = 0
    while first < len(frames):
        last = first + 1
        if frames[first]:
            while last < len(frames) and _same(frames[first], frames[last]):
                last += 1
            runs.append((first, last, _typical(frames[first:last])))
        first = last
    return runs


def _same(one: Sinusoids, other: Sinusoids) -> bool:
    tolerance = SAME_HZ if len(one) <= 2 else STEADY_HZ
    return len(one) == len(other) and all(
        abs(a - b) < tolerance for a, b in zip(sorted(one), sorted(other), strict=True)
    )


def _typical(frames: Sequence[Sinusoids]) -> tuple[float, ...]:
    """Median frequencies of a run, in the order of strength of its middle frame."""
    medians = np.median(np.array([sorted(frame) for frame in frames]), axis=0)
    middle = frames[len(frames) // 2]
    by_strength = [sorted(middle).index(frequency) for frequency in middle]
    return tuple(round(float(medians[index]), 1) for index in by_strength)


def _is_tone(tone: _Piece, rate: int) -> bool:
    least = MIN_TONE_S if len(tone.frequencies) <= 2 else MIN_CHORD_S
    return tone.end - tone.start >= least * rate


def _settled(
    mono: NDArray[np.float64], tones: list[_Piece], start: int, end: int, rate: int
) -> list[_Piece]:
    """Put each tone's borders where it really begins and ends, longest tones first.

    A window is longer than the border is sharp, so windows across a border show both sounds. Only
    the tones themselves, fitted to short pieces, tell where one stops.
    """
    settled: list[_Piece] = []
    for tone in sorted(tones, key=lambda piece: piece.start - piece.end):
        low = max((other.end for other in settled if other.end <= _middle(tone)), default=start)
        high = min((other.start for other in settled if other.start > _middle(tone)), default=end)
        if any(other.start <= _middle(tone) < other.end for other in settled):
            continue  # a window across the border of a longer tone
        tone.start = _border(mono, tone, low, -1, rate)
        tone.end = _border(mono, tone, high, +1, rate)
        settled.append(tone)
    return sorted(settled, key=lambda piece: piece.start)


def _middle(piece: _Piece) -> int:
    return (piece.start + piece.end) // 2


def _border(mono: NDArray[np.float64], tone: _Piece, limit: int, step: int, rate: int) -> int:
    """Walk from the middle of the tone to `limit` as long as the tone explains what is heard."""
    probe, hop = round(PROBE_S * rate), round(BLOCK_S * rate)
    at = _middle(tone)
    while (limit - at) * step > 0:
        low = at if step > 0 else at - probe
        piece = mono[max(0, low) : max(0, low) + probe]
        if residual_of(piece, tone.frequencies, rate) > RESIDUAL:
            break
        at += step * hop
    else:
        return limit
    # The first piece that does not fit reaches into the other sound by about one hop.
    reached = at + step * (probe - hop)
    return min(reached, limit) if step > 0 else max(reached, limit)


def _without_slivers(pieces: list[_Piece], rate: int) -> list[_Piece]:
    """What is left between two tones for less than two blocks is their common border."""
    kept: list[_Piece] = []
    for at, piece in enumerate(pieces):
        short = piece.end - piece.start < 4 * BLOCK_S * rate
        if piece.kind == "speech" and short and len(pieces) > 1:
            middle = _middle(piece)
            if kept:
                kept[-1].end = middle if at + 1 < len(pieces) else piece.end
            if at + 1 < len(pieces):
                pieces[at + 1].start = kept[-1].end if kept else piece.start
            continue
        kept.append(piece)
    return kept


# --- speech as people mean it -------------------------------------------------------------------


def _voiced_parts_to_speech(pieces: list[_Piece], rate: int) -> list[_Piece]:
    """Short steady bits near speech are vowels and nasals, not tones."""
    near = SPEECH_PAUSE_S * rate
    for at, piece in enumerate(pieces):
        if piece.kind != "tone" or piece.end - piece.start >= MIN_TONE_BESIDE_SPEECH_S * rate:
            continue
        before, after = pieces[at - 1 : at] if at else [], pieces[at + 1 : at + 2]
        beside = [p for p in before if piece.start - p.end < near]
        beside += [p for p in after if p.start - piece.end < near]
        if any(p.kind == "speech" for p in beside) and not (
            is_dtmf(piece.frequencies) or _is_part_of_longer(piece, pieces, rate)
        ):
            piece.kind, piece.frequencies = "speech", ()
    return pieces


def _is_part_of_longer(piece: _Piece, pieces: list[_Piece], rate: int) -> bool:
    """Whether a tone of the same frequencies that is long enough to be meant is not far away: what
    concealment or a key press leaves of a tone is still that tone."""
    return any(
        other.kind == "tone"
        and other.end - other.start >= MIN_TONE_BESIDE_SPEECH_S * rate
        and _same(piece.frequencies, other.frequencies)
        and max(piece.start - other.end, other.start - piece.end) < TORN_TONE_S * rate
        for other in pieces
    )


def is_dtmf(frequencies_hz: Sequence[float]) -> bool:
    """Whether these two frequencies are a key of ITU-T Q.23."""
    if len(frequencies_hz) != 2:
        return False
    low, high = sorted(frequencies_hz)
    return any(abs(low / f - 1) < _DTMF_TOLERANCE for f in _DTMF_LOW) and any(
        abs(high / f - 1) < _DTMF_TOLERANCE for f in _DTMF_HIGH
    )


def _join_speech(pieces: list[_Piece], rate: int) -> list[_Piece]:
    joined: list[_Piece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        pause = piece.start - last.end if last else 0
        both = last is not None and last.kind == piece.kind == "speech"
        if last is not None and both and pause < SPEECH_PAUSE_S * rate:
            last.end = piece.end
        else:
            joined.append(piece)
    return [p for p in joined if p.kind == "tone" or p.end - p.start >= MIN_TONE_S * rate]


def _with_silences(
    mono: NDArray[np.float64], pieces: list[_Piece], rate: int
) -> list[HeardInterval]:
    complete: list[_Piece] = []
    cursor = 0
    for piece in pieces:
        if piece.start - cursor >= MIN_SILENCE_S * rate:
            complete.append(_Piece(kind="silence", start=cursor, end=piece.start))
        else:
            piece.start = cursor
        complete.append(piece)
        cursor = piece.end
    if len(mono) - cursor >= MIN_SILENCE_S * rate or len(mono) > cursor == 0:
        complete.append(_Piece(kind="silence", start=cursor, end=len(mono)))
    return [
        HeardInterval(
            kind=piece.kind,
            start_s=round(piece.start / rate, 4),
            end_s=round(piece.end / rate, 4),
            frequencies_hz=piece.frequencies,
            level_dbfs=round(_level(mono[piece.start : piece.end]), 1),
        )
        for piece in complete
    ]


def _level(samples: NDArray[np.float64]) -> float:
    power = float(np.mean(samples**2)) if len(samples) else 0.0
    return 10 * float(np.log10(max(power, 1e-3) / 32768.0**2))
