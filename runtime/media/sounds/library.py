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
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import trio

from runtime.media.pcm import ROW_RATE_HZ, PcmBuffer
from runtime.media.port import Sound, SoundError
from runtime.net import Fetcher
from runtime.net.fetch import TIMEOUT_ERROR
from runtime.speech.tts import TtsProvider

from .alive import AliveSounds
from .decoders import Content, Decoders
from .sequence import join
from .sound import PcmSound
from .sound_cache import SoundCache
from .sound_port import MAX_FILE_BYTES, WHOLE, Assets, Fetching, Voice
from .sound_workers import SoundWorkers
from .url_sounds import UrlSounds

OPEN_S: Final = 12.0
"""From the request to the first sample, download included (voxengine.md 1.3)."""
MAX_RECORDING_BYTES: Final = 512 * 1024 * 1024
"""Of our own recordings that are played back; only their first hour is."""
MAX_NAME: Final = 255

RecordingPath = Callable[[str], Path | None]
"""The file behind the URL of one of our own recordings, None for any other URL."""


class Sounds:
    """Implements SoundLibrary over file workers, a voice and the network."""

    def __init__(
        self,
        *,
        decoders: SoundWorkers,
        speech: TtsProvider,
        fetcher: Fetcher,
        alive: AliveSounds | None = None,
        folder: Path | None = None,
        recording_path: RecordingPath = lambda url: None,
        rate_hz: int = ROW_RATE_HZ,
    ) -> None:
        """Files are decoded to `rate_hz`, one of the rates of the engine's rows; `alive` counts
        them together with what `speech` makes."""
        self._decoders = Decoders(decoders, alive or AliveSounds(), rate_hz)
        self._urls = UrlSounds(fetcher, self._decoders)
        self._speech = speech
        self._folder = folder
        self._recording_path = recording_path

    @property
    def cache(self) -> SoundCache:
        """What was decoded, by content."""
        return self._decoders.cache

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Carries downloads that are played while they arrive, until cancelled."""
        await self._urls.run(task_status=task_status)

    async def open_file(self, url: str, assets: Assets, how: Fetching = WHOLE) -> Sound:
        with _within_limits():
            return await _audible(await self._opened(url, assets, how))

    async def speak(self, text: str, voice: Voice, assets: Assets) -> Sound:
        with _within_limits():
            return await _audible(PcmSound(text, self._speech.speak(text, voice, assets)))

    async def join(self, label: str, sounds: Sequence[Sound], assets: Assets) -> Sound:
        source = self._decoders.new_source(assets)
        joined = PcmSound(label, source)
        try:
            await join(source.buffer, [_buffer_of(sound) for sound in sounds])
        except BaseException:
            joined.close()
            raise
        source.audible()
        source.finish()
        return joined

    def close(self) -> None:
        """Give back what is cached."""
        self.cache.clear()

    async def _opened(self, url: str, assets: Assets, how: Fetching) -> PcmSound:
        if not url.startswith(("http://", "https://")):
            content = await trio.to_thread.run_sync(_named, url, assets, self._folder)
        elif (path := self._recording_path(url)) is not None:
            content = await trio.to_thread.run_sync(_recording, url, path)
        else:
            return await self._urls.open(url, how, assets)
        try:
            return PcmSound(url, self._decoders.whole(content, assets))
        finally:
            os.close(content.fd)


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


def _buffer_of(sound: Sound) -> PcmBuffer:
    if not isinstance(sound, PcmSound):
        raise TypeError(f"{sound!r} does not come from this library")
    return sound.buffer


async def _audible(sound: PcmSound) -> PcmSound:
    try:
        await sound.audible()
    except BaseException:
        sound.close()
        raise
    return sound


def _named(name: str, assets: Assets, folder: Path | None) -> Content:
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
    return Content(fd, hashlib.sha256(data).hexdigest(), MAX_FILE_BYTES)


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


def _recording(url: str, path: Path) -> Content:
    """As much of a recording as there is; it may still be growing."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as exc:
        raise SoundError(f"{url} is a recording that is not there any more") from exc
    status = os.fstat(fd)
    version = f"{status.st_dev}:{status.st_ino}:{status.st_size}:{status.st_mtime_ns}"
    return Content(fd, version, MAX_RECORDING_BYTES)
