"""The voice that is always there: espeak-ng in its worker process, as a TtsProvider of the core."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Final

import attrs
import trio

from runtime.media.pcm import ROW_RATE_HZ
from runtime.media.port import SoundError
from runtime.media.sounds.alive import AliveSounds
from runtime.media.sounds.sound import SoundSource
from runtime.media.sounds.sound_port import Voice
from runtime.media.sounds.sound_workers import SoundWorkers, WorkerKind
from runtime.sandbox.levels import SandboxReport

from .prosody import prosody_of
from .ssml import MAX_TEXT, is_ssml, normalise
from .tts import VoiceInfo, choose_voice

MAX_SPEECH_S: Final = 600.0
"""1,500 characters last under two minutes; pauses and slow speech may stretch them to this."""
JOB_S: Final = 10.0
"""For the longest text, without what it waits for a processor."""
CPU_S: Final = 5.0
"""The longest text takes 0.1 s, ten minutes of pauses and slow speech a second."""
QUEUE: Final = 500
"""Texts that may wait: half a second's work of the one worker, if they are short."""
OWNER_QUEUE: Final = 400
"""Of one scenario, so that others still find room: they take turns, and wait for one of its texts
and not for all."""


class OfflineSpeech:
    """Implements TtsProvider; `run` it from the start of the core, so that the voice is warm."""

    name = "espeak-ng"

    def __init__(
        self,
        warn: Callable[[str], object],
        rate_hz: int = ROW_RATE_HZ,
        alive: AliveSounds | None = None,
    ) -> None:
        """It speaks at `rate_hz`, one of the rates of the engine's rows; `alive` counts what it
        makes."""
        self._rate_hz = rate_hz
        self._alive = alive or AliveSounds()
        kind = WorkerKind(
            module="runtime.speech.espeak",
            name="the voice",
            count=1,
            queue=QUEUE,
            owner_queue=OWNER_QUEUE,
            job_s=JOB_S,
            cpu_s=CPU_S,
        )
        self._workers = SoundWorkers(kind, warn)
        self._voices: tuple[VoiceInfo, ...] = ()
        self._variants: tuple[str, ...] = ()

    @property
    def restarts(self) -> int:
        """How often the worker had to be replaced."""
        return self._workers.restarts

    @property
    def sandbox(self) -> SandboxReport:
        """How well the voice is locked, as the latest worker found by trying."""
        return self._workers.sandbox

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the voice running until cancelled; started when it can speak."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self._workers.run)
            self._voices = tuple(_voice(each) for each in self._workers.hello["voices"])
            self._variants = tuple(self._workers.hello["variants"])
            task_status.started()

    def voices(self) -> Sequence[VoiceInfo]:
        return self._voices

    def speak(self, text: str, voice: Voice, owner: Hashable = None) -> SoundSource:
        if len(text) > MAX_TEXT:
            raise SoundError(
                f"the text has {len(text):,} characters, at most {MAX_TEXT:,} can be spoken at "
                "once; say it in parts"
            )
        chosen = choose_voice(voice.name, self._voices, self._variants)
        identifier = chosen.voice.identifier
        ssml = is_ssml(text)
        request = {
            "voice": f"{identifier}+{chosen.variant}" if chosen.variant else identifier,
            "text": normalise(text) if ssml else text,
            "ssml": ssml,
            **attrs.asdict(prosody_of(voice)),
        }
        source = self._alive.new(self._rate_hz, owner, capacity_s=MAX_SPEECH_S)
        try:
            self._workers.submit(request, [], source, owner=owner)
        except SoundError:
            source.buffer.close()
            raise
        return source


def _voice(told: dict[str, Any]) -> VoiceInfo:
    return VoiceInfo(
        identifier=told["identifier"],
        name=told["name"],
        languages=tuple((rank, tag) for rank, tag in told["languages"]),
    )
