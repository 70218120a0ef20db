"""The real engine process on real loopback sockets: bridges, prompts, recordings, its death."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import trio

from runtime.media.client import ENGINE_MODULE, MediaClient, MediaLimits
from runtime.media.findings import Detection, ProgressToneHeard
from runtime.media.listening import listen
from runtime.media.pcm import PcmBuffer, PcmRing, Samples
from runtime.media.port import (
    FirstPacketReceived,
    LegClosed,
    MediaLeg,
    MediaLost,
    MediaUnavailable,
    PlayerFinished,
    PlayerStarted,
    RecorderClosed,
    RecordingResult,
)
from runtime.media.tone_script import ToneScript, ToneStep
from tests.e2e.process_tree import is_shown
from tests.media.line import PATIENCE_S, Line
from tests.media.native.helper import helper
from tests.media.packets import Packet

pytestmark = pytest.mark.loopback

ANY_PORTS = range(1)
LIMITS = MediaLimits(legs=20, players=20, spare_legs=2)


@contextlib.asynccontextmanager
async def running_engine(*, use_helper: bool = True, **changes: Any) -> AsyncIterator[MediaClient]:
    limits = attrs.evolve(LIMITS, **changes)
    client = MediaClient("127.0.0.1", ANY_PORTS, limits=limits, helper=use_helper)
    async with trio.open_nursery() as nursery:
        with trio.fail_after(PATIENCE_S):
            await nursery.start(client.run)
        yield client
        nursery.cancel_scope.cancel()


@contextlib.asynccontextmanager
async def calls(
    client: MediaClient, *frequencies: float
) -> AsyncIterator[list[tuple[Line, MediaLeg]]]:
    """Telephones that send tones, each on a leg of its own."""
    lines = [await Line.open(frequency) for frequency in frequencies]
    async with trio.open_nursery() as nursery:
        pairs = []
        for line in lines:
            leg = await client.open_leg()
            leg.configure(line.stream())
            nursery.start_soon(line.run, leg)
            pairs.append((line, leg))
        yield pairs
        nursery.cancel_scope.cancel()
    for line in lines:
        line.sock.close()


@attrs.define
class Ear:
    """A listener that can be waited for."""

    told: list[object] = attrs.field(factory=list)
    news: trio.Event = attrs.field(factory=trio.Event)

    def __call__(self, event: object) -> None:
        self.told.append(event)
        self.news.set()
        self.news = trio.Event()

    async def hears(self, kind: type) -> None:
        with trio.fail_after(PATIENCE_S):
            while not any(isinstance(event, kind) for event in self.told):
                await self.news.wait()


@attrs.define
class FakeSound:
    """A finished sound in the engine's memory."""

    buffer: PcmBuffer
    label: str = "test sound"
    duration_s: float | None = None
    error: str | None = None

    @classmethod
    def of(cls, samples: Samples) -> FakeSound:
        buffer = PcmBuffer.create(capacity_s=10)
        buffer.append(samples)
        buffer.finish()
        return cls(buffer)

    async def ready(self) -> None:
        return

    def close(self) -> None:
        self.buffer.close()


@attrs.define
class FakeRecording:
    ring: PcmRing
    url: str = ""
    number: int = 1

    async def finish(self) -> RecordingResult:
        raise AssertionError("nobody finishes a recording that has no file")


def unbroken(packets: list[Packet]) -> bool:
    """Numbered one by one, with time that never stands still and one SSRC."""
    pairs = list(itertools.pairwise(packets))
    in_order = all((b.sequence - a.sequence) & 0xFFFF == 1 for a, b in pairs)
    # The engine of a test machine that stood still skips time, in whole frames.
    timed = all(
        (b.timestamp - a.timestamp) & 0xFFFFFFFF in range(160, 160_000, 160) for a, b in pairs
    )
    return in_order and timed and len({p.ssrc for p in packets}) == 1


def tones(samples: Samples) -> set[int]:
    """Frequencies (to 10 Hz) that are heard for at least 100 ms."""
    heard = listen(samples, 8000)
    return {
        round(frequency / 10) * 10
        for interval in heard
        if interval.kind == "tone" and interval.duration_s >= 0.1
        for frequency in interval.frequencies_hz
    }


async def test_two_bridged_calls_hear_each_others_tone_without_a_gap() -> None:
    async with running_engine() as client, calls(client, 440, 880) as pairs:
        (one, first), (two, second) = pairs
        client.connect(first, second)
        client.connect(second, first)
        await one.hears_packets(20)
        begin_one, begin_two = len(one.heard), len(two.heard)
        await one.hears_packets(100)
        await two.hears_packets(100)
        assert tones(one.samples[begin_one * 160 :]) == {880}
        assert tones(two.samples[begin_two * 160 :]) == {440}
        assert unbroken(one.heard)
        assert unbroken(two.heard)


async def test_all_that_a_script_may_listen_for_is_found_behind_the_locks() -> None:
    async with running_engine() as client, calls(client, 425) as [(_, leg)]:
        leg.listen(ear := Ear())
        leg.detect(Detection(digits=True, voice=True, beeps_hz=(), machine=True, progress_of="DE"))
        await ear.hears(ProgressToneHeard)


async def test_a_leg_with_no_source_hears_silence_in_an_unbroken_stream() -> None:
    async with running_engine() as client, calls(client, 440) as [(line, _)]:
        await line.hears_packets(50)
        assert {p.payload for p in line.heard} == {b"\xff" * 160}
        assert unbroken(line.heard)
        assert line.heard[0].marker
        assert not any(p.marker for p in line.heard[1:10])


@pytest.mark.parametrize("natted", [False, True])
async def test_the_locked_engine_speaks_to_its_peer_over_a_connected_socket(natted: bool) -> None:
    async with running_engine() as client:
        line = await Line.open(440)
        elsewhere = await Line.open()
        signalled = elsewhere.stream() if natted else line.stream()
        leg = await client.open_leg()
        leg.configure(signalled)
        # Once the signalled address has spoken, nobody else is heard at all.
        expected = [0, line.port] if natted else [line.port]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(line.run, leg)
            await line.hears_packets(10)
            assert sorted(sockets_on(leg.address.rtp_port)) == expected
            nursery.cancel_scope.cancel()
        line.sock.close()
        elsewhere.sock.close()


async def test_the_locked_engine_follows_its_peer_to_another_address() -> None:
    async with running_engine() as client:
        before, after = await Line.open(440), await Line.open(880)
        leg = await client.open_leg()
        for line in (before, after):
            leg.configure(line.stream())
            async with trio.open_nursery() as nursery:
                nursery.start_soon(line.run, leg)
                await line.hears_packets(10)
                assert sorted(sockets_on(leg.address.rtp_port)) == [line.port]
                nursery.cancel_scope.cancel()
        before.sock.close()
        after.sock.close()


def sockets_on(port: int) -> list[int]:
    """Of each UDP socket on this port: the port that it is connected to, or 0."""
    lines = Path("/proc/net/udp").read_text().splitlines()[1:]
    pairs = [line.split()[1:3] for line in lines]
    ports = [[int(address.rpartition(":")[2], 16) for address in pair] for pair in pairs]
    return [remote for local, remote in ports if local == port]


async def test_a_replaced_source_never_comes_back() -> None:
    async with running_engine() as client, calls(client, 440, 880, 0) as pairs:
        (_, first), (_, second), (ear, third) = pairs
        client.connect(first, third)
        await ear.hears_packets(40)
        client.connect(second, third)
        await ear.hears_packets(20)
        replaced = len(ear.heard)
        await ear.hears_packets(50)
        client.disconnect(first, third)
        await ear.hears_packets(20)
        assert tones(ear.samples[20 * 160 : 35 * 160]) == {440}
        assert tones(ear.samples[replaced * 160 :]) == {880}
        client.disconnect(second, third)
        await ear.hears_packets(20)
        silent = len(ear.heard)
        await ear.hears_packets(20)
        assert {p.payload for p in ear.heard[silent:]} == {b"\xff" * 160}


async def test_a_prompt_is_heard_and_recorded_and_its_end_is_told() -> None:
    prompt = (8000 * np.sin(2 * np.pi * 600 * np.arange(8000) / 8000)).astype(np.int16)
    async with running_engine() as client, calls(client, 440) as [(line, leg)]:
        ring = PcmRing.create()
        player_ear, recorder_ear = Ear(), Ear()
        recorder = client.open_recorder(FakeRecording(ring), recorder_ear)
        recorder.tap_leg(leg)
        sound = FakeSound.of(prompt)
        player = client.open_player(sound, player_ear)
        client.connect(player, leg)
        sound.close()  # the engine holds the memory by itself
        await player_ear.hears(PlayerFinished)
        await line.hears_packets(10)
        recorder.close()
        await recorder_ear.hears(RecorderClosed)
    assert player_ear.told == [PlayerStarted(), PlayerFinished()]
    heard = [i for i in listen(line.samples, 8000) if i.kind == "tone"]
    assert [round(i.frequencies_hz[0] / 10) * 10 for i in heard] == [600]
    assert abs(heard[0].duration_s - 1.0) < 0.03
    recorded = ring.read()[0]
    (closed,) = (e for e in recorder_ear.told if isinstance(e, RecorderClosed))
    assert len(recorded) == closed.frames * 160
    assert tones(recorded[:, 0].copy()) == {440}
    assert tones(recorded[:, 1].copy()) == {600}


async def test_no_more_memory_than_players_need_is_cleared_when_they_start() -> None:
    """Large pages would be cleared 2 MiB at once, and everybody would wait for it."""
    script = ToneScript(label="x", steps=(ToneStep(frequencies_hz=(400.0,), duration_ms=100),))
    async with running_engine(players=200) as client:
        ears = [Ear() for _ in range(200)]  # 6 MiB of blocks
        for ear in ears:
            client.open_player(script, ear)
        for ear in ears:
            await ear.hears(PlayerStarted)
        if not is_shown(_engine_pid()):
            pytest.skip("only root sees how the engine's memory lies: this was NOT tested")
        memory = memory_of(_engine_pid())
    assert re.findall(r"AnonHugePages: *(\d+) kB", memory) == ["0"]


def memory_of(pid: int) -> str:
    return Path(f"/proc/{pid}/smaps_rollup").read_text()


async def test_a_tone_script_plays_until_it_is_closed() -> None:
    script = ToneScript(
        label="dial", steps=(ToneStep(frequencies_hz=(350.0, 440.0), duration_ms=1000),)
    )
    async with running_engine() as client, calls(client, 0) as [(line, leg)]:
        ear = Ear()
        player = client.open_player(script, ear)
        client.connect(player, leg)
        await line.hears_packets(100)
        player.close()
        player.close()
        await line.hears_packets(20)
        assert line.heard[-1].payload == b"\xff" * 160
    assert tones(line.samples[: 80 * 160]) == {350, 440}
    assert ear.told == [PlayerStarted()]


async def test_a_closed_leg_tells_its_statistics_and_its_ports_come_back() -> None:
    async with running_engine(legs=3, spare_legs=1) as client:
        for _ in range(8):
            async with calls(client, 440) as [(line, leg)]:
                ear = Ear()
                await line.hears_packets(10)
                leg.listen(ear)
                leg.close()
                leg.close()
                await ear.hears(LegClosed)
        assert isinstance(ear.told[0], FirstPacketReceived)
        closed = ear.told[-1]
        assert isinstance(closed, LegClosed)
        assert closed.statistics.packets_received > 5
        assert closed.statistics.packets_sent >= 10
        assert closed.statistics.packets_rejected == 0


async def test_more_legs_than_the_limit_are_refused_until_one_is_closed() -> None:
    async with running_engine(legs=2, spare_legs=1) as client:
        one, two = await client.open_leg(), await client.open_leg()
        with pytest.raises(MediaUnavailable, match="all 2 legs"):
            await client.open_leg()
        assert one.address.rtp_port != two.address.rtp_port
        assert one.address.rtp_port % 2 == 0
        assert one.address.rtcp_port == one.address.rtp_port + 1
        ear = Ear()
        one.listen(ear)
        one.close()
        await ear.hears(LegClosed)
        await client.open_leg()


async def test_the_death_of_the_engine_is_told_to_everything_and_a_new_one_starts() -> None:
    async with running_engine() as client:
        ears = [Ear() for _ in range(3)]
        leg = await client.open_leg()
        leg.listen(ears[0])
        script = ToneScript(label="x", steps=(ToneStep(frequencies_hz=(400.0,), duration_ms=100),))
        player = client.open_player(script, ears[1])
        recorder = client.open_recorder(FakeRecording(PcmRing.create()), ears[2])
        conference = client.open_conference()
        client.connect(player, leg)
        client.connect(leg, conference)
        await ears[1].hears(PlayerStarted)
        os.kill(_engine_pid(), signal.SIGKILL)
        for ear in ears:
            await ear.hears(MediaLost)
            assert isinstance(ear.told[-1], MediaLost)
        leg.close()
        player.pause()
        recorder.close()
        conference.close()
        client.connect(leg, await _leg_of_the_new_engine(client))
        async with calls(client, 440, 0) as [(_, speaker), (line, listener)]:
            client.connect(speaker, listener)
            await line.hears_packets(50)
            assert tones(line.samples[25 * 160 :]) == {440}


async def test_an_engine_that_stood_still_goes_on_with_the_time_that_passed() -> None:
    async with running_engine() as client, calls(client, 440, 0) as [(_, first), (line, second)]:
        client.connect(first, second)
        await line.hears_packets(20)
        before = len(line.heard)
        os.kill(_engine_pid(), signal.SIGSTOP)
        await trio.sleep(0.5)
        os.kill(_engine_pid(), signal.SIGCONT)
        await line.hears_packets(60)
        assert unbroken(line.heard)
        jumps = [
            (after.timestamp - packet.timestamp) // 160
            for packet, after in itertools.pairwise(line.heard[before - 2 :])
            if after.marker
        ]
        # The packets of the last 60 ms are made up for, the rest of the half second is skipped.
        assert max(jumps) >= 20
        assert client.skipped_frames >= 20
        assert tones(line.samples[-40 * 160 :]) == {440}


async def _leg_of_the_new_engine(client: MediaClient) -> MediaLeg:
    with trio.fail_after(PATIENCE_S):
        while True:
            with contextlib.suppress(MediaUnavailable):
                return await client.open_leg()
            await trio.sleep(0.01)


def _engine_pid() -> int:
    """The engine among our children."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = (process / "stat").read_text().rsplit(")", 1)[1].split()[1]
            if parent == str(os.getpid()) and ENGINE_MODULE in (process / "cmdline").read_text():
                return int(process.name)
    raise AssertionError("no engine runs")


async def test_what_cannot_be_opened_is_told_by_its_own_listener() -> None:
    async with running_engine() as client:
        ear, other = Ear(), Ear()
        sound = FakeSound.of(np.zeros(160, dtype=np.int16))
        sound.close()
        player = client.open_player(sound, ear)
        assert ear.told == []
        await ear.hears(PlayerFinished)
        assert "closed before" in str(ear.told[0])
        player.close()
        ring = PcmRing.create()
        ring.close()
        client.open_recorder(FakeRecording(ring), other)
        await other.hears(RecorderClosed)
        with pytest.raises(TypeError, match="not opened by this"):
            client.connect(object(), player)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="no PcmBuffer"):
            client.open_player(object(), ear)  # type: ignore[arg-type]


async def test_an_address_that_is_not_ours_is_told_at_the_start() -> None:
    client = MediaClient("203.0.113.1", ANY_PORTS)
    with pytest.raises(BaseExceptionGroup) as caught:
        await _start_and_stop(client)
    leaf: BaseException = caught.value
    while isinstance(leaf, BaseExceptionGroup):
        leaf = leaf.exceptions[0]
    assert isinstance(leaf, MediaUnavailable)
    assert "203.0.113.1" in str(leaf)


async def _start_and_stop(client: MediaClient) -> None:
    async with trio.open_nursery() as nursery:
        with trio.fail_after(PATIENCE_S):
            await nursery.start(client.run)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("use_helper", [True, False])
async def test_an_engine_carries_calls_with_and_without_its_helper(use_helper: bool) -> None:
    if use_helper:
        helper()
    async with running_engine(use_helper=use_helper) as client:
        expected = "native helper" if use_helper else "numpy (the native helper is not wanted)"
        assert client.means == expected
        async with calls(client, 440, 880, *[0.0] * 8) as pairs:
            (one, first), (two, second) = pairs[:2]
            for line, _ in pairs[2:]:
                line.sending = False
            client.connect(first, second)
            client.connect(second, first)
            await one.hears_packets(20)
            begin_one, begin_two = len(one.heard), len(two.heard)
            await one.hears_packets(60)
            await two.hears_packets(20)
            assert tones(one.samples[160 * begin_one :]) == {880}
            assert tones(two.samples[160 * begin_two :]) == {440}
            assert all(unbroken(line.heard) for line, _ in pairs)
