"""The sound library: where sounds come from, what is refused, and what is shared."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Hashable, Iterator
from pathlib import Path

import attrs
import pytest
import trio

from runtime.media.pcm import PcmBuffer
from runtime.media.port import SoundError
from runtime.media.sounds.alive import MAX_ALIVE_BYTES
from runtime.media.sounds.decoders import file_decoders
from runtime.media.sounds.library import Sounds
from runtime.media.sounds.sound import PcmSound, SoundSource
from runtime.media.sounds.sound_cache import MAX_HOPELESS, SoundCache
from runtime.media.sounds.sound_port import SoundLibrary, Voice
from runtime.media.sounds.sound_workers import SoundWorkers
from runtime.net import Direct, Fetcher, parse_networks
from runtime.speech.offline import OfflineSpeech
from tests.media.bombs import silent_bomb
from tests.media.sound_bytes import encode, heard, tone
from tests.net.web import Answer, Web

PATIENCE_S = 60
RECORDING = "http://127.0.0.1:1/api/v1/sessions/s1/recordings/1"


class Folder:
    """A scenario's folder, kept in memory."""

    def __init__(self, **files: bytes) -> None:
        self.files = {name.replace("_", "."): data for name, data in files.items()}

    def open_bytes(self, name: str) -> bytes:
        if name not in self.files:
            raise SoundError(f"there is no {name} in the scenario's folder")
        return self.files[name]


class Silent:
    """A voice that says nothing; most tests here are about files."""

    name = "silent"

    def voices(self) -> tuple[()]:
        return ()

    def speak(self, text: str, voice: Voice, owner: Hashable) -> SoundSource:
        raise SoundError("nothing to say")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sounds = tmp_path / "sounds"
    (sounds / "sub").mkdir(parents=True)
    (sounds / "moh.wav").write_bytes(encode(tone(440, 1), 8000, "wav"))
    (sounds / "sub" / "deep.ogg").write_bytes(encode(tone(1000, 1), 8000, "ogg"))
    (tmp_path / "secret.wav").write_bytes(encode(tone(300, 1), 8000, "wav"))
    (sounds / "out.wav").symlink_to(tmp_path / "secret.wav")
    (sounds / "in.wav").symlink_to(sounds / "moh.wav")
    (sounds / "round.wav").symlink_to(sounds / "round.wav")
    os.mkfifo(sounds / "pipe.wav")
    return sounds


@pytest.fixture
async def sounds(nursery: trio.Nursery, folder: Path, tmp_path: Path) -> AsyncIterator[Sounds]:
    decoders = file_decoders(lambda _: None)
    await nursery.start(decoders.run)
    library = Sounds(
        decoders=decoders,
        speech=Silent(),
        fetcher=Fetcher(Direct(parse_networks(["127.0.0.0/8"]))),
        folder=folder,
        recording_path={RECORDING: tmp_path / "secret.wav"}.get,
    )
    await nursery.start(library.run)
    with trio.fail_after(PATIENCE_S):
        yield library
    library.close()
    nursery.cancel_scope.cancel()


@pytest.fixture
def no_leaks() -> Iterator[None]:
    before = set(os.listdir("/proc/self/fd"))
    yield
    assert set(os.listdir("/proc/self/fd")) <= before


async def _hertz(library: SoundLibrary, name: str, assets: Folder | None = None) -> float:
    sound = await library.open_file(name, assets or Folder())
    assert isinstance(sound, PcmSound)
    await sound.ready()
    (part,) = heard(sound.buffer.samples[: sound.buffer.valid_samples])
    sound.close()
    sound.close()
    return round(part.frequencies_hz[0] / 10) * 10


async def test_a_name_is_looked_up_in_the_scenarios_folder_first(sounds: Sounds) -> None:
    own = Folder(moh_wav=encode(tone(700, 1), 8000, "mp3"))
    assert await _hertz(sounds, "moh.wav", own) == 700
    assert await _hertz(sounds, "moh.wav") == 440
    assert await _hertz(sounds, "sub/deep.ogg") == 1000
    assert await _hertz(sounds, "in.wav") == 440


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.wav", "there is no missing.wav"),
        ("out.wav", "there is no out.wav"),
        ("round.wav", "there is no round.wav"),
        ("pipe.wav", "there is no pipe.wav"),
        ("sub", "there is no sub"),
        ("../secret.wav", "is not the name of a file"),
        ("sub/../../secret.wav", "is not the name of a file"),
        ("/etc/passwd", "is an absolute path; put the file into"),
        ("file:///etc/passwd", "neither an http"),
        ("ftp://x/y.wav", "neither an http"),
        ("a\0b", "is not the name of a file"),
        ("a\\b", "is not the name of a file"),
        ("", "is not the name of a file"),
        ("a" * 300, "is not the name of a file"),
    ],
)
async def test_names_never_lead_out_of_the_folder(sounds: Sounds, name: str, reason: str) -> None:
    with pytest.raises(SoundError, match=reason):
        await sounds.open_file(name, Folder())


async def test_a_broken_file_is_an_error_for_its_author(sounds: Sounds) -> None:
    with pytest.raises(SoundError, match=r"^a.wav cannot be played: it is a web page"):
        await sounds.open_file("a.wav", Folder(a_wav=b"<html>"))
    with pytest.raises(SoundError, match=r"a.wav has 10,485,761 bytes, the limit is 10,485,760"):
        await sounds.open_file("a.wav", Folder(a_wav=bytes(10 * 1024 * 1024 + 1)))


@pytest.mark.loopback
async def test_urls_are_fetched_and_errors_name_the_reason(
    sounds: Sounds, nursery: trio.Nursery
) -> None:
    web = Web(
        {"/a.ogg": Answer(encode(tone(600, 1, 48000), 48000, "ogg")), "/h": Answer(b"<html>")}
    )
    await nursery.start(web.run)
    base = f"http://127.0.0.1:{web.port}"
    assert await _hertz(sounds, f"{base}/a.ogg") == 600
    with pytest.raises(SoundError, match="answered 404"):
        await sounds.open_file(f"{base}/missing", Folder())
    with pytest.raises(SoundError, match="/h cannot be played: it is a web page"):
        await sounds.open_file(f"{base}/h", Folder())
    with pytest.raises(SoundError, match=r"169\.254\.169\.254, which is link-local"):
        await sounds.open_file("http://169.254.169.254/latest", Folder())


async def test_the_url_of_our_own_recording_is_resolved_without_the_network(
    sounds: Sounds, tmp_path: Path
) -> None:
    assert await _hertz(sounds, RECORDING) == 300
    (tmp_path / "secret.wav").unlink()
    with pytest.raises(SoundError, match="is not there any more"):
        await sounds.open_file(RECORDING, Folder())


async def test_the_same_content_is_decoded_once(sounds: Sounds) -> None:
    data = encode(tone(440, 2), 8000, "mp3")
    first = await sounds.open_file("a.wav", Folder(a_wav=data))
    second = await sounds.open_file("b.wav", Folder(b_wav=data))
    assert isinstance(first, PcmSound)
    assert isinstance(second, PcmSound)
    assert first.buffer is second.buffer
    first.close()
    await second.ready()  # closed by one user, still there for the other
    assert second.buffer.valid_samples > 15_000
    second.close()
    assert len(sounds.cache) == 1


async def test_a_broken_sound_is_tried_again(sounds: Sounds) -> None:
    for _ in range(2):
        with pytest.raises(SoundError, match="damaged"):
            await sounds.open_file("a.wav", Folder(a_wav=b"x"))


async def test_too_much_sound_at_once_is_refused(
    sounds: Sounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = await sounds.open_file("moh.wav", Folder())
    await held.ready()
    monkeypatch.setattr(SoundSource, "size_bytes", MAX_ALIVE_BYTES + 1)
    with pytest.raises(SoundError, match="try again later"):
        await sounds.open_file("sub/deep.ogg", Folder())
    held.close()


async def test_opening_that_is_cancelled_leaves_nothing_behind(
    sounds: Sounds, no_leaks: None
) -> None:
    data = encode(tone(440, 60), 48000, "flac")
    with trio.move_on_after(0.001):
        await sounds.open_file("a.wav", Folder(a_wav=data))
    with pytest.raises(SoundError):
        await sounds.open_file("b.wav", Folder(b_wav=b"x"))
    sounds.close()


async def test_a_text_is_spoken(nursery: trio.Nursery) -> None:
    speech = OfflineSpeech(lambda _: None)
    await nursery.start(speech.run)
    library = Sounds(decoders=file_decoders(print), speech=speech, fetcher=Fetcher(Direct()))
    with trio.fail_after(PATIENCE_S):
        sound = await library.speak("Hello there", Voice(), Folder())
        assert sound.label == "Hello there"
        await sound.ready()
        assert 0.3 < (sound.duration_s or 0) < 3
        sound.close()
        with pytest.raises(SoundError, match="no voice is called"):
            await library.speak("Hello", Voice(name="Gandalf"), Folder())
    nursery.cancel_scope.cancel()


def _source(seconds: float) -> SoundSource:
    source = SoundSource(PcmBuffer.create(capacity_s=10))
    source.buffer.append(tone(440, seconds))
    source.finish()
    return source


def test_the_cache_lets_the_least_recently_used_go() -> None:
    cache = SoundCache(limit_bytes=3 * 16_000, limit=10)
    one, two, three, four = (_source(1) for _ in range(4))
    for key, source in zip("123", (one, two, three), strict=True):
        cache.put(key, source)
    assert cache.get("1") is one
    cache.put("4", four)
    assert cache.get("2") is None
    assert (two.wanted, one.wanted) == (False, True)
    assert cache.size_bytes == 3 * 16_000
    cache.clear()
    assert len(cache) == 0
    assert not one.wanted


def test_a_sound_in_place_of_another_lets_that_go() -> None:
    cache = SoundCache()
    one, two = _source(1), _source(1)
    cache.put("same", one)
    cache.put("same", two)
    assert (one.wanted, two.wanted) == (False, True)
    assert cache.get("same") is two
    cache.clear()


def test_the_cache_is_bounded_in_number_and_forgets_failures() -> None:
    cache = SoundCache(limit=2)
    for key in "abc":
        cache.put(key, _source(0.01))
    assert len(cache) == 2
    broken = SoundSource(PcmBuffer.create(capacity_s=1))
    cache.put("d", broken)
    broken.fail("gone")
    assert cache.get("d") is None
    assert len(cache) == 1
    cache.clear()


def test_content_that_was_stopped_for_its_cost_is_refused_from_then_on() -> None:
    cache = SoundCache()
    source = SoundSource(PcmBuffer.create(capacity_s=0.1))
    cache.put("bomb", source)
    source.fail("it used too much", hopeless=True)
    for _ in range(2):
        with pytest.raises(SoundError, match="it used too much"):
            cache.get("bomb")
    assert len(cache) == 0
    for number in range(MAX_HOPELESS):
        other = SoundSource(PcmBuffer.create(capacity_s=0.1))
        cache.put(f"{number}", other)
        other.fail("it used too much", hopeless=True)
        with pytest.raises(SoundError):
            cache.get(f"{number}")
    assert cache.get("bomb") is None  # the oldest verdicts are forgotten


async def test_a_file_that_cost_too_much_is_not_decoded_again(
    nursery: trio.Nursery, tmp_path: Path
) -> None:
    kind = attrs.evolve(file_decoders(lambda _: None).kind, cpu_s=0.2)
    decoders = SoundWorkers(kind, lambda _: None)
    await nursery.start(decoders.run)
    library = Sounds(decoders=decoders, speech=Silent(), fetcher=Fetcher(Direct()))
    assets = Folder(bomb_flac=silent_bomb())
    with trio.fail_after(PATIENCE_S):
        sound = await library.open_file("bomb.flac", assets)
        with pytest.raises(SoundError, match=r"the file decoder used more than 0\.2 s of CPU time"):
            await sound.ready()
        sound.close()
        # The first time it could be heard for a moment, and failed later.
        with pytest.raises(SoundError, match="used more than"):
            await library.open_file("bomb.flac", assets)
    library.close()
    nursery.cancel_scope.cancel()


def test_a_sound_larger_than_the_cache_is_still_shared_while_it_is_played() -> None:
    cache = SoundCache(limit_bytes=1000)
    large = _source(5)
    cache.put("large", large)
    assert cache.get("large") is large
    cache.put("small", _source(0.01))
    assert cache.get("large") is None
    cache.clear()


async def test_running_out_of_descriptors_is_a_sound_error(
    sounds: Sounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "memfd_create", exhausted)
    with pytest.raises(SoundError, match=r"no sound can be made now \(Too many open files\)"):
        await sounds.open_file("moh.wav", Folder())
