"""The file worker: decodes strangers' sound files into audio memory, at the engine's row rate.

It gets the bytes in a descriptor, never a path or URL: of a whole file, or of a pipe through which
a download arrives. What is broken fails with a sentence for the author of the script; what hangs,
eats memory or time, or kills this process fails alone, since the core replaces the process
(sound_workers.py).
`python -m runtime.media.sounds.files`
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from runtime.media import ffmpeg
from runtime.media.pcm import PcmBuffer, PcmError, size_of
from runtime.processes.blocking_link import BlockingLink
from runtime.processes.confine import Confinement
from runtime.processes.entering import enter_child, leave
from runtime.processes.locking import lock_for_good
from runtime.processes.packets import LinkClosed
from runtime.sandbox.profiles import DECODER

from .arriving import Arriving
from .decoding import BadFile, decode_into
from .headers import wav_header

MEMORY_BYTES: Final = 256 * 1024 * 1024
"""Over the size at start: the file, the hour of audio addresses, FFmpeg's buffers."""
CONFINEMENT: Final = Confinement(profile=DECODER, memory_bytes=MEMORY_BYTES)
READ_BYTES: Final = 64 * 1024


def main() -> None:
    link = enter_child()
    ffmpeg.load()
    _rehearse()
    report = lock_for_good(CONFINEMENT)
    with contextlib.suppress(LinkClosed):
        link.send({"state": "ready", "sandbox": report.to_json()})
        _serve_all(link)
    leave()


def _serve_all(link: BlockingLink) -> None:
    """Until the core closes its end."""
    while True:
        request, (source, target) = link.receive()
        try:
            _serve(link, request, source, target)
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


def _serve(link: BlockingLink, request: dict[str, Any], source: int, target: int) -> None:
    try:
        pcm = PcmBuffer.attach(target, writable=True)
    except PcmError as exc:
        link.send({"state": "failed", "error": str(exc)})
        return
    try:
        with _content(request, source) as file:
            for blocks, _ in enumerate(decode_into(pcm, file)):
                if blocks == 0:
                    expected_s = file.expected_s if isinstance(file, Arriving) else None
                    link.send({"state": "audible", "expected_s": expected_s})
        if _whole(request):
            # Whether a download came to its end, and with it the sound, is for the core to say.
            pcm.finish()
        link.send({"state": "done"})
    except BadFile as exc:
        pcm.finish(failed=True)
        link.send({"state": "failed", "error": str(exc)})
    finally:
        pcm.close()


def _whole(request: dict[str, Any]) -> bool:
    """Only what is there already has a size, and a limit; the core counts what arrives."""
    return "limit" in request


@contextlib.contextmanager
def _content(request: dict[str, Any], source: int) -> Iterator[BinaryIO | Arriving]:
    if not _whole(request):
        yield Arriving(source)
        return
    _check_size(source, request["limit"])
    with open(source, "rb", buffering=READ_BYTES, closefd=False) as file:
        file.seek(0)
        yield file


def _check_size(source: int, limit: int) -> None:
    size = size_of(source)
    if size == 0:
        raise BadFile("it is empty (0 bytes)")
    if size > limit:
        raise BadFile(f"it has {size:,} bytes, the limit is {limit:,}")


if __name__ == "__main__":
    main()
