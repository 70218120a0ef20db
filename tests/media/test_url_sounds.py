"""Sounds behind URLs: played while they arrive, shared, kept, and what becomes of broken ones."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import attrs
import numpy as np
import pytest
import trio
import trio.testing

from runtime.media.pcm import PcmBuffer, PcmState
from runtime.media.port import SoundError
from runtime.media.sounds import url_sounds
from runtime.media.sounds.decoders import ARRIVING, file_decoders
from runtime.media.sounds.headers import wav_header
from runtime.media.sounds.library import Sounds
from runtime.media.sounds.sound import PcmSound, SoundSource
from runtime.media.sounds.sound_port import MAX_FILE_BYTES, WHOLE, Fetching
from runtime.media.sounds.sound_workers import SoundWorkers
from runtime.net import Direct, Fetcher, parse_networks
from tests.media.sound_bytes import encode, heard, tone
from tests.media.test_library import PATIENCE_S, Folder, Silent
from tests.net.web import Answer, Web

pytestmark = pytest.mark.loopback

PROGRESSIVE = Fetching(progressive=True)
TEN_S = encode(tone(440, 10), 8000, "wav")
SECOND = 16_044
"""Octets of a second of that, with the head."""
FOR_AN_HOUR = ("Cache-Control", "max-age=3600")


@attrs.frozen
class Listener:
    """A server, a library, and somebody who asks it."""

    web: Web
    sounds: Sounds

    def on(self, path: str, answer: Answer) -> None:
        self.web.pages[path] = answer

    @property
    def asked(self) -> int:
        return len(self.web.requests)

    async def open(self, path: str, how: Fetching = WHOLE) -> PcmSound:
        sound = await self.sounds.open_file(
            f"http://127.0.0.1:{self.web.port}{path}", Folder(), how
        )
        assert isinstance(sound, PcmSound)
        return sound

    async def hertz(self, path: str, how: Fetching = WHOLE) -> float:
        """Of the whole sound."""
        sound = await self.open(path, how)
        await sound.ready()
        [part] = heard(sound.buffer.samples[: sound.buffer.valid_samples])
        sound.close()
        return round(part.frequencies_hz[0] / 10) * 10


@pytest.fixture
async def ear(nursery: trio.Nursery) -> AsyncIterator[Listener]:
    web = Web()
    await nursery.start(web.run)
    # Each worker takes a while to start; with one more than may wait for downloads all goes on.
    kind = attrs.evolve(file_decoders(lambda _: None).kind, count=ARRIVING + 1)
    decoders = SoundWorkers(kind, lambda _: None)
    await nursery.start(decoders.run)
    library = Sounds(
        decoders=decoders,
        speech=Silent(),
        fetcher=Fetcher(Direct(parse_networks(["127.0.0.0/8"]))),
    )
    await nursery.start(library.run)
    with trio.fail_after(PATIENCE_S):
        yield Listener(web, library)
    library.close()
    nursery.cancel_scope.cancel()


async def _until(true: Callable[[], bool]) -> None:
    """What other processes do has no event here."""
    while not true():  # noqa: ASYNC110
        await trio.sleep(0.005)


async def _decoded(sound: PcmSound, seconds: float) -> None:
    """Until so much of it can be played."""
    await _until(lambda: sound.buffer.duration_s >= seconds)


# --- while it arrives -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "rate", "codec", "told_s"),
    [
        ("wav", 8000, "pcm_s16le", 10.0),
        ("wav", 44100, "pcm_s24le", 10.0),
        ("wav", 8000, "pcm_u8", 10.0),
        ("wav", 8000, "pcm_mulaw", 10.0),
        ("mp3", 44100, None, None),
        ("flac", 48000, None, 10.0),
    ],
)
async def test_a_sound_can_be_heard_while_its_server_holds_the_rest(
    ear: Listener, kind: str, rate: int, codec: str | None, told_s: float | None
) -> None:
    rest = trio.Event()
    noise = np.random.default_rng(1).normal(0, 500, 10 * rate).astype(np.int16)
    data = encode(tone(440, 10, rate) + noise, rate, kind, codec)
    ear.on("/a", Answer(data, first=len(data) // 5, rest=rest))
    sound = await ear.open("/a", PROGRESSIVE)
    await _decoded(sound, 0.5)
    [part] = heard(sound.buffer.samples[: sound.buffer.valid_samples])
    assert part.frequencies_hz[0] == pytest.approx(440, abs=10)
    assert sound.growing
    assert sound.duration_s == told_s
    rest.set()
    await sound.ready()
    assert sound.duration_s == pytest.approx(10.0, abs=0.1)
    [part] = heard(sound.buffer.samples[: sound.buffer.valid_samples])
    assert part.duration_s == pytest.approx(10.0, abs=0.1)
    sound.close()


async def test_without_the_option_it_is_there_when_all_of_it_is(ear: Listener) -> None:
    rest = trio.Event()
    ear.on("/a.wav", Answer(TEN_S, first=SECOND, rest=rest))
    async with trio.open_nursery() as nursery:

        async def open_it() -> None:
            sound = await ear.open("/a.wav")
            assert rest.is_set()
            sound.close()

        nursery.start_soon(open_it)
        await _until(lambda: ear.asked > 0)
        rest.set()


async def test_a_cut_connection_ends_the_sound_after_what_there_was(ear: Listener) -> None:
    ear.on("/a.wav", Answer(TEN_S, first=SECOND, cut=True))
    sound = await ear.open("/a.wav", PROGRESSIVE)
    with pytest.raises(SoundError, match=r"a\.wav cannot be played: .* peer closed connection"):
        await sound.ready()
    assert sound.buffer.state is PcmState.FAILED
    assert sound.buffer.duration_s == pytest.approx(1.0, abs=0.02)
    sound.close()
    with pytest.raises(SoundError, match="cannot be fetched: peer closed connection"):
        await ear.open("/a.wav")
    ear.on("/a.wav", Answer(TEN_S))
    assert await ear.hertz("/a.wav", PROGRESSIVE) == 440  # what broke off is not kept


async def test_what_came_before_the_cut_is_played_however_late_somebody_looks() -> None:
    source = SoundSource(PcmBuffer.create(capacity_s=1))
    sound = PcmSound("https://example.com/a.wav", source)
    source.buffer.append(tone(440, 0.5))
    source.break_off("the connection broke")
    source.audible()
    source.finish()
    await sound.audible()
    with pytest.raises(SoundError, match=r"a\.wav cannot be played: the connection broke"):
        await sound.ready()
    sound.close()
    nothing = SoundSource(PcmBuffer.create(capacity_s=1))
    silent = PcmSound("https://example.com/b.wav", nothing)
    nothing.break_off("the connection broke")
    nothing.fail("there is no sound in it")
    with pytest.raises(SoundError, match=r"b\.wav cannot be played: the connection broke"):
        await silent.audible()
    silent.close()


async def test_a_server_that_falls_silent_is_not_waited_for_long(
    ear: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(url_sounds, "STALLED_S", 0.1)
    ear.on("/a.wav", Answer(TEN_S, first=SECOND, rest=trio.Event()))
    sound = await ear.open("/a.wav", PROGRESSIVE)
    with pytest.raises(SoundError, match="Timeout is reached: nothing more came for"):
        await sound.ready()
    sound.close()


NO_SOUNDS = [
    (Answer(status=404), "/a answered 404$"),
    (Answer(b"gone", status=503), "/a answered 503$"),
    (Answer(b"", status=304), "/a answered 304$"),
    (Answer(b"<html>no sound</html>"), "/a cannot be played: it is a web page"),
    (Answer(b'{"no": "sound"}'), r"/a cannot be played: it is text \(JSON"),
    (Answer(b""), r"/a cannot be played: (it is empty|there is no sound|it is damaged)"),
    (Answer(b"RIFF\xff\xff\xff\xffWAVEjunk"), "/a cannot be played: it is damaged"),
    (Answer(wav_header(8000, 1, 0)), "/a cannot be played: there is no sound in it"),
    (
        Answer(raw=b"HTTP/1.1 200 X\r\nContent-Length: 99999999\r\n\r\n"),
        "the answer has 99,999,999 bytes, the limit is 10,485,760",
    ),
    (Answer(TEN_S, first=20, cut=True), "peer closed connection"),
]


@pytest.mark.parametrize("how", [WHOLE, PROGRESSIVE], ids=["whole", "progressive"])
async def test_what_is_no_sound_is_an_error_with_its_reason(ear: Listener, how: Fetching) -> None:
    for answer, reason in NO_SOUNDS:
        ear.on("/a", answer)
        with pytest.raises(SoundError, match=reason):
            await ear.open("/a", how)


@pytest.mark.parametrize("answer", [Answer(status=404), Answer(b"<html>no sound</html>")])
async def test_reasons_name_an_address_without_its_secrets(ear: Listener, answer: Answer) -> None:
    for how in (WHOLE, PROGRESSIVE):
        ear.on("/a", answer)
        with pytest.raises(SoundError) as told:
            await ear.open("/a?token=s3cret", how)
        assert "s3cret" not in str(told.value)
        assert "/a?token=(hidden)" in str(told.value)


async def test_a_download_that_turns_out_too_large_ends_there(ear: Listener) -> None:
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
    endless = wav_header(48000, 2, 2**32) + bytes(MAX_FILE_BYTES)
    ear.on("/a.wav", Answer(raw=head + endless))
    sound = await ear.open("/a.wav", PROGRESSIVE)
    with pytest.raises(SoundError, match="the answer has more than 10,485,760 bytes"):
        await sound.ready()
    sound.close()


async def test_an_address_that_scripts_may_not_reach_is_refused(ear: Listener) -> None:
    for how in (WHOLE, PROGRESSIVE):
        with pytest.raises(SoundError, match=r"169\.254\.169\.254, which is link-local"):
            await ear.sounds.open_file("http://169.254.169.254/latest", Folder(), how)


async def test_too_many_slow_downloads_leave_decoders_for_others(ear: Listener) -> None:
    rest = trio.Event()
    slow = []
    for number in range(ARRIVING):
        ear.on(f"/{number}.wav", Answer(TEN_S, first=SECOND, rest=rest))
        slow.append(await ear.open(f"/{number}.wav", PROGRESSIVE))
    ear.on("/more.wav", Answer(TEN_S))
    more = await ear.open("/more.wav", PROGRESSIVE)
    await more.ready()
    assert all(sound.growing for sound in slow)
    rest.set()
    for sound in (*slow, more):
        await sound.ready()
        sound.close()


async def test_a_sound_that_nobody_wants_any_more_is_not_fetched_on(ear: Listener) -> None:
    ear.on("/a.wav", Answer(TEN_S, first=SECOND, rest=trio.Event()))
    for _ in range(ARRIVING + 1):
        sound = await ear.open("/a.wav", PROGRESSIVE)
        await _decoded(sound, 0.5)
        sound.close()
    assert ear.asked == ARRIVING + 1


# --- shared and kept ------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [WHOLE, PROGRESSIVE], ids=["whole", "progressive"])
@pytest.mark.parametrize("second", [WHOLE, PROGRESSIVE], ids=["whole", "progressive"])
async def test_a_fresh_sound_is_not_asked_for_again(
    ear: Listener, first: Fetching, second: Fetching
) -> None:
    ear.on("/a.wav", Answer(TEN_S, headers=(FOR_AN_HOUR,)))
    assert await ear.hertz("/a.wav", first) == 440
    await trio.testing.wait_all_tasks_blocked()
    assert await ear.hertz("/a.wav", second) == 440
    assert ear.asked == 1


async def test_the_same_content_behind_two_urls_is_kept_once(ear: Listener) -> None:
    for path in ("/a.wav", "/b.wav"):
        ear.on(path, Answer(TEN_S, headers=(FOR_AN_HOUR,)))
        assert await ear.hertz(path, PROGRESSIVE) == 440
        await trio.testing.wait_all_tasks_blocked()
    assert len(ear.sounds.cache) == 1
    assert await ear.hertz("/a.wav") == await ear.hertz("/b.wav") == 440
    assert ear.asked == 2


async def test_callers_that_come_together_ask_once(ear: Listener) -> None:
    rest = trio.Event()
    ear.on("/a.wav", Answer(TEN_S, first=SECOND, rest=rest))
    found: list[float] = []

    async def play(how: Fetching) -> None:
        found.append(await ear.hertz("/a.wav", how))

    async with trio.open_nursery() as nursery:
        for how in (PROGRESSIVE, WHOLE, PROGRESSIVE, WHOLE):
            nursery.start_soon(play, how)
        await _until(lambda: ear.asked > 0)
        rest.set()
    assert found == [440] * 4
    assert ear.asked == 1


async def test_a_stale_sound_is_asked_about_and_kept_when_it_is_the_same(ear: Listener) -> None:
    ear.on("/a.wav", Answer(TEN_S, headers=(("ETag", '"v1"'),)))
    assert await ear.hertz("/a.wav") == 440
    ear.on("/a.wav", Answer(status=304))
    assert await ear.hertz("/a.wav", PROGRESSIVE) == 440
    assert await ear.hertz("/a.wav") == 440
    assert [b'If-None-Match: "v1"' in each for each in ear.web.requests] == [False, True, True]
    ear.on("/a.wav", Answer(status=304, headers=(FOR_AN_HOUR,)))
    assert await ear.hertz("/a.wav") == 440
    assert await ear.hertz("/a.wav") == 440
    assert ear.asked == 4


async def test_a_stale_sound_that_changed_is_replaced(ear: Listener) -> None:
    ear.on("/a.wav", Answer(TEN_S, headers=(("ETag", '"v1"'),)))
    assert await ear.hertz("/a.wav") == 440
    other = encode(tone(880, 2), 8000, "mp3")
    ear.on("/a.wav", Answer(other, headers=(FOR_AN_HOUR,)))
    assert await ear.hertz("/a.wav") == 880
    assert await ear.hertz("/a.wav") == 880
    assert ear.asked == 2


async def test_requests_with_a_body_or_headers_of_their_own_are_never_shared(ear: Listener) -> None:
    ear.on("/say", Answer(TEN_S, headers=(FOR_AN_HOUR,)))
    how = Fetching(method="POST", headers=(("Authorization", "Bearer t"),), body=b'{"text": "Hi"}')
    for _ in range(2):
        assert await ear.hertz("/say", how) == 440
    assert ear.asked == 2
    assert all(each.startswith(b"POST /say ") for each in ear.web.requests)
    assert all(each.endswith(b'{"text": "Hi"}') for each in ear.web.requests)
    assert all(b"Authorization: Bearer t" in each for each in ear.web.requests)


async def test_who_gives_up_leaves_the_turn_to_the_next(ear: Listener) -> None:
    ear.on("/a.wav", Answer(TEN_S, first=SECOND, rest=trio.Event()))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ear.open, "/a.wav")
        await _until(lambda: ear.asked > 0)
        nursery.cancel_scope.cancel()
    ear.on("/a.wav", Answer(TEN_S))
    assert await ear.hertz("/a.wav") == 440
