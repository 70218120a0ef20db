"""baresip speaks each wideband codec with our phone, both ways round; the sound is judged."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import attrs
import numpy as np
import pytest
import trio

from runtime.config.settings import CodecName
from runtime.media.listening import listen
from runtime.phone import CallPlan
from tests.interop.baresip import Baresip, Samples, baresip
from tests.interop.test_audio import WAIT_S, Reports, heard_tones, phone, tone
from tests.media.spectrum import amplitude_of, energy_above
from tests.test_phone import write_tone

pytestmark = [pytest.mark.interop, pytest.mark.loopback]


@attrs.frozen(kw_only=True)
class Spoken:
    """A codec, as we and as baresip call it, and a pitch that only it can carry."""

    name: CodecName
    theirs: str
    rate_hz: int
    channels: int = 1
    """Of baresip's own sound; Opus is stereo to it."""
    pitch_hz: int = 6000

    def __str__(self) -> str:
        return self.name.replace("/", "-")


CODECS: Final = (
    Spoken(name="opus", theirs="opus/48000/2", rate_hz=48000, channels=2),
    Spoken(name="G722", theirs="G722/16000/1", rate_hz=16000),
    Spoken(name="L16", theirs="L16/16000/1", rate_hz=16000),
    Spoken(name="L16/8000", theirs="L16/8000/1", rate_hz=8000, pitch_hz=3000),
)


def loudest(heard: Samples) -> Samples:
    """The second half second of what sounds."""
    sounding = np.flatnonzero(np.abs(heard.astype(int)) > 1000)
    assert len(sounding), "nothing was heard"
    return heard[sounding[0] :]


@pytest.mark.parametrize("spoken", CODECS, ids=str)
async def test_baresip_calls_with_it(tmp_path: Path, spoken: Spoken) -> None:
    rate = 16000 if spoken.rate_hz > 8000 else 8000
    ours = write_tone(tmp_path / "ours.wav", spoken.pitch_hz, 3.0, rate_hz=rate)
    recording = tmp_path / "heard.wav"
    reports = Reports()
    plan = CallPlan(play=ours, record=recording, for_s=40)
    async with (
        phone((spoken.name, "PCMU")) as (made, port),
        baresip(
            tmp_path,
            tone(spoken.pitch_hz, 4.0, spoken.rate_hz),
            rate_hz=spoken.rate_hz,
            channels=spoken.channels,
            account=f"answermode=auto;audio_codecs={spoken.theirs},PCMU",
        ) as there,
    ):
        with trio.fail_after(WAIT_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(reports.answer, made, plan)
                await there.dial(f"sip:desk@127.0.0.1:{port}")
                await there.wait_for("CALL_ESTABLISHED")
                await trio.sleep(2.5)
                await there.press("42#")
                await trio.sleep(0.5)
                await there.hang_up()
                await there.wait_for("CALL_CLOSED")
        check_heard_there(there, spoken)
    [report] = reports.done
    assert report.ok
    assert any(f"{spoken.name} with 127.0.0.1" in line for line in report.trace)
    assert report.digits == "42#"
    assert heard_tones(report.heard)[0][0] == pytest.approx(spoken.pitch_hz, abs=5)
    assert report.rtp.packets_lost == 0


@pytest.mark.parametrize("spoken", CODECS, ids=str)
async def test_baresip_is_called_with_it(tmp_path: Path, spoken: Spoken) -> None:
    rate = 16000 if spoken.rate_hz > 8000 else 8000
    ours = write_tone(tmp_path / "ours.wav", spoken.pitch_hz, 2.0, rate_hz=rate)
    reports = Reports()
    async with (
        phone((spoken.name, "PCMU")) as (made, _),
        baresip(
            tmp_path,
            tone(spoken.pitch_hz, 30.0, spoken.rate_hz),
            rate_hz=spoken.rate_hz,
            channels=spoken.channels,
            account=f"answermode=auto;audio_codecs={spoken.theirs},PCMU",
        ) as there,
    ):
        with trio.fail_after(WAIT_S):
            async with trio.open_nursery() as nursery:
                plan = CallPlan(target=there.uri, play=ours, digits="159", for_s=3)
                nursery.start_soon(reports.call, made, plan)
                await there.wait_for("CALL_CLOSED")
        check_heard_there(there, spoken)
    [report] = reports.done
    assert report.ok
    keys = [e["param"] for e in there.events if e.get("type") == "CALL_DTMF_START"]
    assert keys == ["1", "5", "9"]
    [(frequency, seconds)] = heard_tones(report.heard)
    assert frequency == pytest.approx(spoken.pitch_hz, abs=5)
    assert seconds > 2.0


def check_heard_there(there: Baresip, spoken: Spoken) -> None:
    heard, rate = there.heard()
    part = loudest(heard)[rate // 4 : rate]
    assert amplitude_of(part, spoken.pitch_hz, rate) > 4000
    assert energy_above(part, spoken.pitch_hz * 0.9, rate) > 0.9
    assert heard_tones(listen(heard, rate))
