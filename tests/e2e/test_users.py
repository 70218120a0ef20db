"""Users of a running runtime: real phones register, are refused, are seen, and leave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from runtime.media.listening import listen
from tests.e2e.audio import tone
from tests.e2e.home import Home, hosts
from tests.e2e.phone import telephone
from tests.e2e.runtime_process import RuntimeProcess, callstage
from tests.interop.baresip import baresip
from tests.interop.programs import Finished, require_program, run_program

pytestmark = [pytest.mark.interop, pytest.mark.loopback]

PASSWORD = "correct-horse"
MICROPHONE_S = 40
CONFIG = f"""
[registrar]
min_expires_s = 10
[users.bob]
password = "{PASSWORD}"
display_name = "Bob Builder"
[users.ann]
password_file = "ann.txt"
[[rule]]
name = "all"
to = ".*"
scenario = "user.py"
"""


@pytest.fixture(scope="module")
def members(scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    folder = tmp_path_factory.mktemp("members")
    (scripts / "ann.txt").write_text(f"{PASSWORD}\n")
    config = scripts / "members.toml"
    config.write_text(CONFIG)
    options = ["--config", str(config)]
    with callstage(folder=folder, options=options) as started:
        yield started


def registrations(runtime: RuntimeProcess, user: str) -> list[dict[str, Any]]:
    return [one for one in runtime.api("registrations")["registrations"] if one["user"] == user]


async def registered(runtime: RuntimeProcess, user: str, phones: int = 1) -> list[dict[str, Any]]:
    """Wait until so many phones of the user are registered: baresip may be before its events."""
    await runtime.until(lambda: len(registrations(runtime, user)) == phones, f"{phones} of {user}")
    return registrations(runtime, user)


async def sipsak(runtime: RuntimeProcess, folder: Path, *words: str) -> Finished:
    target = f"sip:bob@127.0.0.1:{runtime.port()}"
    command = [require_program("sipsak"), "-U", "-s", target, "-u", "bob", *words]
    return await run_program(command, folder, timeout_s=20)


def account(user: str = "bob", password: str = PASSWORD, every_s: int = 30) -> str:
    codecs = "audio_codecs=PCMU"
    return f"answermode=auto;{codecs};regint={every_s};auth_user={user};auth_pass={password}"


async def test_sipsak_asks_what_we_can_do(members: RuntimeProcess, tmp_path: Path) -> None:
    target = f"sip:anyone@127.0.0.1:{members.port()}"
    command = [require_program("sipsak"), "-vv", "-s", target]
    run = await run_program(command, tmp_path, timeout_s=20)
    assert run.exit_code == 0, run.trace()
    assert "SIP/2.0 200 OK" in run.output
    assert "SUBSCRIBE, NOTIFY" in run.output


async def test_sipsak_registers_with_digest_and_unregisters(
    members: RuntimeProcess, tmp_path: Path
) -> None:
    contact = ["-C", "sip:bob@127.0.0.1:5999"]
    run = await sipsak(members, tmp_path, "-a", PASSWORD, "-x", "600", *contact)
    assert run.exit_code == 0, run.trace()
    [found] = registrations(members, "bob")
    assert found["contact"] == "sip:bob@127.0.0.1:5999"
    assert 590 <= found["expires_in_s"] <= 600
    await members.logged("user bob registered")
    run = await sipsak(members, tmp_path, "-a", PASSWORD, "-x", "0", *contact)
    assert run.exit_code == 0, run.trace()
    assert registrations(members, "bob") == []
    await members.logged("user bob unregistered")


async def test_sipsak_with_a_wrong_password_is_refused_and_told_of_in_the_log(
    members: RuntimeProcess, tmp_path: Path
) -> None:
    contact = ["-C", "sip:bob@127.0.0.1:5999"]
    run = await sipsak(members, tmp_path, "-a", "guess", "-x", "600", *contact)
    assert run.exit_code != 0
    assert registrations(members, "bob") == []
    await members.logged("wrong password of user 'bob'")
    assert PASSWORD not in members.log()


async def test_a_short_interval_is_too_brief(members: RuntimeProcess, tmp_path: Path) -> None:
    contact = ["-C", "sip:bob@127.0.0.1:5999"]
    run = await sipsak(members, tmp_path, "-vvv", "-a", PASSWORD, "-x", "5", *contact)
    assert "423" in run.output
    assert registrations(members, "bob") == []


async def test_baresip_registers_refreshes_and_leaves(
    members: RuntimeProcess, tmp_path: Path
) -> None:
    address = f"sip:ann@127.0.0.1:{members.port()}"
    refreshing = account("ann", every_s=10)
    async with baresip(tmp_path, tone(880, 1), account=refreshing, registers=address) as there:
        [found] = await registered(members, "ann")
        assert found["source"] == f"udp:127.0.0.1:{there.port}"
        assert "baresip" in found["user_agent"]
        await there.wait_for("REGISTER_OK")
        assert len(registrations(members, "ann")) == 1
        await there.command("quit")
        await registered(members, "ann", 0)
    await members.logged("user ann unregistered")


def test_health_counts_the_registrations(members: RuntimeProcess) -> None:
    state = httpx.get(f"{members.http}/healthz", trust_env=False).json()
    assert state["signalling"]["registrations"] == len(
        members.api("registrations")["registrations"]
    )


# --- calls --------------------------------------------------------------------------------------


async def test_a_user_that_calls_is_challenged_and_known_by_its_own_name(
    members: RuntimeProcess, tmp_path: Path
) -> None:
    address = f"sip:bob@127.0.0.1:{members.port()}"
    async with baresip(tmp_path, tone(880, 1), account=account(), registers=address) as there:
        await registered(members, "bob")
        await there.dial(members.uri("whoami"))
        await there.wait_for("CALL_ESTABLISHED")
        await members.logged("from user bob (Bob Builder) sip:bob@callstage")
        await there.wait_for("CALL_CLOSED")
        samples, rate = there.heard()
    [heard] = [part for part in listen(samples, rate) if part.kind == "tone"]
    assert round(heard.frequencies_hz[0], -1) == 440


async def test_a_script_calls_a_user_on_all_phones_and_the_first_answer_wins(
    members: RuntimeProcess, tmp_path: Path
) -> None:
    address = f"sip:ann@127.0.0.1:{members.port()}"
    slow, fast = tmp_path / "slow", tmp_path / "fast"
    for folder in (slow, fast):
        folder.mkdir()
    rings = account("ann").replace("answermode=auto", "answermode=manual")
    microphone = tone(880, MICROPHONE_S)
    async with (
        baresip(slow, microphone, account=rings, registers=address) as waiting,
        baresip(fast, microphone, account=account("ann"), registers=address) as answering,
        telephone(members.port()) as phone,
    ):
        await registered(members, "ann", 2)
        call = await phone.call("ann", caller="4711")
        await call.connected()
        await answering.wait_for("CALL_ESTABLISHED")
        await waiting.wait_for("CALL_CLOSED")
        await members.logged("ann connected")
        await call.until(lambda: call.audio.heard(), "the microphone of the phone")
        assert call.audio.heard()[0].kind == "tone"
        await call.bye()
        await answering.wait_for("CALL_CLOSED")


async def test_a_user_without_a_phone_is_unreachable_at_once(members: RuntimeProcess) -> None:
    async with telephone(members.port()) as phone:
        await (await phone.call("cy", headers=[("X-User", "bob")])).final()
        await members.logged("bob failed 480 user 'bob' is not registered")
        await (await phone.call("nobody")).final()
        await members.logged("nobody failed 404 no user 'nobody' is configured")


# --- a public address ---------------------------------------------------------------------------


async def test_a_phone_elsewhere_registers_while_scanners_get_nothing(
    scripts: Path, tmp_path: Path
) -> None:
    with hosts() as (ours, phone_home, scanner_home):
        text = (
            f'[sip]\nlisten = ["udp://{ours.address}:0"]\nallow = []\n'
            f'[rtp]\nhost = "{ours.address}"\n{CONFIG}'
        )
        (scripts / "ann.txt").write_text(f"{PASSWORD}\n")
        config = scripts / "public-users.toml"
        config.write_text(text)
        options = ["--config", str(config), "--sip", f"udp://{ours.address}:0"]
        with callstage(folder=tmp_path, options=options, prefix=ours.prefix) as runtime:
            await _the_phone_is_served(runtime, ours, phone_home, tmp_path)
            await _the_scanner_is_banned(runtime, ours, scanner_home)


async def _the_phone_is_served(
    runtime: RuntimeProcess, ours: Home, home: Home, folder: Path
) -> None:
    there = folder / "phone"
    there.mkdir()
    target = f"sip:bob@{ours.address}:{runtime.port()}"
    command = [*home.prefix, require_program("sipsak"), "-U", "-s", target, "-u", "bob"]
    contact = ["-a", PASSWORD, "-x", "600", "-C", "sip:bob@10.9.9.9:5999", "-l", "5999"]
    run = await run_program([*command, *contact], there, timeout_s=20)
    assert run.exit_code == 0, run.trace()
    await runtime.logged("user bob registered")


async def _the_scanner_is_banned(runtime: RuntimeProcess, ours: Home, home: Home) -> None:
    async with telephone(runtime.port(), server=ours.address, home=home) as phone:
        answer = await phone.ask(phone.request("REGISTER"))
        assert answer.status == 401
        await phone.send(phone.request("OPTIONS", "100", ("User-Agent", "friendly-scanner")))
        assert "names itself friendly-scanner" in await runtime.logged("is ignored for 600 s")
        await phone.send(phone.request("REGISTER"))
        silent = await phone.call("anyone")
        with pytest.raises(AssertionError):
            await silent.until(lambda: silent.responses, "an answer", within_s=1.0)
