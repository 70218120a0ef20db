"""Sound and keys between our legs and real peers; what was heard is judged, not only counted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import numpy as np
import pytest
import trio

from runtime.config.settings import USUAL_CODECS, CodecName
from runtime.media.listening import HeardInterval, listen
from runtime.phone import CallPlan, CallReport, Phone
from sip.address import BoundAddress
from tests.hearing import joined
from tests.interop.baresip import Samples, baresip
from tests.interop.sipp import Sipp, require_raw_sockets
from tests.test_phone import write_tone

pytestmark = [pytest.mark.interop, pytest.mark.loopback]

WAIT_S = 60.0


def tone(frequency_hz: float, seconds: float, rate_hz: int = 8000) -> Samples:
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    return (8000 * np.sin(2 * np.pi * frequency_hz * time)).astype(np.int16)


def heard_tones(heard: Sequence[HeardInterval]) -> list[tuple[int, float]]:
    """Frequency and length of every tone that was long enough to be meant."""
    return [
        (round(each.frequencies_hz[0]), each.duration_s)
        for each in joined(heard)
        if each.kind == "tone" and each.duration_s > 0.1
    ]


@asynccontextmanager
async def phone(
    codecs: Sequence[CodecName] = USUAL_CODECS,
) -> AsyncIterator[tuple[Phone, int]]:
    made = Phone(codecs=codecs)
    async with trio.open_nursery() as nursery:
        with trio.fail_after(WAIT_S):
            addresses: Sequence[BoundAddress] = await nursery.start(made.run)
        yield made, addresses[0].port
        nursery.cancel_scope.cancel()


@attrs.define
class Reports:
    """Filled in by a phone that talks in the background."""

    done: list[CallReport] = attrs.field(factory=list)

    async def answer(self, made: Phone, plan: CallPlan) -> None:
        self.done.append(await made.answer(plan))

    async def call(self, made: Phone, plan: CallPlan) -> None:
        self.done.append(await made.call(plan))


async def test_sipp_plays_speech_and_a_digit(tmp_path: Path) -> None:
    require_raw_sockets()
    reports = Reports()
    async with phone() as (made, port):
        with trio.fail_after(WAIT_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(reports.answer, made, CallPlan(for_s=40))
                run = await Sipp(folder=tmp_path, scenario="uac_pcap").call(f"127.0.0.1:{port}")
                assert run.exit_code == 0, run.trace()
    [report] = reports.done
    assert report.ok
    assert report.digits == "1"
    speech = sum(each.duration_s for each in report.heard if each.kind == "speech")
    assert speech > 3.0


async def test_sipp_echoes_our_tone(tmp_path: Path) -> None:
    file = write_tone(tmp_path / "tone.wav", 440, 1.0)
    async with (
        phone() as (made, _),
        Sipp(folder=tmp_path, scenario="uas").answering(echo=True) as there,
    ):
        with trio.fail_after(WAIT_S):
            report = await made.call(
                CallPlan(target=f"sip:service@127.0.0.1:{there.port}", play=file, for_s=2)
            )
    assert report.ok
    [(frequency, seconds)] = heard_tones(report.heard)
    assert frequency == 440
    assert seconds == pytest.approx(1.0, abs=0.06)
    assert report.rtp.packets_lost == 0


async def test_baresip_calls_talks_and_presses_keys(tmp_path: Path) -> None:
    file = write_tone(tmp_path / "ours.wav", 660, 3.0)
    reports = Reports()
    async with phone() as (made, port), baresip(tmp_path, tone(440, 2.0)) as there:
        with trio.fail_after(WAIT_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(reports.answer, made, CallPlan(play=file, for_s=40))
                await there.dial(f"sip:desk@127.0.0.1:{port}")
                await there.wait_for("CALL_ESTABLISHED")
                await trio.sleep(2.5)
                await there.press("42#")
                await trio.sleep(1.0)
                await there.hang_up()
                await there.wait_for("CALL_CLOSED")
        heard, rate = there.heard()
    [report] = reports.done
    assert report.ok
    assert report.digits == "42#"
    assert [frequency for frequency, _ in heard_tones(report.heard)][:1] == [440]
    [(frequency, seconds)] = heard_tones(listen(heard, rate))
    assert frequency == 660
    assert seconds == pytest.approx(3.0, abs=0.2)


async def test_we_call_baresip_and_send_keys(tmp_path: Path) -> None:
    reports = Reports()
    async with phone() as (made, _), baresip(tmp_path, tone(440, 30.0)) as there:
        with trio.fail_after(WAIT_S):
            async with trio.open_nursery() as nursery:
                plan = CallPlan(target=there.uri, digits="159", for_s=2.5)
                nursery.start_soon(reports.call, made, plan)
                await there.wait_for("CALL_CLOSED")
    [report] = reports.done
    assert report.ok
    keys = [e["param"] for e in there.events if e.get("type") == "CALL_DTMF_START"]
    assert keys == ["1", "5", "9"]
    [(frequency, seconds)] = heard_tones(report.heard)
    assert frequency == 440
    assert seconds > 2.0


async def test_baresip_holds_and_resumes(tmp_path: Path) -> None:
    reports = Reports()
    async with phone() as (made, port), baresip(tmp_path, tone(440, 30.0)) as there:
        with trio.fail_after(WAIT_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(reports.answer, made, CallPlan(for_s=40))
                await there.dial(f"sip:desk@127.0.0.1:{port}")
                await there.wait_for("CALL_ESTABLISHED")
                await trio.sleep(1.0)
                await there.hold()
                await trio.sleep(1.0)
                await there.resume()
                await trio.sleep(1.0)
                await there.hang_up()
    [report] = reports.done
    assert report.ok
    audio = [line for line in report.trace if "PCMU" in line]
    assert [line.rpartition(", ")[2] for line in audio] == [
        "both ways",
        "we only receive",
        "both ways",
    ]
