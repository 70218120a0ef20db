"""The kinds of locked processes: what each keeps, and what it loads before its locks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from runtime.media import engine, ffmpeg
from runtime.media.recording import recorder
from runtime.media.sounds import files
from runtime.processes.confine import Confinement
from runtime.recognition import sphinx
from runtime.sandbox import lock, zygote
from runtime.sandbox.ceilings import Ceilings
from runtime.speech import espeak

SESSION: Final = "session"

CONFINEMENTS: Final[dict[str, Confinement]] = {
    SESSION: lock.confinement(Ceilings()),
    "decoder": files.CONFINEMENT,
    "recorder": recorder.CONFINEMENT,
    "voice": espeak.confinement(Path()),
    "engine": engine.CONFINEMENT,
    "recogniser": sphinx.CONFINEMENT,
}


def _load_voice() -> None:
    ffmpeg.load()
    library = espeak.Espeak()
    library.voices()
    assert library.data == CONFINEMENTS["voice"].reads


LOAD: Final[dict[str, Callable[[], object]]] = {
    SESSION: zygote.preload,
    "decoder": ffmpeg.load,
    "recorder": ffmpeg.load,
    "voice": _load_voice,
    "engine": lambda: None,
    "recogniser": sphinx.Sphinx,
}
