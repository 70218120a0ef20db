"""Decodes strangers' sound files into audio memory; runs in the locked file worker only.

Only the few formats and codecs named here are tried. A whole file can be read to and fro; one that
is still arriving (arriving.py) is read once, and what it begins with says what it is, so that its
first samples are there long before its last bytes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import av
import numpy as np

from runtime.media.pcm import PcmBuffer, PcmState

from .arriving import Arriving, WavSound

FORMATS: Final = "wav,mp3,ogg,flac"
CODECS: Final = (
    "mp3float,mp3,vorbis,opus,libopus,flac,pcm_u8,pcm_s16le,pcm_s24le,pcm_s32le,pcm_f32le,"
    "pcm_f64le,pcm_alaw,pcm_mulaw,adpcm_ima_wav,adpcm_ms"
)
"""What may stand in those containers; fewer parsers, fewer holes."""
MAX_STREAMS: Final = 8
"""A sound, its cover pictures, and some slack; every stream costs memory and a parser."""
MAX_PACKETS_BAD_AT_FIRST: Final = 500
"""A file whose first 500 packets are all broken is not going to get better."""
EXPECTED: Final = "wav, mp3, ogg and flac files can be played"
READ_AHEAD: Final = 4096
"""FFmpeg's buffer for a file that arrives: what it asks for at once."""
HEAD: Final = 64
"""Bytes of a file that tell what it is."""


class BadFile(Exception):
    """str() says to the author of a script why the file cannot be played."""


def decode_into(pcm: PcmBuffer, file: BinaryIO | Arriving) -> Iterator[int]:
    """Fill the buffer; yields the samples added, block by block. Raises BadFile.

    Stops early when the buffer is full or the core has ended it. A file that breaks in the middle
    is played up to there.
    """
    decoded = 0
    # Looked at first: of a file that arrives nothing can be read twice.
    head = file.peek(HEAD) if isinstance(file, Arriving) else b""
    try:
        opened = _arriving(file, head) if isinstance(file, Arriving) else _whole(file)
        with opened as frames:
            for samples in _resampled(frames, pcm.rate_hz):
                added = pcm.append(samples)
                decoded += added
                if added:
                    yield added
                if added < len(samples) or pcm.state is not PcmState.FILLING:
                    return
    except (av.FFmpegError, ValueError, IndexError) as exc:
        # PyAV turns FFmpeg's refusals into FFmpegError, and its own into the other two.
        if not decoded:
            if not isinstance(file, Arriving):
                file.seek(0)
                head = file.read(HEAD)
            raise BadFile(_complaint(head)) from exc
    if not decoded:
        raise BadFile("there is no sound in it")


_OPTIONS: Final = {
    "format_whitelist": FORMATS,
    "codec_whitelist": CODECS,
    "max_streams": str(MAX_STREAMS),
}
_AT_ONCE: Final = {"probesize": "32"}
"""FFmpeg's least: it believes the head of the file, and does not read on to be surer."""


@contextlib.contextmanager
def _whole(file: BinaryIO) -> Iterator[Iterator[Any]]:
    with av.open(file, "r", options=_OPTIONS) as container:
        yield _frames(container)


@contextlib.contextmanager
def _arriving(file: Arriving, head: bytes) -> Iterator[Iterator[Any]]:
    """What can be told by the head is taken at its word; the rest is probed as long as it takes."""
    kind = _kind_of(head)
    if kind == "wav" and (sound := WavSound.begun(file)) is not None:
        yield sound.frames()
        return
    options = _OPTIONS if kind is None else {**_OPTIONS, **_AT_ONCE}
    with av.open(file, "r", format=kind, options=options, buffer_size=READ_AHEAD) as container:
        if container.duration is not None:
            file.expected_s = container.duration / av.time_base
        yield _frames(container)


def _kind_of(head: bytes) -> str | None:
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] in (b"OggS", b"fLaC"):
        return "ogg" if head[:4] == b"OggS" else "flac"
    # A tag, or the eleven bits that begin every frame.
    is_mp3 = head[:3] == b"ID3" or (head[:1] == b"\xff" and head[1:2] >= b"\xe0")
    return "mp3" if is_mp3 else None


def _frames(container: Any) -> Iterator[Any]:
    """Decoded frames of the first audio stream; broken packets are left out."""
    if not container.streams.audio:
        raise BadFile("there is no sound in it")
    stream = container.streams.audio[0]
    if stream.codec_context is None:
        raise BadFile("it uses a codec that is not supported")
    stream.codec_context.thread_count = 1
    bad, good = 0, False
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.InvalidDataError:
            bad += 1
            if not good and bad > MAX_PACKETS_BAD_AT_FIRST:
                raise
            continue
        good = good or bool(frames)
        yield from frames


def _resampled(frames: Iterator[Any], rate_hz: int) -> Iterator[np.ndarray[Any, Any]]:
    """Mono s16 at the wanted rate; swresample filters what would alias."""
    shape, resampler = None, None
    for frame in frames:
        frame.pts = None  # broken time stamps must not become minutes of silence
        if resampler is None or shape != _shape(frame):
            # A stream that changes in the middle (chained ogg, mp3 of two parts) starts anew.
            if resampler is not None:
                yield from _flat(resampler.resample(None))
            shape = _shape(frame)
            resampler = av.AudioResampler(format="s16", layout="mono", rate=rate_hz)
        yield from _flat(resampler.resample(frame))
    if resampler is not None:
        yield from _flat(resampler.resample(None))


def _shape(frame: Any) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _flat(frames: list[Any]) -> Iterator[np.ndarray[Any, Any]]:
    for frame in frames:
        yield frame.to_ndarray().reshape(-1)


def _complaint(data: bytes) -> str:
    """What the file seems to be instead, as far as its first bytes tell."""
    head = data.lstrip().lower()
    if head.startswith((b"<!doctype", b"<html", b"<?xml", b"<")):
        return f"it is a web page or XML, not sound; {EXPECTED}"
    if head.startswith((b"{", b"[")):
        return f"it is text (JSON?), not sound; {EXPECTED}"
    if data[4:8] == b"ftyp":
        return f"it is an MP4 or M4A file; {EXPECTED}"
    if head.startswith(b"#!amr") or data[:4] in (b"\x1aE\xdf\xa3", b"FORM", b".snd"):
        return f"it is sound of another kind; {EXPECTED}"
    if data[:4] in (b"RIFF", b"OggS", b"fLaC") or data[:3] == b"ID3":
        return "it is damaged or uses a codec that is not supported"
    return f"it is damaged or not a sound file; {EXPECTED}"
