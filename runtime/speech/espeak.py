"""The speech worker: espeak-ng's library behind a link, speaking straight into audio memory.

A process of its own because the library crashes under threads, would hold the core's interpreter,
and is GPL-3 while this project is Apache-2. It speaks one text at a time, faster than it can be
heard (a second in under a millisecond). The library opens the data of a language when it is used
and keeps those of one language at a time, so the process may go on reading them, and nothing else.
`python -m runtime.speech.espeak`
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from pathlib import Path
from typing import Any, Final

import av
import espeakng_loader
import numpy as np

from runtime.media import ffmpeg
from runtime.media.pcm import PcmBuffer, PcmState, Samples
from runtime.processes.blocking_link import BlockingLink
from runtime.processes.confine import Confinement
from runtime.processes.entering import enter_child, leave
from runtime.processes.locking import lock_for_good
from runtime.processes.packets import LinkClosed
from runtime.sandbox.profiles import VOICE

MEMORY_BYTES: Final = 256 * 1024 * 1024
"""Over the size at start: ten minutes of audio addresses, dictionaries as languages are used."""
CHUNK_MS: Final = 20
RATE_WPM: Final = (80, 175, 450)
"""Slowest, the default, fastest; espeak's own limits."""

_SYNCHRONOUS: Final = 2
_DONT_EXIT: Final = 0x8000
_UTF8: Final = 0x1
_SSML: Final = 0x10
_RATE, _VOLUME, _PITCH = 1, 2, 3
_STOP: Final = 1


class _Voice(ctypes.Structure):
    """espeak_VOICE of speak_lib.h."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.POINTER(ctypes.c_char)),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_OnAudio = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)
_OnUri = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p)


class SpeechFailed(Exception):
    """The library refused; str() is for the author of the script."""


class Espeak:
    """The library, initialised once in this process.

    Its data are read from the working folder, so that a user who may not reach them from the root
    still can. Moves the process there.
    """

    def __init__(self) -> None:
        data = Path(espeakng_loader.get_data_path())
        os.chdir(data)
        self.data = Path()
        self._library: Any = ctypes.CDLL(espeakng_loader.get_library_path())
        self._library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        self._library.espeak_Synth.argtypes = (
            ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int,
            ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p,
        )  # fmt: skip
        self.rate_hz = self._library.espeak_Initialize(_SYNCHRONOUS, CHUNK_MS, b".", _DONT_EXIT)
        if self.rate_hz <= 0:
            raise SpeechFailed(f"espeak-ng does not start with the data in {data}")
        self._target: _Target | None = None
        self._on_audio = _OnAudio(self._take)
        self._on_uri = _OnUri(lambda kind, uri, base: 1)  # no sound file is ever loaded
        self._library.espeak_SetSynthCallback(self._on_audio)
        self._library.espeak_SetUriCallback(self._on_uri)

    def voices(self) -> list[dict[str, Any]]:
        """All voices, as the link carries them."""
        listed = self._library.espeak_ListVoices(None)
        found: list[dict[str, Any]] = []
        while listed[len(found)]:
            voice = listed[len(found)].contents
            found.append(
                {
                    "identifier": voice.identifier.decode(),
                    "name": voice.name.decode().strip(),
                    "languages": _languages(voice.languages),
                }
            )
        return found

    def variants(self) -> list[str]:
        return sorted(each.name for each in (self.data / "voices" / "!v").iterdir())

    def speak(self, request: dict[str, Any], target: _Target) -> None:
        """Speak a request into the target. Raises SpeechFailed."""
        voice = request["voice"]
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise SpeechFailed(f"the voice {voice} cannot be loaded")
        for parameter, value in _parameters(request).items():
            self._library.espeak_SetParameter(parameter, value, 0)
        text = request["text"].encode("utf-8", "replace").replace(b"\0", b" ") + b"\0"
        flags = _UTF8 | (_SSML if request["ssml"] else 0)
        self._target = target
        try:
            result = self._library.espeak_Synth(text, len(text), 0, 1, 0, flags, None, None)
        finally:
            self._target = None
        if result != 0:
            raise SpeechFailed(f"espeak-ng cannot speak this text (code {result})")
        target.finish()

    def _take(self, samples: Any, count: int, _events: int) -> int:
        target = self._target
        if target is None:
            return _STOP
        if not samples or count <= 0:
            return 0
        more = target.add(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0 if more else _STOP


class _Target:
    """The buffer being spoken into, at its own rate; tells when the first samples are there."""

    def __init__(self, pcm: PcmBuffer, rate_hz: int, on_audible: Any) -> None:
        self._pcm = pcm
        self._rate_hz = rate_hz
        self._on_audible = on_audible
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=pcm.rate_hz)

    def add(self, samples: Samples) -> bool:
        """False when there is no room or nobody listens any more."""
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = self._rate_hz
        return self._append(self._resampler.resample(frame))

    def finish(self) -> None:
        self._append(self._resampler.resample(None))
        self._pcm.finish()

    def _append(self, frames: list[Any]) -> bool:
        for frame in frames:
            block = frame.to_ndarray().reshape(-1)
            first = self._pcm.valid_samples == 0
            if self._pcm.append(block) < len(block):
                return False
            if first and len(block):
                self._on_audible()
        return self._pcm.state is PcmState.FILLING


def _languages(packed: Any) -> list[list[Any]]:
    """espeak's list: a rank byte and a zero-terminated tag, again and again, until a zero rank."""
    address = ctypes.cast(packed, ctypes.c_void_p).value or 0
    languages = []
    while address and (rank := ctypes.string_at(address, 1)[0]):
        tag = ctypes.string_at(address + 1)
        languages.append([rank, tag.decode().lower()])
        address += len(tag) + 2
    return languages


def _parameters(request: dict[str, Any]) -> dict[int, int]:
    slowest, normal, fastest = RATE_WPM
    rate = min(max(round(normal * request["rate"]), slowest), fastest)
    pitch = min(max(round(50 * request["pitch"]), 0), 100)
    volume = min(max(round(100 * request["volume"]), 0), 200)
    return {_RATE: rate, _PITCH: pitch, _VOLUME: volume}


def confinement(data: Path) -> Confinement:
    """What the voice keeps; `data` is the library's folder."""
    return Confinement(profile=VOICE, memory_bytes=MEMORY_BYTES, reads=data)


def _rehearse(espeak: Espeak, voice: str) -> None:
    """Speak a word: what Python and FFmpeg load late is loaded now."""
    pcm = PcmBuffer.create(capacity_s=1)
    request = {"voice": voice, "text": "yes", "ssml": False, "rate": 1, "pitch": 1, "volume": 1}
    espeak.speak(request, _Target(pcm, espeak.rate_hz, lambda: None))
    pcm.close()


def main() -> None:
    link = enter_child()
    ffmpeg.load()
    espeak = Espeak()
    voices, variants = espeak.voices(), espeak.variants()
    _rehearse(espeak, voices[0]["identifier"])
    report = lock_for_good(confinement(espeak.data))
    hello = {"state": "ready", "voices": voices, "variants": variants, "sandbox": report.to_json()}
    with contextlib.suppress(LinkClosed):
        link.send(hello)
        _serve(link, espeak)
    leave()


def _serve(link: BlockingLink, espeak: Espeak) -> None:
    """Until the core closes its end."""
    while True:
        request, (fd,) = link.receive()
        pcm = PcmBuffer.attach(fd, writable=True)
        os.close(fd)
        try:
            espeak.speak(
                request, _Target(pcm, espeak.rate_hz, lambda: link.send({"state": "audible"}))
            )
            link.send({"state": "done"})
        except SpeechFailed as exc:
            pcm.finish(failed=True)
            link.send({"state": "failed", "error": str(exc)})
        finally:
            pcm.close()


if __name__ == "__main__":
    main()
