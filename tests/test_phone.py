"""The phone against itself and against a bare endpoint, with real sound over loopback."""

from __future__ import annotations

import struct
import wave
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import numpy as np
import pytest
import trio

from runtime.media.listening import HeardInterval, listen
from runtime.phone import CallPlan, CallReport, Phone, PlanError, place_call
from runtime.testing.conformance import saw, until
from sip.address import BoundAddress, ListenAddress
from sip.endpoint import Endpoint, EndpointSettings
from sip.message import NameAddr, Uri
from tests.legs.sip.bench import SipFarEnd
from tests.legs.sip.fakes import offer

pytestmark = pytest.mark.loopback

WAIT_S = 60.0
RATE = 8000


def write_tone(path: Path, frequency_hz: float, seconds: float, *, rate_hz: int = RATE) -> Path:
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    samples = (8000 * np.sin(2 * np.pi * frequency_hz * time)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.tobytes())
    return path


def tones(report: CallReport) -> list[HeardInterval]:
    return [interval for interval in report.heard if interval.kind == "tone"]


@asynccontextmanager
async def phone_at(*, plays: bool = True) -> AsyncIterator[tuple[Phone, str]]:
    """A phone that is up, and the address to call it at."""
    phone = Phone(plays=plays)
    async with trio.open_nursery() as nursery:
        with trio.fail_after(WAIT_S):
            addresses: Sequence[BoundAddress] = await nursery.start(phone.run)
        yield phone, f"sip:phone@127.0.0.1:{addresses[0].port}"
        nursery.cancel_scope.cancel()


async def converse(
    caller: Phone, callee: Phone, target: str, calling: CallPlan, answering: CallPlan
) -> tuple[CallReport, CallReport]:
    reports: list[CallReport] = []

    async def answer() -> None:
        reports.append(await callee.answer(answering))

    with trio.fail_after(WAIT_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer)
            placed = await caller.call(attrs.evolve(calling, target=target))
    return placed, reports[0]


async def test_sound_and_digits_go_both_ways(tmp_path: Path) -> None:
    high, low = tmp_path / "high.wav", tmp_path / "low.wav"
    write_tone(high, 660, 1.0, rate_hz=16_000)
    write_tone(low, 440, 1.2)
    recording = tmp_path / "heard.wav"
    async with phone_at() as (phone, target):
        placed, answered = await converse(
            phone,
            phone,
            target,
            CallPlan(play=low, record=recording, digits=",12#", for_s=3.5),
            CallPlan(play=high, digits=",7p8", ring_s=0.1, for_s=20),
        )
    assert (placed.ok, placed.code) == (True, 200), placed
    assert (answered.ok, answered.code) == (True, 200), answered
    assert placed.duration_s == pytest.approx(3.5, abs=0.5)
    assert (placed.digits, answered.digits) == ("78", "12#")
    assert (placed.digits_sent, answered.digits_sent) == ("12#", "78")
    assert [round(t.frequencies_hz[0]) for t in tones(placed)] == [660]
    assert tones(placed)[0].duration_s == pytest.approx(1.0, abs=0.06)
    assert [round(t.frequencies_hz[0]) for t in tones(answered)] == [440]
    assert tones(answered)[0].duration_s == pytest.approx(1.2, abs=0.06)
    assert placed.rtp.packets_received > 100
    assert placed.rtp.packets_lost == 0
    with wave.open(str(recording), "rb") as file:
        data = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)
        assert tuple(listen(data, file.getframerate())) == placed.heard


async def test_a_refused_call_reports_the_code() -> None:
    async with phone_at(plays=False) as (phone, target):
        placed, answered = await converse(
            phone, phone, target, CallPlan(), CallPlan(reject_code=486)
        )
    assert (placed.ok, placed.code) == (False, 486)
    assert not answered.ok
    assert placed.heard == ()


async def test_a_call_that_nobody_answers_is_given_up() -> None:
    async with phone_at(plays=False) as (phone, target):
        placed, answered = await converse(
            phone, phone, target, CallPlan(timeout_s=0.3), CallPlan(ring_s=20)
        )
    assert (placed.ok, placed.code) == (False, 408)
    assert "0.3 s" in placed.reason
    assert answered.code == 487


async def test_a_late_offer_works_between_phones(tmp_path: Path) -> None:
    tone = write_tone(tmp_path / "tone.wav", 440, 0.5)
    async with phone_at() as (phone, target):
        placed, answered = await converse(
            phone, phone, target, CallPlan(late_offer=True, for_s=1), CallPlan(play=tone)
        )
    assert placed.ok
    assert answered.ok
    assert [round(t.frequencies_hz[0]) for t in tones(placed)] == [440]


async def test_the_report_tells_every_message() -> None:
    async with phone_at(plays=False) as (phone, target):
        placed, _ = await converse(phone, phone, target, CallPlan(for_s=0.2), CallPlan())
    text = "\n".join(placed.trace)
    assert "out INVITE" in text
    assert "in 200" in text
    assert "out ACK" in text
    assert "out BYE" in text
    assert "PCMU" in text


async def test_a_port_where_nobody_listens_is_told_soon() -> None:
    with trio.fail_after(WAIT_S):
        report = await place_call(CallPlan(target="sip:x@127.0.0.1:9"))
    assert (report.ok, report.code) == (False, 503)


@pytest.mark.parametrize(
    "plan",
    [
        CallPlan(target="nobody"),
        CallPlan(target="sip:x@127.0.0.1", digits="1x"),
        CallPlan(target="sip:x@127.0.0.1", play=Path("/nowhere/at.wav")),
        CallPlan(target="sip:x@127.0.0.1", record=Path("/nowhere/at.wav")),
    ],
)
async def test_a_plan_that_cannot_be_carried_out_is_refused_before_calling(plan: CallPlan) -> None:
    with trio.fail_after(WAIT_S), pytest.raises(PlanError):
        await place_call(plan)


async def test_a_file_that_is_no_sound_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF not really")
    with trio.fail_after(WAIT_S), pytest.raises(PlanError, match=r"broken\.wav"):
        await place_call(CallPlan(target="sip:x@127.0.0.1", play=broken))


async def test_hold_stops_our_packets_and_resume_continues_the_stream() -> None:
    sock = trio.socket.socket(type=trio.socket.SOCK_DGRAM)
    await sock.bind(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    packets: list[tuple[int, int, int]] = []

    async def receive() -> None:
        while True:
            data = await sock.recv(2048)
            _, kind, sequence, timestamp = struct.unpack("!BBHI", data[:8])
            packets.append((kind >> 7, sequence, timestamp))

    far = SipFarEnd()
    async with phone_at(plays=False) as (phone, target), trio.open_nursery() as nursery:
        nursery.start_soon(receive)
        nursery.start_soon(phone.answer, CallPlan(for_s=20))
        bare = Endpoint(EndpointSettings(), on_invite=lambda session: None)
        await nursery.start(bare.run, [ListenAddress(transport="udp", host="127.0.0.1", port=0)])
        me = NameAddr(uri=Uri(user="far", host="127.0.0.1"))
        here = offer(host="127.0.0.1", port=port)
        far.session = bare.invite(target, sdp=here, from_=me, observer=far)
        await saw(far, "answered")
        await until(lambda: len(packets) > 10)
        await far.reinvite(offer(host="127.0.0.1", port=port, extra="a=sendonly"))
        assert b"a=recvonly" in far.descriptions[-1]
        await trio.sleep(0.1)  # what was on its way has arrived
        held = len(packets)
        await trio.sleep(0.3)
        assert len(packets) == held
        await far.reinvite(here)
        await until(lambda: len(packets) > held + 5)
        before, after = packets[held - 1], packets[held]
        assert after[0] == 1  # the marker: a new talk spurt (RFC 3551 4.1)
        assert after[1] == (before[1] + 1) & 0xFFFF
        passed = (after[2] - before[2]) & 0xFFFFFFFF
        assert passed > 0.4 * RATE
        assert passed % 160 == 0
        await far.bye()
        nursery.cancel_scope.cancel()
    sock.close()
