"""baresip with SRTP calls a running runtime and is called by its scripts; keys stay secret."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import trio

from runtime.media.listening import listen
from tests.e2e.audio import tone
from tests.e2e.home import Home
from tests.e2e.phone import Phone, telephone
from tests.e2e.runtime_process import RuntimeProcess, callstage
from tests.e2e.sounds import channel
from tests.e2e.test_real_peers import MICROPHONE_S, last_recording, tones
from tests.interop.baresip import Baresip, baresip

pytestmark = [pytest.mark.interop, pytest.mark.loopback]

CONFIG = """
[rtp]
srtp = "optional"
[[trunk]]
name = "guarded"
uri = "sip:127.0.0.1"
srtp = "required"
"""
"""baresip is the trunk; telephones elsewhere on loopback (127.0.0.5) are not."""
WITH_SRTP = ["module srtp.so"]
INLINE = re.compile(rb"inline:[A-Za-z0-9+/]{20}")


@pytest.fixture(scope="module")
def guarded(scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    folder = tmp_path_factory.mktemp("guarded")
    config = folder / "callstage.toml"
    config.write_text(CONFIG)
    served = [scripts / f"{name}.py" for name in ("noted", "dial")]
    with callstage(*served, folder=folder, options=["--config", str(config)]) as started:
        yield started


@pytest.fixture
async def caller(guarded: RuntimeProcess) -> AsyncIterator[Phone]:
    """A telephone without SRTP that is not the trunk."""
    async with telephone(guarded.port(), home=Home("127.0.0.5")) as made:
        yield made


def account(encryption: str) -> str:
    return f"answermode=auto;audio_codecs=PCMU;mediaenc={encryption}"


def facts(runtime: RuntimeProcess) -> str:
    """All timelines so far."""
    files = sorted(runtime.data.glob("sessions/*/timeline.jsonl"))
    return "\n".join(file.read_text() for file in files)


def check_no_key_is_written_down(runtime: RuntimeProcess) -> None:
    files = [file for file in runtime.data.rglob("*") if file.is_file()]
    for file in [*files, runtime.folder / "stderr.txt"]:
        assert not INLINE.search(file.read_bytes()), file


async def talk(runtime: RuntimeProcess, there: Baresip, *, transport: str = "udp") -> None:
    """A call to the script that records, with keys and hold in it; both sides must be heard."""
    stopped = len(runtime.log_lines("noted record stopped"))
    keys, held = len(runtime.log_lines("noted key")), len(runtime.log_lines("noted on hold"))
    await there.dial(runtime.uri("noted", transport))
    await there.wait_for("CALL_ESTABLISHED")
    await trio.sleep(1.0)
    await there.press("7")
    await runtime.logged("noted key 7", times=keys + 1)
    await there.hold()
    await runtime.logged("noted on hold", times=held + 1)
    await there.resume()
    await runtime.logged("noted off hold", times=held + 1)
    await trio.sleep(1.5)
    await there.hang_up()
    await there.wait_for("CALL_CLOSED")
    samples, rate = there.heard()
    assert tones(listen(samples, rate))[:1] == [440]
    file = await last_recording(runtime, stopped + 1)
    assert tones(channel(file, 0))[:1] == [880]
    assert tones(channel(file, 0))[-1:] == [880]


@pytest.mark.parametrize("encryption", ["srtp-mand", "srtp"])
async def test_baresip_calls_encrypted(
    guarded: RuntimeProcess, tmp_path: Path, encryption: str
) -> None:
    async with baresip(
        tmp_path, tone(880, MICROPHONE_S), account=account(encryption), config=WITH_SRTP
    ) as there:
        await talk(guarded, there)
    assert "encrypted by AES_CM_128_HMAC_SHA1_" in facts(guarded)
    assert "a=crypto:" in facts(guarded)
    check_no_key_is_written_down(guarded)


async def test_baresip_shares_the_port_with_rtcp(guarded: RuntimeProcess, tmp_path: Path) -> None:
    config = [*WITH_SRTP, "rtcp_mux yes"]
    async with baresip(
        tmp_path, tone(880, MICROPHONE_S), account=account("srtp-mand"), config=config
    ) as there:
        await talk(guarded, there)
    assert facts(guarded).count("a=rtcp-mux") >= 2


async def test_baresip_without_srtp_is_refused_and_told_why(
    guarded: RuntimeProcess, tmp_path: Path
) -> None:
    async with baresip(tmp_path, tone(880, MICROPHONE_S)) as there:
        await there.dial(guarded.uri("noted"))
        closed = await there.wait_for("CALL_CLOSED")
    assert "488" in str(closed)
    await guarded.logged("encryption is required here; offer RTP/SAVP with a=crypto")


async def test_a_script_calls_baresip_encrypted(
    guarded: RuntimeProcess, caller: Phone, tmp_path: Path
) -> None:
    async with baresip(
        tmp_path, tone(880, MICROPHONE_S), account=account("srtp-mand"), config=WITH_SRTP
    ) as there:
        headers = [("X-Target", there.uri), ("X-Play", "1")]
        call = await caller.call("dial", caller="to-guarded", headers=headers)
        await call.connected()
        await there.wait_for("CALL_ESTABLISHED")
        await guarded.logged("to-guarded connected")
        await there.wait_for("CALL_CLOSED")
        await call.bye()
        samples, rate = there.heard()
    [heard] = [part for part in listen(samples, rate) if part.kind == "tone"]
    assert heard.duration_s == pytest.approx(1.0, abs=0.15)
    assert tones([heard]) == [440]
    check_no_key_is_written_down(guarded)


async def test_a_script_does_not_talk_plainly_to_a_trunk_that_must_encrypt(
    guarded: RuntimeProcess, caller: Phone, tmp_path: Path
) -> None:
    async with baresip(tmp_path, tone(880, MICROPHONE_S)) as there:
        headers = [("X-Target", there.uri), ("X-Play", "1")]
        call = await caller.call("dial", caller="to-plain", headers=headers)
        await call.connected()
        assert "failed 488" in await guarded.logged("to-plain failed")
        await call.bye()


async def test_the_operator_hears_once_that_keys_travel_in_the_open(
    guarded: RuntimeProcess, tmp_path: Path
) -> None:
    async with baresip(
        tmp_path, tone(880, MICROPHONE_S), account=account("srtp-mand"), config=WITH_SRTP
    ) as there:
        await talk(guarded, there)
    assert len(guarded.log_lines("SRTP keys of calls with trunk guarded can be read")) == 1
    assert facts(guarded).count("SRTP keys of calls with trunk guarded can be read") == 1
