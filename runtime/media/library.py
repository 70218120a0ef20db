"""Names, URLs and texts become sounds here, and nowhere else.

A name is a file of the scenario's own folder, or of the operator's sounds folder; a URL is one of
our own recordings, or is fetched under the address rules. The bytes go to a file worker unread;
what comes back is shared by content. Every failure is a SoundError for the author of the script.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import attrs
import trio

from runtime.net import Fetcher, FetchError
from runtime.net.fetch import TIMEOUT_ERROR
from runtime.speech.tts import TtsProvider

from .files import MAX_FILE_BYTES
from .pcm import ROW_RATE_HZ, PcmBuffer
from .port import Assets, Sound, SoundError, Voice
from .sound import PcmSound, SoundSource
from .sound_cache import SoundCache
from .sound_workers import SoundWorkers, WorkerKind

DECODERS: Final = 3
"""Two for one scenario, so that its one long file does not hold up its others; whatever it plays,
the third is free for the next scenario."""
DECODING_CPU_S: Final = 20.0
"""The longest that one file may take. An hour of mp3 takes 9 s, of Opus 13 s; a file made for it
would take minutes."""
OPEN_S: Final = 12.0
"""From the request to the first sample, download included (voxengine.md 1.3)."""
MAX_RECORDING_BYTES: Final = 512 * 1024 * 1024
"""Of our own recordings that are played back; only their first hour is."""
MAX_ALIVE_BYTES: Final = 1024 * 1024 * 1024
"""Decoded audio of all sessions together; beyond it no further file is opened."""
MAX_NAME: Final = 255

RecordingPath = Callable[[str], Path | None]
"""The file behind the URL of one of our own recordings, None for any other URL."""


def file_decoders(warn: Callable[[str], object]) -> SoundWorkers:
    """The pool of file workers that a library needs; its owner runs it."""
    kind = WorkerKind(
        module="runtime.media.files",
        name="the file decoder",
        count=DECODERS,
        queue=400,
        owner_queue=200,
        owner_busy=DECODERS - 1,
        job_s=30.0,
        cpu_s=DECODING_CPU_S,
        nice=5,
    )
    return SoundWorkers(kind, warn)


@attrs.frozen
class _Content:
    """Encoded bytes behind a descriptor, which is the holder's to close."""

    fd: int
    key: str
    limit: int


class Sounds:
    """Implements SoundLibrary over file workers, a voice and the network."""

    def __init__(
        self,
        *,
        decoders: SoundWorkers,
        speech: TtsProvider,
        fetcher: Fetcher,
        folder: Path | None = None,
        recording_path: RecordingPath = lambda url: None,
        rate_hz: int = ROW_RATE_HZ,
    ) -> None:
        """Files are decoded to `rate_hz`, one of the rates of the engine's rows."""
        self._decoders = decoders
        self._speech = speech
        self._fetcher = fetcher
        self._folder = folder
        self._recording_path = recording_path
        self._rate_hz = rate_hz
        self.cache = SoundCache()
        self._alive: weakref.WeakSet[SoundSource] = weakref.WeakSet()

    async def open_file(self, url: str, assets: Assets) -> Sound:
        with _within_limits():
            content = await self._content(url, assets)
            try:
                source = self._decoded(content, assets)
            finally:
                os.close(content.fd)
            return await _audible(PcmSound(url, source))

    async def speak(self, text: str, voice: Voice) -> Sound:
        with _within_limits():
            return await _audible(PcmSound(text, self._speech.speak(text, voice)))

    def close(self) -> None:
        """Give back what is cached."""
        self.cache.clear()

    async def _content(self, url: str, assets: Assets) -> _Content:
        if url.startswith(("http://", "https://")):
            if (path := self._recording_path(url)) is not None:
                return await trio.to_thread.run_sync(_recording, url, path)
            return await self._fetched(url)
        return await trio.to_thread.run_sync(_named, url, assets, self._folder)

    async def _fetched(self, url: str) -> _Content:
        fd = os.memfd_create("download", os.MFD_CLOEXEC)
        digest = hashlib.sha256()

        def sink(piece: bytes) -> None:
            os.write(fd, piece)
            digest.update(piece)

        try:
            await self._fetcher.download(url, sink, timeout_s=OPEN_S, limit=MAX_FILE_BYTES)
        except BaseException as exc:
            os.close(fd)
            if isinstance(exc, FetchError):
                raise SoundError(str(exc)) from exc
            raise
        return _Content(fd, digest.hexdigest(), MAX_FILE_BYTES)

    def _decoded(self, content: _Content, owner: Assets) -> SoundSource:
        """From the cache, or from a worker; scenarios take turns there."""
        cached = self.cache.get(content.key)
        if cached is not None:
            return cached
        alive = sum(source.size_bytes for source in self._alive)
        if alive > MAX_ALIVE_BYTES:
            raise SoundError(f"{alive:,} bytes of sound are being played; try again later")
        source = SoundSource(PcmBuffer.create(self._rate_hz))
        try:
            request = {"limit": content.limit}
            self._decoders.submit(request, [os.dup(content.fd)], source, owner=owner)
        except (SoundError, OSError):
            source.buffer.close()
            raise
        self._alive.add(source)
        self.cache.put(content.key, source)
        return source


@contextlib.contextmanager
def _within_limits() -> Iterator[None]:
    """Time, and what the machine has: memory and descriptors are for calls first."""
    try:
        with trio.fail_after(OPEN_S):
            yield
    except trio.TooSlowError:
        raise SoundError(TIMEOUT_ERROR) from None
    except OSError as exc:
        raise SoundError(f"no sound can be made now ({exc.strerror}); try again later") from exc


async def _audible(sound: PcmSound) -> PcmSound:
    try:
        await sound.audible()
    except BaseException:
        sound.close()
        raise
    return sound


def _named(name: str, assets: Assets, folder: Path | None) -> _Content:
    """A file of the scenario's folder, or else of the sounds folder."""
    _check_name(name)
    try:
        data = assets.open_bytes(name)
    except SoundError:
        shared = None if folder is None else _shared(name, folder)
        if shared is None:
            raise
        data = shared
    if len(data) > MAX_FILE_BYTES:
        raise SoundError(f"{name} has {len(data):,} bytes, the limit is {MAX_FILE_BYTES:,}")
    fd = os.memfd_create("file", os.MFD_CLOEXEC)
    os.write(fd, data)
    return _Content(fd, hashlib.sha256(data).hexdigest(), MAX_FILE_BYTES)


def _check_name(name: str) -> None:
    if "://" in name:
        raise SoundError(f"{name} is neither an http:// nor an https:// URL")
    if name.startswith("/"):
        raise SoundError(f"{name} is an absolute path; put the file into the scenario's folder")
    parts = name.split("/")
    if not name or len(name) > MAX_NAME or "\0" in name or "\\" in name or ".." in parts:
        raise SoundError(f"{name[:MAX_NAME]!r} is not the name of a file in the scenario's folder")


def _shared(name: str, folder: Path) -> bytes | None:
    """A file of the operator's folder; a link that leads out of it is as good as missing."""
    try:
        path = (folder / name).resolve(strict=True)
        if not path.is_relative_to(folder.resolve(strict=True)):
            return None
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (OSError, RuntimeError):  # RuntimeError: links that go round in a circle
        return None
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return None
        return os.pread(fd, MAX_FILE_BYTES + 1, 0)
    finally:
        os.close(fd)


def _recording(url: str, path: Path) -> _Content:
    """As much of a recording as there is; it may still be growing."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as exc:
        raise SoundError(f"{url} is a recording that is not there any more") from exc
    status = os.fstat(fd)
    version = f"{status.st_dev}:{status.st_ino}:{status.st_size}:{status.st_mtime_ns}"
    return _Content(fd, version, MAX_RECORDING_BYTES)
