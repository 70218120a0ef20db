"""SIPp and baresip call a running runtime, and are called by its scripts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import trio

from runtime.media.listening import HeardInterval, listen
from tests.e2e.audio import tone
from tests.e2e.phone import Phone, telephone
from tests.e2e.runtime_process import RuntimeProcess, callstage
from tests.e2e.sounds import channel
from tests.interop.baresip import baresip
from tests.interop.sipp import Sipp, Transport, require_raw_sockets

pytestmark = [pytest.mark.interop, pytest.mark.loopback]

SIPP_SCENARIOS = Path(__file__).parents[1] / "interop" / "scenarios"
MICROPHONE_S = 40


@pytest.fixture(scope="module")
def peered(scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    """A runtime of their own: what it wrote down is about these peers only."""
    folder = tmp_path_factory.mktemp("peers")
    served = [scripts / f"{name}.py" for name in ("noted", "quiet", "dial", "held")]
    with callstage(*served, folder=folder) as started:
        yield started


@pytest.fixture
async def peer_phone(peered: RuntimeProcess) -> AsyncIterator[Phone]:
    async with telephone(peered.port()) as made:
        yield made


def tones(heard: list[HeardInterval]) -> list[int]:
    """Pitches of tones that were long enough to be meant, each once in a row."""
    long = [part for part in heard if part.kind == "tone" and part.duration_s > 0.2]
    found = [round(part.frequencies_hz[0] / 10) * 10 for part in long]
    return [hz for at, hz in enumerate(found) if at == 0 or found[at - 1] != hz]


async def last_recording(runtime: RuntimeProcess, times: int) -> Path:
    await runtime.logged("noted record stopped", times=times)
    return runtime.recordings()[-1]


# --- SIPp ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_sipp_calls_many_times(
    peered: RuntimeProcess, tmp_path: Path, transport: Transport
) -> None:
    target = f"127.0.0.1:{peered.port(transport)}"
    sipp = Sipp(folder=tmp_path, scenario="uac", transport=transport)
    run = await sipp.call(target, service="quiet", calls=20, rate=10, hold_ms=200)
    assert run.exit_code == 0, run.trace()


async def test_sipp_calls_with_lost_packets(peered: RuntimeProcess, tmp_path: Path) -> None:
    run = await Sipp(folder=tmp_path).call(
        f"127.0.0.1:{peered.port()}", service="quiet", calls=10, extra=("-lost", "10"), timeout_s=60
    )
    assert run.exit_code == 0, run.trace()


async def test_sipp_speaks_and_presses_a_key(peered: RuntimeProcess, tmp_path: Path) -> None:
    require_raw_sockets()
    before = len(peered.log_lines("noted record stopped"))
    run = await Sipp(folder=tmp_path, scenario="uac_pcap").call(
        f"127.0.0.1:{peered.port()}", service="noted"
    )
    assert run.exit_code == 0, run.trace()
    file = await last_recording(peered, before + 1)
    said, heard = channel(file, 0), channel(file, 1)
    assert sum(part.duration_s for part in said if part.kind == "speech") > 3
    assert tones(heard) == [440]
    assert len(peered.log_lines("noted key 1 type 1")) == 1


@pytest.mark.parametrize("scenario", ["hold", "late_offer", "info_digit"])
async def test_sipps_odd_callers(peered: RuntimeProcess, tmp_path: Path, scenario: str) -> None:
    service = "held" if scenario == "hold" else "noted"
    sipp = Sipp(folder=tmp_path, scenario=SIPP_SCENARIOS / f"{scenario}.xml")
    run = await sipp.call(f"127.0.0.1:{peered.port()}", service=service)
    assert run.exit_code == 0, run.trace()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_script_calls_sipp(
    peered: RuntimeProcess, peer_phone: Phone, tmp_path: Path, transport: Transport
) -> None:
    uas = Sipp(folder=tmp_path, scenario="uas", transport=transport)
    async with uas.answering(echo=True) as there:
        suffix = ";transport=tcp" if transport == "tcp" else ""
        target = f"sip:bob@127.0.0.1:{there.port}{suffix}"
        name = f"to-sipp-{transport}"
        headers = [("X-Target", target), ("X-Play", "1")]
        call = await peer_phone.call("dial", caller=name, headers=headers)
        await call.connected()
        for what in ("ringing", "audio started", "connected", "gone"):
            await peered.logged(f"{name} {what}")
        await call.bye()


# --- baresip ------------------------------------------------------------------------------------


async def test_baresip_calls_talks_holds_and_presses_keys(
    peered: RuntimeProcess, tmp_path: Path
) -> None:
    before = len(peered.log_lines("noted record stopped"))
    keys = len(peered.log_lines("noted key"))
    async with baresip(tmp_path, tone(880, MICROPHONE_S)) as there:
        await there.dial(peered.uri("noted"))
        await there.wait_for("CALL_ESTABLISHED")
        await trio.sleep(1.0)
        await there.press("42#")
        await peered.logged("noted key # type 1")
        await there.hold()
        await peered.logged("noted on hold")
        await there.resume()
        await peered.logged("noted off hold")
        await trio.sleep(0.5)
        await there.hang_up()
        await there.wait_for("CALL_CLOSED")
        samples, rate = there.heard()
    assert tones(listen(samples, rate))[:1] == [440]
    pressed = [line.partition("noted key ")[2][0] for line in peered.log_lines("noted key")[keys:]]
    assert pressed == list("42#")
    file = await last_recording(peered, before + 1)
    assert tones(channel(file, 0))[:1] == [880]
    assert tones(channel(file, 1))[:1] == [440]


async def test_baresip_is_called_hears_the_tone_and_hangs_up(
    peered: RuntimeProcess, peer_phone: Phone, tmp_path: Path
) -> None:
    async with baresip(tmp_path, tone(880, MICROPHONE_S)) as there:
        headers = [("X-Target", there.uri), ("X-Play", "1")]
        call = await peer_phone.call("dial", caller="to-baresip", headers=headers)
        await call.connected()
        await there.wait_for("CALL_ESTABLISHED")
        await peered.logged("to-baresip connected")
        await there.wait_for("CALL_CLOSED")
        await call.bye()
        samples, rate = there.heard()
    [heard] = [part for part in listen(samples, rate) if part.kind == "tone"]
    assert heard.duration_s == pytest.approx(1.0, abs=0.15)
    assert tones([heard]) == [440]


async def test_baresip_speaks_alaw(peered: RuntimeProcess, tmp_path: Path) -> None:
    before = len(peered.log_lines("noted record stopped"))
    account = "answermode=auto;audio_codecs=PCMA"
    async with baresip(tmp_path, tone(880, MICROPHONE_S), account=account) as there:
        await there.dial(peered.uri("noted"))
        await there.wait_for("CALL_ESTABLISHED")
        await trio.sleep(1.2)
        await there.hang_up()
        await there.wait_for("CALL_CLOSED")
        samples, rate = there.heard()
    assert tones(listen(samples, rate))[:1] == [440]
    assert tones(channel(await last_recording(peered, before + 1), 0))[:1] == [880]
