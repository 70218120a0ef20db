"""linphone is a user of a running runtime: it registers, calls and is called, with SRTP as well."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.media.listening import listen
from tests.e2e.audio import tone
from tests.e2e.phone import telephone
from tests.e2e.runtime_process import RuntimeProcess, callstage
from tests.e2e.sounds import channel
from tests.e2e.test_real_peers import last_recording, tones
from tests.e2e.test_secure_media import check_no_key_is_written_down, facts
from tests.e2e.test_users import PASSWORD, registered
from tests.interop.linphone import Account, linphone

pytestmark = [pytest.mark.interop, pytest.mark.loopback]

CONFIG = f"""
[server]
drain_timeout_s = 1
[rtp]
srtp = "optional"
[users.lin]
password = "{PASSWORD}"
[[rule]]
name = "noted"
to = "noted"
scenario = "noted.py"
[[rule]]
name = "all"
to = ".*"
scenario = "user.py"
"""


@pytest.fixture(scope="module")
def home(scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    config = scripts / "linphone.toml"
    config.write_text(CONFIG)
    folder = tmp_path_factory.mktemp("linphone")
    with callstage(folder=folder, options=["--config", str(config)]) as started:
        yield started


@pytest.mark.parametrize("encryption", ["none", "srtp"])
async def test_linphone_registers_calls_presses_keys_and_holds(
    home: RuntimeProcess, tmp_path: Path, encryption: str
) -> None:
    logged = {what: len(home.log_lines(what)) for what in ("noted on hold", "noted off hold")}
    keys = len(home.log_lines("noted key"))
    stopped = len(home.log_lines("noted record stopped"))
    own = Account(
        user="lin",
        password=PASSWORD,
        registrar=f"sip:127.0.0.1:{home.port()}",
        encryption=encryption,
    )
    async with linphone(tmp_path, tone(880, 40), own) as there:
        [found] = await registered(home, "lin")
        assert "Linphonec" in found["user_agent"]
        there.type(f"call {home.uri('noted')}")
        await there.said("Media streams established")
        for number, key in enumerate("4#", 1):
            there.type(key)
            await home.logged("noted key", times=keys + number)
        there.type("pause")
        await home.logged("noted on hold", times=logged["noted on hold"] + 1)
        await there.said("is now paused")
        there.type("resume")
        await home.logged("noted off hold", times=logged["noted off hold"] + 1)
        await there.said("Media streams established", 2)
        there.type("terminate")
        file = await last_recording(home, stopped + 1)
        samples, rate = there.heard()
    await registered(home, "lin", 0)
    assert 440 in tones(listen(samples, rate))
    assert 880 in tones(channel(file, 0))
    assert [line.partition("noted key ")[2][0] for line in home.log_lines("noted key")[keys:]] == [
        "4",
        "#",
    ]
    assert ("encrypted by AES_CM_128_HMAC_SHA1_80" in facts(home)) == (encryption == "srtp")
    check_no_key_is_written_down(home)


async def test_a_script_calls_linphone_which_hears_the_caller_and_is_heard(
    home: RuntimeProcess, tmp_path: Path
) -> None:
    address = f"sip:127.0.0.1:{home.port()}"
    own = Account(user="lin", password=PASSWORD, registrar=address)
    microphone = tone(880, 40)
    async with (
        linphone(tmp_path, microphone, own, answers=True) as there,
        telephone(home.port()) as phone,
    ):
        await registered(home, "lin")
        call = await phone.call("lin", caller="4711")
        await call.connected()
        await there.said("4711@")
        call.audio.say(tone(440, 0.8))
        await call.until(call.audio.sounds, "its microphone")
        await call.hear(1.2)
        await call.bye()
        await there.said("ended")
        samples, rate = there.heard()
    assert 440 in tones(listen(samples, rate))
    assert tones(call.audio.heard())[0] == 880
