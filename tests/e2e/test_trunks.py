"""Trunks of a running runtime: calls from them, calls over them, and what happens on failure."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
from rich.console import Console

from runtime.config import load_config
from runtime.config.http import HttpSettings
from runtime.verbs.trunks import running_trunks, show_trunks
from tests.e2e.phone import telephone
from tests.e2e.runtime_process import RuntimeProcess, callstage
from tests.interop.sipp import Sipp
from tests.ports import free_port

pytestmark = pytest.mark.loopback

SIPP_SCENARIOS = Path(__file__).parents[1] / "interop" / "scenarios"

CARRIER = r"""
[[trunk]]
name = "carrier"
uri = "sip:127.0.0.1:9"
trusted = true
numbers_in = [{ strip = "00", add = "+" }, { strip = "0", add = "+44" }]
[[rule]]
name = "all"
to = '\+44.*'
scenario = "who.py"
"""


async def test_a_call_from_a_trunk_has_our_numbers_and_the_asserted_caller(
    scripts: Path, tmp_path: Path
) -> None:
    config = scripts / "trunks-in.toml"
    config.write_text(CARRIER)
    with callstage(folder=tmp_path, options=["--config", str(config)]) as runtime:
        async with telephone(runtime.port()) as phone:
            headers = [
                ("P-Asserted-Identity", '"Ann" <sip:0033123456789@carrier.example>'),
                ("Diversion", "<sip:02079460002@carrier.example>;reason=no-answer"),
            ]
            call = await phone.call("02079460000", caller="anonymous", headers=headers)
            assert (await call.final()).status == 603
            assert "from <+33123456789>" in await runtime.logged("destination <+442079460000>")
            assert "'Diversion': '+442079460002'" in await runtime.logged("headers {")
            withheld = await phone.call("02079460000", headers=[*headers, ("Privacy", "id")])
            assert (await withheld.final()).status == 603
            await runtime.logged("from <anonymous>")
            session = await runtime.session_of(call.call_id)
        assert any(
            "comes from trunk carrier, known by its address 127.0.0.1" in entry["what"]
            for entry in runtime.timeline(session)
        )


def two_trunks(first: int, second: int, more: str = "") -> str:
    return f"""
[[trunk]]
name = "one"
uri = "sip:127.0.0.1:{first}"
identity = "p-asserted-identity"
callerids = ['4711']
{more}
[[trunk]]
name = "two"
uri = "sip:127.0.0.1:{second}"
numbers_out = [{{ strip = "+", add = "00" }}]
[[route]]
name = "all"
to = '.*'
trunks = ["one", "two"]
[[rule]]
name = "all"
to = '.*'
scenario = "dial.py"
"""


def dialling(number: str, *headers: tuple[str, str]) -> list[tuple[str, str]]:
    return [("X-Target", number), ("X-Kind", "pstn"), *headers]


@pytest.mark.interop
async def test_sipp_that_is_unavailable_is_passed_over_for_the_next_trunk(
    scripts: Path, tmp_path: Path
) -> None:
    down = Sipp(folder=folder(tmp_path / "down"), scenario=SIPP_SCENARIOS / "uas_unavailable.xml")
    up = Sipp(folder=folder(tmp_path / "up"), scenario="uas")
    async with down.answering() as first, up.answering() as second:
        config = scripts / "failover.toml"
        config.write_text(two_trunks(first.port, second.port))
        with callstage(folder=tmp_path / "run", options=["--config", str(config)]) as runtime:
            async with telephone(runtime.port()) as phone:
                headers = dialling("+15551234", ("X-Play", "1"))
                call = await phone.call("dial", caller="over-two", headers=headers)
                await call.connected()
                await runtime.logged("over-two connected")
                await runtime.logged("over-two gone")
                assert not runtime.log_lines("over-two failed")
                session = await runtime.session_of(call.call_id)
                await call.bye()
            what = [entry["what"] for entry in await runtime.over(session)]
            assert "trunk one failed: 503 Service Unavailable" in what
            assert "trying trunk two" in what
            assert any("INVITE sip:0015551234@" in line for line in what)
    assert "P-Asserted-Identity: <sip:4711@" in messages(tmp_path / "down")
    assert "P-Asserted-Identity" not in messages(tmp_path / "up")


@pytest.mark.interop
async def test_sipp_that_is_busy_is_the_answer_and_no_other_trunk_is_asked(
    scripts: Path, tmp_path: Path
) -> None:
    busy = Sipp(folder=folder(tmp_path / "busy"), scenario=SIPP_SCENARIOS / "uas_busy.xml")
    up = Sipp(folder=folder(tmp_path / "up"), scenario="uas")
    async with busy.answering() as first, up.answering() as second:
        config = scripts / "busy.toml"
        config.write_text(two_trunks(first.port, second.port))
        with callstage(folder=tmp_path / "run", options=["--config", str(config)]) as runtime:
            async with telephone(runtime.port()) as phone:
                call = await phone.call("dial", caller="busy", headers=dialling("112"))
                await call.connected()
                await runtime.logged("busy failed 486")
                await call.bye()
    assert "INVITE" not in messages(tmp_path / "up")


def folder(path: Path) -> Path:
    path.mkdir()
    return path


def messages(sipp: Path) -> str:
    """Everything that a SIPp sent and received."""
    file = sipp / "sipp-messages.log"
    return file.read_text(errors="replace") if file.exists() else ""


def registered_trunk(port: int, password: str = "s3cret") -> str:
    return f"""
[[trunk]]
name = "other"
uri = "sip:127.0.0.1"
[[trunk]]
name = "provider"
uri = "sip:127.0.0.1:{port}"
user = "acme"
password = "{password}"
number_from = "to"
[trunk.register]
expires_s = 60
[[rule]]
name = "all"
to = '.*'
scenario = "who.py"
"""


def health(runtime: RuntimeProcess) -> list[dict[str, Any]]:
    answer = httpx.get(f"{runtime.http}/healthz", trust_env=False)
    found: list[dict[str, Any]] = answer.json()["trunks"]
    return found


@pytest.mark.interop
async def test_a_registration_at_sipp_is_made_shown_used_and_removed(
    scripts: Path, tmp_path: Path
) -> None:
    sipp = Sipp(folder=folder(tmp_path / "sipp"), scenario=SIPP_SCENARIOS / "registrar.xml")
    async with sipp.answering(calls=1) as registrar:
        config = scripts / "registered.toml"
        config.write_text(registered_trunk(registrar.port))
        with callstage(folder=tmp_path / "run", options=["--config", str(config)]) as runtime:
            line = await runtime.logged("trunk provider: registered at")
            assert "for 1800 s" in line or "for 1799 s" in line
            shown = health(runtime)[1]["registration"]
            assert (shown["state"], shown["reason"]) == ("registered", "")
            metrics = runtime.metrics()
            assert metrics["callstage_trunk_registered provider"] == 1
            assert "callstage_trunk_up provider" not in metrics  # nobody pings it
            sent = messages(tmp_path / "sipp")
            contact = re.search(r"Contact: <sip:(acme@127.0.0.1:\d+;line=[0-9a-f]+)>", sent)
            assert contact is not None
            async with telephone(runtime.port()) as phone:
                call = await phone.call("+442079460000", uri=f"sip:{contact[1]}")
                assert (await call.final()).status == 603
                await runtime.logged("destination <+442079460000>")
                session = await runtime.session_of(call.call_id)
            what = [entry["what"] for entry in runtime.timeline(session)]
            assert "comes from trunk provider, known by our registration with it" in what
        done = await registrar.finished()
    assert done.exit_code == 0, messages(tmp_path / "sipp")
    assert "Expires: 0" in messages(tmp_path / "sipp")
    assert "s3cret" not in runtime.log()


@pytest.mark.interop
async def test_a_wrong_password_at_sipp_is_told_once_and_not_tried_again_soon(
    scripts: Path, tmp_path: Path
) -> None:
    sipp = Sipp(folder=folder(tmp_path / "sipp"), scenario=SIPP_SCENARIOS / "registrar.xml")
    async with sipp.answering(calls=1) as registrar:
        config = scripts / "wrong.toml"
        config.write_text(registered_trunk(registrar.port, "wr0ng"))
        with callstage(folder=tmp_path / "run", options=["--config", str(config)]) as runtime:
            line = await runtime.logged("trunk provider: not registered: 403 Forbidden")
            assert "next try in" in line
            shown = health(runtime)[1]["registration"]
            assert shown["state"] == "refused"
            assert shown["next_in_s"] > 20
        done = await registrar.finished()
    assert done.exit_code == 0, messages(tmp_path / "sipp")
    assert "wr0ng" not in runtime.log()


@pytest.mark.interop
async def test_a_trunk_that_does_not_answer_pings_is_skipped_and_sipp_that_does_is_up(
    scripts: Path, tmp_path: Path
) -> None:
    sipp = Sipp(folder=folder(tmp_path / "sipp"), scenario=SIPP_SCENARIOS / "uas_options.xml")
    async with sipp.answering() as there, telephone(1) as carrier:
        config = scripts / "pinged.toml"
        pinged = f'[[trunk]]\nname = "three"\nuri = "sip:127.0.0.1:{there.port}"\nping_s = 5\n'
        config.write_text(two_trunks(free_port(), carrier.port, "ping_s = 5") + pinged)
        with callstage(folder=tmp_path / "run", options=["--config", str(config)]) as runtime:
            await runtime.logged("trunk three is up: answers in")
            await runtime.logged("trunk one is down")
            one, two, three = health(runtime)
            assert (one["state"], two["state"], three["state"]) == ("down", "unknown", "up")
            assert three["latency_ms"] > 0
            _the_doctor_shows_the_same(runtime, config)
            async with telephone(runtime.port()) as phone:
                call = await phone.call("dial", caller="skips", headers=dialling("112"))
                await call.connected()
                carried = await carrier.incoming()
                await carried.answer()
                await runtime.logged("skips connected")
                assert health(runtime)[1]["calls_out"] == 1
                session = await runtime.session_of(call.call_id)
                await call.bye()
            what = "\n".join(entry["what"] for entry in await runtime.over(session))
            assert "trunk one failed: trunk one has been down for" in what
            assert f"INVITE sip:112@127.0.0.1:{carrier.port}" in what
            assert health(runtime)[1]["calls_out"] == 0


def _the_doctor_shows_the_same(runtime: RuntimeProcess, file: Path) -> None:
    listen = runtime.http.removeprefix("http://")
    config = attrs.evolve(load_config(file), http=HttpSettings(listen=listen))
    written = io.StringIO()
    show_trunks(Console(file=written, width=200), config, running_trunks(config))
    rows = [line.split() for line in written.getvalue().splitlines()]
    states = {row[1]: row[7] for row in rows if len(row) > 7 and row[0] == "│"}
    assert (states["one"], states["two"], states["three"]) == ("down", "unknown", "up,")


async def test_calls_above_a_trunks_limits_are_refused_both_ways_with_the_reason(
    scripts: Path, tmp_path: Path
) -> None:
    async with telephone(1) as carrier:
        config = scripts / "limited.toml"
        config.write_text(
            f"""
[[trunk]]
name = "carrier"
uri = "sip:127.0.0.1:{carrier.port}"
[trunk.limits]
calls_in = 1
calls_out = 1
[[rule]]
name = "all"
to = '.*'
scenario = "dial.py"
"""
        )
        with callstage(folder=tmp_path, options=["--config", str(config)]) as runtime:
            async with telephone(runtime.port()) as phone:
                call = await phone.call("dial", caller="first", headers=dialling("112"))
                await call.connected()
                carried = await carrier.incoming()
                await carried.answer()
                await runtime.logged("first connected")
                second = await (await phone.call("dial", headers=dialling("112"))).final()
                assert (second.status, second.get("Retry-After")) == (503, "5")
                assert "trunk carrier has 1 incoming calls, its limit" in second.get("Warning")
                await runtime.logged("refused (503): trunk carrier has 1 incoming calls")
                await call.bye()
                await carried.ended()
                again = await phone.call("dial", caller="again", headers=dialling("112"))
                await again.connected()
                await again.bye()


LOGIN = r"""
[[trunk]]
name = "carrier"
uri = "sip:127.0.0.1:9"
numbers_in = [{ strip = "0", add = "+44" }]
[trunk.login]
user = "pbx"
password = "correct-horse"
[[rule]]
name = "all"
to = '\+44.*'
scenario = "who.py"
"""


@pytest.mark.interop
async def test_sipp_proves_to_be_a_trunk_and_only_then_its_rules_run(
    scripts: Path, tmp_path: Path
) -> None:
    config = scripts / "login.toml"
    config.write_text(LOGIN)
    sipp = Sipp(folder=folder(tmp_path / "sipp"), scenario=SIPP_SCENARIOS / "uac_digest.xml")
    with callstage(folder=tmp_path / "run", options=["--config", str(config)]) as runtime:
        target, number = f"127.0.0.1:{runtime.port()}", "02079460000"
        proof = ("-au", "pbx", "-ap", "correct-horse")
        done = await sipp.call(target, service=number, extra=proof)
        assert done.exit_code == 0, messages(tmp_path / "sipp")
        await runtime.logged("destination <+442079460000>")
        await runtime.logged("from <+442079460001>")
        await runtime.until(runtime.sessions, "a timeline")
        [session] = runtime.sessions()
        what = [entry["what"] for entry in runtime.timeline(session)]
        assert "comes from trunk carrier, known by its login pbx" in what
        guess = ("-au", "pbx", "-ap", "guess")
        wrong = await sipp.call(target, service=number, extra=guess, timeout_s=3)
        assert wrong.exit_code != 0
        await runtime.logged("wrong password of user 'pbx'")
        async with telephone(runtime.port()) as phone:
            plain = await (await phone.call(number)).final()
            assert (plain.status, "Digest" in plain.get("WWW-Authenticate")) == (401, True)
        assert len(runtime.log_lines("destination <")) == 1
    assert "correct-horse" not in runtime.log()


@pytest.mark.interop
@pytest.mark.parametrize(("password", "is_up"), [("s3cret", True), ("wr0ng", False)])
async def test_a_ping_answers_the_challenge_of_sipp(
    scripts: Path, tmp_path: Path, password: str, is_up: bool
) -> None:
    """SIPp answers 503, which is no sign of life, to a wrong password."""
    file = SIPP_SCENARIOS / "uas_options_digest.xml"
    sipp = Sipp(folder=folder(tmp_path / "sipp"), scenario=file)
    async with sipp.answering(calls=1) as there:
        config = scripts / f"ping-{password}.toml"
        config.write_text(
            f'[[trunk]]\nname = "acme"\nuri = "sip:127.0.0.1:{there.port}"\n'
            f'user = "acme"\npassword = "{password}"\nping_s = 3600\n'
            '[[rule]]\nname = "all"\nto = ".*"\nscenario = "who.py"\n'
        )
        with callstage(folder=tmp_path / "run", options=["--config", str(config)]) as runtime:
            done = await there.finished()
            assert done.exit_code == 0, messages(tmp_path / "sipp")
            if is_up:
                await runtime.logged("trunk acme is up: answers in")
            assert (health(runtime)[0]["state"] == "up") == is_up
    assert password not in runtime.log()
