"""The file worker: decodes strangers' sound files into audio memory, at the engine's row rate.

It gets the bytes in a descriptor, never a path or URL, and only the few formats named here are
tried. What is broken fails with a sentence for the author of the script; what hangs, eats memory or
time, or kills this process fails alone, since the core replaces the process (sound_workers.py).
`python -m runtime.media.files`
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import av
import numpy as np

from runtime.processes.blocking_link import BlockingLink
from runtime.processes.confine import Confinement
from runtime.processes.entering import enter_child
from runtime.processes.locking import lock_for_good
from runtime.processes.packets import LinkClosed
from runtime.sandbox.profiles import DECODER

from . import ffmpeg
from .headers import wav_header
from .pcm import PcmBuffer, PcmError, PcmState, size_of

MAX_FILE_BYTES: Final = 10 * 1024 * 1024
"""The platform's limit for a sound file (voxengine.md 2.2)."""
FORMATS: Final = "wav,mp3,ogg,flac"
CODECS: Final = (
    "mp3float,mp3,vorbis,opus,libopus,flac,pcm_u8,pcm_s16le,pcm_s24le,pcm_s32le,pcm_f32le,"
    "pcm_f64le,pcm_alaw,pcm_mulaw,adpcm_ima_wav,adpcm_ms"
)
"""What may stand in those containers; fewer parsers, fewer holes."""
MEMORY_BYTES: Final = 256 * 1024 * 1024
"""Over the size at start: the file, the hour of audio addresses, FFmpeg's buffers."""
CONFINEMENT: Final = Confinement(profile=DECODER, memory_bytes=MEMORY_BYTES)
READ_BYTES: Final = 64 * 1024
MAX_STREAMS: Final = 8
"""A sound, its cover pictures, and some slack; every stream costs memory and a parser."""
MAX_PACKETS_BAD_AT_FIRST: Final = 500
"""A file whose first 500 packets are all broken is not going to get better."""
EXPECTED: Final = "wav, mp3, ogg and flac files can be played"


class BadFile(Exception):
    """str() says to the author of a script why the file cannot be played."""


def main() -> None:
    link = enter_child()
    ffmpeg.load()
    _rehearse()
    report = lock_for_good(CONFINEMENT)
    with contextlib.suppress(LinkClosed):
        link.send({"state": "ready", "sandbox": report.to_json()})
        _serve_all(link)


def _serve_all(link: BlockingLink) -> None:
    """Until the core closes its end."""
    while True:
        request, (source, target) = link.receive()
        try:
            _serve(link, request["limit"], source, target)
        finally:
            os.close(source)
            os.close(target)


def _rehearse() -> None:
    """Decode a moment of silence: what Python and FFmpeg load late is loaded now."""
    pcm = PcmBuffer.create(capacity_s=1)
    silence = bytes(3200)
    for _ in decode_into(pcm, io.BytesIO(wav_header(16000, 1, len(silence)) + silence)):
        pass
    pcm.close()


def _serve(link: BlockingLink, limit: int, source: int, target: int) -> None:
    try:
        pcm = PcmBuffer.attach(target, writable=True)
    except PcmError as exc:
        link.send({"state": "failed", "error": str(exc)})
        return
    try:
        _check_size(source, limit)
        with open(source, "rb", buffering=READ_BYTES, closefd=False) as file:
            file.seek(0)
            for blocks, _ in enumerate(decode_into(pcm, file)):
                if blocks == 0:
                    link.send({"state": "audible"})
        pcm.finish()
        link.send({"state": "done"})
    except BadFile as exc:
        pcm.finish(failed=True)
        link.send({"state": "failed", "error": str(exc)})
    finally:
        pcm.close()


def _check_size(source: int, limit: int) -> None:
    size = size_of(source)
    if size == 0:
        raise BadFile("it is empty (0 bytes)")
    if size > limit:
        raise BadFile(f"it has {size:,} bytes, the limit is {limit:,}")


def decode_into(pcm: PcmBuffer, file: BinaryIO) -> Iterator[int]:
    """Fill the buffer; yields the samples added, block by block. Raises BadFile.

    Stops early when the buffer is full or the core has ended it. A file that breaks in the middle
    is played up to there.
    """
    decoded = 0
    try:
        options = {
            "format_whitelist": FORMATS,
            "codec_whitelist": CODECS,
            "max_streams": str(MAX_STREAMS),
        }
        with av.open(file, "r", options=options) as container:
            for samples in _resampled(_frames(container), pcm.rate_hz):
                added = pcm.append(samples)
                decoded += added
                if added:
                    yield added
                if added < len(samples) or pcm.state is not PcmState.FILLING:
                    return
    except (av.FFmpegError, ValueError, IndexError) as exc:
        # PyAV turns FFmpeg's refusals into FFmpegError, and its own into the other two.
        if not decoded:
            file.seek(0)
            raise BadFile(_complaint(file.read(64))) from exc
    if not decoded:
        raise BadFile("there is no sound in it")


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


if __name__ == "__main__":
    main()
