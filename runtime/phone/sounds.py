"""The file that the phone plays, decoded by a file worker like every other sound."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from runtime.media.pcm import PcmBuffer
from runtime.media.port import SoundError
from runtime.media.sounds.decoders import DECODING_CPU_S
from runtime.media.sounds.sound import PcmSound, SoundSource
from runtime.media.sounds.sound_port import MAX_FILE_BYTES
from runtime.media.sounds.sound_workers import SoundWorkers, WorkerKind
from runtime.phone.plan import PlanError


def decoder(warn: Callable[[str], object]) -> SoundWorkers:
    """One file worker; its owner runs it."""
    kind = WorkerKind(
        module="runtime.media.sounds.files",
        name="the file decoder",
        count=1,
        queue=8,
        job_s=30.0,
        cpu_s=DECODING_CPU_S,
    )
    return SoundWorkers(kind, warn)


async def sound_of(path: Path, workers: SoundWorkers, rate_hz: int) -> PcmSound:
    """The sound at this rate, once it is decoded as a whole. Raises PlanError."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as exc:
        raise PlanError(f"cannot read {path}: {exc.strerror}") from exc
    source = SoundSource(PcmBuffer.create(rate_hz))
    sound = PcmSound(str(path), source)
    try:
        workers.submit({"limit": MAX_FILE_BYTES}, [fd], source)
        await sound.ready()
    except SoundError as exc:
        sound.close()
        raise PlanError(str(exc)) from exc
    except BaseException:
        sound.close()
        raise
    return sound
