"""`callstage call --srtp` against a running runtime, and a runtime that gives no keys over UDP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.audio import tone
from tests.e2e.phone import telephone
from tests.e2e.runtime_process import COMMAND, RuntimeProcess, callstage
from tests.e2e.sounds import wav
from tests.e2e.test_commands import command

pytestmark = pytest.mark.loopback


@pytest.fixture(scope="module")
def willing(scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    yield from serving('srtp = "optional"', scripts, tmp_path_factory.mktemp("willing"))


@pytest.fixture(scope="module")
def careful(scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    text = 'srtp = "optional"\nsrtp_keys = "protected"'
    yield from serving(text, scripts, tmp_path_factory.mktemp("careful"))


def serving(rtp: str, scripts: Path, folder: Path) -> Iterator[RuntimeProcess]:
    config = folder / "callstage.toml"
    config.write_text(f"[rtp]\n{rtp}\n")
    served = [scripts / f"{name}.py" for name in ("mirror", "bridge")]
    with callstage(*served, folder=folder, options=["--config", str(config)]) as runtime:
        yield runtime


async def phoned(
    runtime: RuntimeProcess, folder: Path, srtp: str, transport: str = "udp"
) -> tuple[int, dict[str, Any]]:
    """A call to the mirror: exit code and report; what was heard is what was said."""
    sound = folder / "tone.wav"
    sound.write_bytes(wav(tone(700, 1.0)))
    words = ("call", runtime.uri("mirror", transport), "--srtp", srtp, "--play", sound)
    code, told, errors = await command(COMMAND, *words, "--for", "2", "--json", folder=folder)
    assert told, errors
    report: dict[str, Any] = json.loads(told.splitlines()[-1])
    return code, report


def tones(report: dict[str, Any]) -> list[int]:
    return [round(f, -1) for part in report["heard"] for f in part["frequencies_hz"]]


@pytest.mark.parametrize("srtp", ["required", "optional"])
async def test_the_telephone_command_talks_encrypted(
    willing: RuntimeProcess, tmp_path: Path, srtp: str
) -> None:
    code, report = await phoned(willing, tmp_path, srtp)
    assert (code, report["ok"]) == (0, True), report
    assert report["srtp"] == "AES_CM_128_HMAC_SHA1_80"
    assert tones(report) == [700]


async def test_without_the_option_the_call_is_plain(
    willing: RuntimeProcess, tmp_path: Path
) -> None:
    _, report = await phoned(willing, tmp_path, "off")
    assert report["srtp"] is None
    assert tones(report) == [700]


async def test_a_person_is_told_how_the_audio_went(willing: RuntimeProcess, tmp_path: Path) -> None:
    words = ("call", willing.uri("mirror"), "--srtp", "required", "--for", "0.5")
    _, told, _ = await command(COMMAND, *words, folder=tmp_path)
    assert "audio: encrypted, AES_CM_128_HMAC_SHA1_80" in told
    assert "inline:" not in told
    code, _, errors = await command(COMMAND, *words[:3], "perhaps", folder=tmp_path)
    assert code == 2
    assert "perhaps" in errors


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_careful_runtime_takes_no_key_that_can_be_read_on_the_way(
    careful: RuntimeProcess, tmp_path: Path, transport: str
) -> None:
    code, report = await phoned(careful, tmp_path, "required", transport)
    assert (code, report["code"]) == (1, 488)
    why = f"no SRTP keys over {transport.upper()} here, only over TLS ([rtp] srtp_keys)"
    await careful.logged(why)


async def test_a_careful_runtime_talks_plainly_where_the_caller_leaves_the_choice(
    careful: RuntimeProcess, tmp_path: Path
) -> None:
    code, report = await phoned(careful, tmp_path, "optional")
    assert (code, report["srtp"]) == (0, None)
    assert tones(report) == [700]


async def test_a_careful_runtime_does_not_dial_where_encryption_is_required(
    scripts: Path, tmp_path: Path
) -> None:
    config = tmp_path / "callstage.toml"
    config.write_text(
        '[rtp]\nsrtp_keys = "protected"\n[[trunk]]\nname = "guarded"\n'
        'uri = "sip:127.0.0.9"\nsrtp = "required"\n'
    )
    served = [scripts / "dial.py", scripts / "mirror.py"]
    with callstage(*served, folder=tmp_path, options=["--config", str(config)]) as runtime:
        async with telephone(runtime.port()) as phone:
            headers = [("X-Target", "sip:anybody@127.0.0.9")]
            call = await phone.call("dial", caller="careful", headers=headers)
            await call.connected()
            assert "failed 488" in await runtime.logged("careful failed")
            assert "encryption is required, but no SRTP keys over UDP here" in runtime.log()
            await call.bye()
