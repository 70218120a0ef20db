"""The configuration file: rules, trunk, conference; and what happens when it is wrong."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from tests.e2e.audio import tone
from tests.e2e.phone import Dialog, Phone, telephone
from tests.e2e.runtime_process import COMMAND, RuntimeProcess, arguments, callstage
from tests.e2e.sounds import check_tone
from tests.e2e.web import web_server
from tests.interop.sipp import Sipp

pytestmark = pytest.mark.loopback

SIPP_SCENARIOS = Path(__file__).parents[1] / "interop" / "scenarios"
RULES = r"""
[[rule]]
name = "sales"
to = '\+4420794601..'
scenario = "play.py"
[[rule]]
name = "outwards"
to = '0.*'
scenario = "dial.py"
[[rule]]
name = "meeting"
to = 'meet-[0-9]+'
scenario = "meeting.py"
conference = true
[[rule]]
name = "greeting"
to = 'hello'
scenario = "module:scenarios.hello"
"""


def trunk(port: int) -> str:
    return f"""
[[trunk]]
name = "carrier"
uri = "sip:127.0.0.1:{port}"
user = "acme"
password = "s3cret"
"""


def usage(*words: str | Path, folder: Path) -> str:
    """What a run that must not start says; its exit code is 2, and nothing is on its stdout."""
    done = subprocess.run(
        [str(COMMAND), "run", *arguments(folder / "data", [str(word) for word in words])],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
    )
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


async def test_rules_choose_trunks_carry_and_meetings_are_shared(
    scripts: Path, tmp_path: Path
) -> None:
    async with telephone(1) as carrier:
        config = scripts / "callstage.toml"
        config.write_text(RULES + trunk(carrier.port))
        with callstage(folder=tmp_path, options=["--config", str(config)]) as runtime:
            async with telephone(runtime.port()) as phone:
                await _rules_choose(phone)
                await _urls_into_the_own_network_are_refused(runtime, phone, scripts)
                await _the_trunk_carries(runtime, phone, carrier)
                await _callers_of_a_meeting_hear_each_other(runtime, phone)


async def _rules_choose(phone: Phone) -> None:
    headers = [("X-Sound", "440.wav"), ("X-Then", "hangup")]
    call = await phone.call("+442079460123", headers=headers)
    await call.connected()
    await call.ended()
    [heard] = call.audio.heard()
    check_tone(heard, 440, 1.0)
    for number in ("+4420794601234", "442079460123", "meet-"):
        final = await (await phone.call(number)).final()
        assert final.status == 404
        explained = final.reason + final.get("Warning")
        assert number in explained
        assert "sales" in explained
    greeting = await phone.call("hello")
    await greeting.connected()
    await greeting.ended()
    assert {part.kind for part in greeting.audio.heard()} == {"speech"}


async def _urls_into_the_own_network_are_refused(
    runtime: RuntimeProcess, phone: Phone, scripts: Path
) -> None:
    async with web_server(scripts) as base:
        headers = [("X-Sound", f"{base}/440.mp3"), ("X-Then", "tone")]
        call = await phone.call("+442079460123", headers=headers)
        await call.connected()
        await call.ended()
    [heard] = call.audio.heard()
    check_tone(heard, 880, 0.5)
    refusal = await runtime.logged("+442079460123 finished 127.0.0.1")
    assert "[net] allow" in refusal


async def _the_trunk_carries(runtime: RuntimeProcess, phone: Phone, carrier: Phone) -> None:
    headers = [("X-Target", "+15551234"), ("X-Kind", "pstn"), ("X-Play", "1")]
    call = await phone.call("00", caller="via-trunk", headers=headers)
    await call.connected()
    carried = await carrier.incoming()
    assert carried.invite.start.startswith("INVITE sip:+15551234@127.0.0.1:")
    assert "sip:4711@" in carried.invite.get("From")
    await carried.answer()
    await carried.ended()
    check_tone(carried.audio.heard()[0], 440, 1.0)
    await call.bye()
    elsewhere = [("X-Target", "sip:a@203.0.113.5")]
    call = await phone.call("00", caller="elsewhere", headers=elsewhere)
    await call.connected()
    assert "carrier" in await runtime.logged("elsewhere failed 403")
    await call.bye()


async def _callers_of_a_meeting_hear_each_other(runtime: RuntimeProcess, phone: Phone) -> None:
    tones = (440, 880, 1320)
    calls: list[Dialog] = []
    for number, hertz in enumerate(tones, start=1):
        call = await phone.call("meet-1")
        await call.connected()
        call.audio.say(tone(hertz, 1.0), again=True)
        await runtime.logged(f"meeting has {number}")
        calls.append(call)
    marks = [len(call.audio.packets) for call in calls]
    await calls[0].hear(1.5)
    sessions = {await runtime.session_of(call.call_id) for call in calls}
    assert len(sessions) == 1
    for call, own, mark in zip(calls, tones, marks, strict=True):
        since = call.audio.audio_packets()[mark + 25]
        heard = call.audio.heard(since=since)
        pitches = {round(hertz / 10) * 10 for part in heard for hertz in part.frequencies_hz}
        assert pitches == set(tones) - {own}
        call.audio.check_unbroken()
    for call in calls:
        await call.bye()


@pytest.mark.interop
async def test_a_trunk_that_asks_for_the_password_gets_it(scripts: Path, tmp_path: Path) -> None:
    uas = Sipp(folder=tmp_path, scenario=SIPP_SCENARIOS / "uas_challenge.xml")
    async with uas.answering(calls=1) as there:
        config = scripts / "challenged.toml"
        config.write_text(RULES + trunk(there.port))
        options = ["--config", str(config)]
        with callstage(folder=tmp_path / "run", options=options) as runtime:
            async with telephone(runtime.port()) as phone:
                headers = [("X-Target", "+15551234"), ("X-Kind", "pstn"), ("X-Play", "1")]
                call = await phone.call("00", caller="paid", headers=headers)
                await call.connected()
                await runtime.logged("paid connected")
                await runtime.logged("paid gone")
                await call.bye()
        assert "s3cret" not in runtime.log()
        for session in runtime.sessions():
            assert "s3cret" not in str(runtime.timeline(session))


async def test_one_scenario_takes_every_number_and_sees_it_unescaped(
    scripts: Path, tmp_path: Path
) -> None:
    with callstage(scripts / "who.py", folder=tmp_path) as runtime:
        async with telephone(runtime.port()) as phone:
            headers = [("X-Mixed-Case", "Value"), ("User-to-User", "abc"), ("Subject", "no")]
            for user in ("anyone", "%2B44%20x", "a;b=c"):
                call = await phone.call(user, headers=headers, caller="me")
                assert (await call.final()).status == 603
            await runtime.logged("destination <+44 x> to <sip:%2B44%20x@")
            assert "Mixed-Case': 'Value'" in await runtime.logged("headers {")
            assert "Subject" not in await runtime.logged("headers {")


async def test_a_folder_is_one_scenario_with_its_own_modules(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "scenario.py").write_text(
        "from runtime import AppEvents, Logger, VoxEngine\n"
        "from answers import refuse\n\n"
        "VoxEngine.addEventListener(AppEvents.CallAlerting, refuse)\n"
    )
    (folder / "answers.py").write_text(
        "from runtime import AppEvents\n\n\n"
        "def refuse(e: AppEvents.CallAlerting) -> None:\n    e.call.reject(410)\n"
    )
    with callstage(folder, folder=tmp_path / "run") as runtime:
        async with telephone(runtime.port()) as phone:
            assert (await (await phone.call("anyone")).final()).status == 410


def test_every_fault_of_a_configuration_is_told_at_once(scripts: Path, tmp_path: Path) -> None:
    config = tmp_path / "bad.toml"
    config.write_text(
        '[sip]\nlisten = ["sctp://127.0.0.1:0"]\nlisen = []\n'
        '[rtp]\nports = "30-20"\n[limits]\nidle_session_s = "long"\n'
        '[[rule]]\nname = "r"\nto = "("\nscenario = "x.py"\n'
    )
    told = usage("--config", config, "--rtp-host", "nowhere", folder=tmp_path)
    for key in ("sip.listen", "rtp.ports", "limits.idle_session_s", "rule", "--rtp-host"):
        assert key in told, told
    assert told.count(str(config)) >= 5
    assert "did you mean listen" in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "no scenario"),
        (["nowhere.py"], "nowhere.py"),
        (["notes.txt"], ".py file"),
        (["module:scenarios.nothing"], "no shipped scenario"),
        (["--config", "nowhere.toml"], "nowhere.toml"),
        (["one.py", "--rtp-ports", "5-4"], "--rtp-ports"),
        (["one.py", "--sip", "sctp://127.0.0.1:0"], "--sip"),
        (["one.py", "--net-allow", "everything"], "--net-allow"),
        (["one.py", "--http", "0.0.0.0:0"], "token"),
        (["one.py", "--log-format", "xml"], "--log-format"),
        (["one.py", "--data", "notes.txt"], "notes.txt"),
        (["one.py", "--rtp-host", "203.0.113.9"], "--rtp-host"),
        (["one.py", "--sip", "udp://203.0.113.9:0"], "203.0.113.9"),
    ],
)
def test_wrong_words_end_with_exit_code_2_and_the_reason(
    tmp_path: Path, words: list[str], told: str
) -> None:
    (tmp_path / "one.py").write_text("")
    (tmp_path / "notes.txt").write_text("")
    assert told in usage(*words, folder=tmp_path)


@pytest.mark.parametrize("kind", ["udp", "tcp", "http"])
def test_a_port_that_is_taken_ends_with_exit_code_2_and_its_name(tmp_path: Path, kind: str) -> None:
    (tmp_path / "one.py").write_text("")
    family = socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, family) as taken:
        taken.bind(("127.0.0.1", 0))
        if family == socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        option = ["--http", f"127.0.0.1:{port}"]
        if kind != "http":
            option = ["--sip", f"{kind}://127.0.0.1:{port}"]
        assert str(port) in usage("one.py", *option, folder=tmp_path)
