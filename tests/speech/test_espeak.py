"""The voice's process on its own: requests that the core would never send, and hostile texts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio

from runtime.media.pcm import PcmBuffer
from runtime.media.port import SoundError
from runtime.media.sounds.sound import PcmSound, SoundSource
from runtime.media.sounds.sound_workers import SoundWorkers, WorkerKind
from tests.e2e.process_tree import is_shown
from tests.media.sound_bytes import encode, tone
from tests.processes.running import children_running

PATIENCE_S = 60
KIND = WorkerKind(
    module="runtime.speech.espeak", name="the voice", count=1, queue=8, job_s=10, cpu_s=5
)


@pytest.fixture
async def voice(nursery: trio.Nursery) -> AsyncIterator[SoundWorkers]:
    workers = SoundWorkers(KIND, lambda _: None)
    await nursery.start(workers.run)
    with trio.fail_after(PATIENCE_S):
        yield workers
    nursery.cancel_scope.cancel()


def _say(workers: SoundWorkers, text: str, voice: str = "gmw/en", **changed: Any) -> PcmSound:
    request = {"voice": voice, "text": text, "ssml": False, "rate": 1, "pitch": 1, "volume": 1}
    source = SoundSource(PcmBuffer.create(capacity_s=60))
    workers.submit({**request, **changed}, [], source)
    return PcmSound(text, source)


async def _duration_s(sound: PcmSound) -> float:
    await sound.ready()
    duration = sound.duration_s
    sound.close()
    assert duration is not None
    return duration


def _opened(pid: int) -> set[str]:
    """What the process has open, by name, besides audio memory."""
    names = {str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir()}
    return {name for name in names if not name.startswith("/memfd:PcmBuffer")}


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A voice of somebody's own, which everybody may read."""
    voice = tmp_path / "own"
    voice.write_text("name Own\nlanguage en\npitch 200 300\n")
    tmp_path.chmod(0o755)
    voice.chmod(0o644)
    return voice


async def test_no_name_of_a_voice_leads_out_of_the_library_s_folder(
    voice: SoundWorkers, own: Path
) -> None:
    """A voice is a file of settings; one that lies elsewhere is as good as none."""
    for name in (str(own), f"../../../../../../../..{own}", "../../../../etc/passwd", "a" * 5000):
        sound = _say(voice, "hello", name)
        with pytest.raises(SoundError, match="cannot be played: the voice "):
            await sound.ready()
        sound.close()
    assert await _duration_s(_say(voice, "hello")) > 0.2
    assert voice.restarts == 0


async def test_no_text_makes_the_voice_play_or_open_a_file(
    voice: SoundWorkers, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(encode(tone(440, 30), 22050, "wav"))
    (pid,) = children_running(KIND.module)
    if not is_shown(pid):
        pytest.skip("only root sees what the voice opens: this was NOT tested")
    before = _opened(pid)
    texts = (
        f'<speak><audio src="{secret}">a</audio></speak>',
        f'<speak><audio src="file://{secret}"/>a</speak>',
        f'<speak><voice name="{secret}">a</voice></speak>',
        '<speak><voice name="../../../../../../etc/passwd">a</voice></speak>',
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><speak>&e;</speak>',
        '<speak xml:base="file:///etc/"><audio src="passwd"/>a</speak>',
        '<speak xml:lang="../../../../etc/passwd">a</speak>',
        "[[../../etc/passwd]] $(cat /etc/passwd) |/bin/sh %n%s%s",
    )
    for text in texts:
        assert await _duration_s(_say(voice, text, ssml=text.startswith("<"))) < 25
    assert _opened(pid) == before
    assert voice.restarts == 0


async def test_every_language_can_be_spoken_behind_the_locks(voice: SoundWorkers) -> None:
    for identifier in ("gmw/de", "zle/ru", "sit/cmn", "roa/fr", "sem/ar", "jpx/ja"):
        assert await _duration_s(_say(voice, "1 2 3", identifier)) > 0.3, identifier
    # Another script in the text switches the language in the middle.
    assert await _duration_s(_say(voice, "hello привет שלום 你好")) > 0.5
