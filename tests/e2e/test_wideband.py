"""A runtime configured for wideband codecs: who hears 6 kHz, and what stands in HD recordings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import trio

from runtime.config.settings import CodecName
from runtime.phone import CallPlan, CallReport, Phone
from tests.e2e.audio import tone
from tests.e2e.runtime_process import RuntimeProcess, callstage
from tests.e2e.sounds import channel, read_sound, wav
from tests.interop.baresip import baresip
from tests.interop.sipp import Sipp
from tests.media.spectrum import amplitude_of, energy_above
from tests.test_phone import write_tone

pytestmark = pytest.mark.loopback

SIPP_SCENARIOS = Path(__file__).parents[1] / "interop" / "scenarios"
WAIT_S = 60.0
CONFIGURATION = '[rtp]\ncodecs = ["opus", "G722", "PCMU", "PCMA"]\n'


@pytest.fixture(scope="module")
def hd(scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    folder = tmp_path_factory.mktemp("hd")
    (folder / "callstage.toml").write_text(CONFIGURATION)
    (scripts / "6000.wav").write_bytes(wav(tone(6000, 1.0, rate=16000), 16000))
    options = ("--config", str(folder / "callstage.toml"))
    served = [scripts / f"{name}.py" for name in ("wide", "speak", "quiet")]
    with callstage(*served, folder=folder, options=options) as started:
        yield started


async def called(
    runtime: RuntimeProcess, plan: CallPlan, codecs: tuple[CodecName, ...]
) -> CallReport:
    """One call by our own phone, which offers these codecs."""
    phone = Phone(codecs=codecs)
    async with trio.open_nursery() as nursery:
        with trio.fail_after(WAIT_S):
            await nursery.start(phone.run)
            report = await phone.call(plan)
        await phone.close()
        nursery.cancel_scope.cancel()
    assert report.ok, report
    return report


def pitches(report: CallReport) -> list[int]:
    long = [part for part in report.heard if part.kind == "tone" and part.duration_s > 0.2]
    return [round(part.frequencies_hz[0] / 50) * 50 for part in long]


@pytest.mark.parametrize("codec", ["opus", "G722"])
@pytest.mark.parametrize("container", ["wav", "mp3"])
async def test_a_wideband_call_is_heard_and_recorded_above_4_khz(
    hd: RuntimeProcess, tmp_path: Path, codec: CodecName, container: str
) -> None:
    said = write_tone(tmp_path / "5500.wav", 5500, 3.0, rate_hz=16000)
    before = len(hd.log_lines("hd record stopped"))
    plan = CallPlan(target=hd.uri("wide"), play=said, for_s=3, headers={"X-With": container})
    report = await called(hd, plan, (codec, "PCMU"))
    assert pitches(report)[:2] == [6000, 5500]
    await hd.logged("hd record stopped", times=before + 1)
    samples, rate = read_sound(hd.recordings()[-1])
    assert rate == (16000 if container == "wav" else 48000)
    left, right = samples[rate : 2 * rate, 0], samples[rate // 2 : rate, 1]
    assert amplitude_of(left, 5500, rate) > 4000
    assert amplitude_of(right, 6000, rate) > 4000
    assert energy_above(left, 4000, rate) > 0.95
    assert energy_above(right, 4000, rate) > 0.95


async def test_a_narrow_caller_of_the_same_runtime_hears_no_ghosts(
    hd: RuntimeProcess, tmp_path: Path
) -> None:
    file = tmp_path / "heard.wav"
    said = write_tone(tmp_path / "1000.wav", 1000, 3.0)
    plan = CallPlan(target=hd.uri("wide"), play=said, record=file, for_s=3)
    report = await called(hd, plan, ("PCMA",))
    assert pitches(report) == [1000]
    heard, rate = read_sound(file)
    assert rate == 8000
    assert np.abs(heard[rate // 4 : rate // 2, 0]).max() < 200, "6 kHz came back as 2 kHz"


async def test_the_voice_speaks_wide(hd: RuntimeProcess, tmp_path: Path) -> None:
    file = tmp_path / "spoken.wav"
    report = await called(hd, CallPlan(target=hd.uri("speak"), record=file, for_s=10), ("G722",))
    assert any(part.kind == "speech" for part in report.heard)
    heard, rate = read_sound(file)
    assert rate == 16000
    assert energy_above(heard[:, 0], 4200, rate) > 0.005


@pytest.mark.interop
async def test_sipp_changes_the_codec_twice_in_a_call(hd: RuntimeProcess, tmp_path: Path) -> None:
    sipp = Sipp(folder=tmp_path, scenario=SIPP_SCENARIOS / "codec_change.xml")
    run = await sipp.call(f"127.0.0.1:{hd.port()}", service="quiet")
    assert run.exit_code == 0, run.trace()
    told = [line["what"] for line in await hd.over(hd.sessions()[-1]) if line["kind"] == "media"]
    codecs = [what.split(" with ")[0] for what in told if " with 127.0.0.1" in what]
    assert codecs == ["opus", "G722", "PCMU"]


@pytest.mark.interop
async def test_baresip_calls_the_runtime_with_opus(hd: RuntimeProcess, tmp_path: Path) -> None:
    before = len(hd.log_lines("hd record stopped"))
    microphone = (8000 * np.sin(2 * np.pi * 5500 * np.arange(48000 * 20) / 48000)).astype(np.int16)
    async with baresip(
        tmp_path,
        microphone,
        rate_hz=48000,
        channels=2,
        account="answermode=auto;audio_codecs=opus/48000/2",
    ) as there:
        await there.dial(hd.uri("wide"))
        await there.wait_for("CALL_ESTABLISHED")
        await hd.logged("hd played")
        await trio.sleep(1.0)
        await there.hang_up()
        await hd.logged("hd record stopped", times=before + 1)
        heard, rate = there.heard()
    assert rate == 48000
    assert amplitude_of(heard[rate // 2 : rate], 6000, rate) > 4000
    [said, *_] = channel(hd.recordings()[-1], 0)
    assert said.kind == "tone"
    assert said.frequencies_hz[0] == pytest.approx(5500, abs=5)
