"""Outgoing calls: what the called side does is told to the script with its code and reason."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.e2e.phone import Dialog, Phone
from tests.e2e.runtime_process import RuntimeProcess
from tests.e2e.sounds import check_tone
from tests.e2e.wire import Header
from tests.interop.sipp import Sipp

pytestmark = pytest.mark.loopback

SIPP_SCENARIOS = Path(__file__).parents[1] / "interop" / "scenarios"


async def dials(phone: Phone, caller: str, target: str, *more: Header) -> Dialog:
    """A caller whose call makes the script dial `target`; `caller` marks its log lines."""
    call = await phone.call("dial", caller=caller, headers=[("X-Target", target), *more])
    await call.connected()
    return call


async def test_the_callee_sees_who_calls_and_the_scripts_headers(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    call = await dials(phone, "simple", phone.uri, ("X-Play", "1"))
    other = await phone.incoming()
    assert "sip:4711@" in other.invite.get("From")
    assert other.invite.get("X-Question") == "why"
    await other.reply(180, "Ringing")
    await runtime.logged("simple ringing")
    await other.answer()
    await runtime.logged("simple connected")
    await other.ended()
    [heard] = other.audio.heard()
    check_tone(heard, 440, 1.0)
    other.audio.check_unbroken()
    await runtime.logged("simple gone")
    await call.bye()


@pytest.mark.parametrize(
    ("status", "reason"), [(486, "Busy Here"), (603, "Decline"), (404, "Nobody"), (480, "Away")]
)
async def test_a_refusal_is_failed_with_its_code(
    runtime: RuntimeProcess, phone: Phone, status: int, reason: str
) -> None:
    call = await dials(phone, f"refused{status}", phone.uri)
    other = await phone.incoming()
    await other.reply(status, reason, headers=[("X-Why", "lunch"), ("X-Other", "1")])
    line = await runtime.logged(f"refused{status} failed {status} {reason}")
    assert "lunch" in line
    await other.requested("ACK")
    await call.bye()


async def test_early_media_is_audio_started_once(runtime: RuntimeProcess, phone: Phone) -> None:
    call = await dials(phone, "early", phone.uri)
    other = await phone.incoming()
    other.audio.remote = (other.answers[-1].host, other.answers[-1].port)
    await other.reply(183, "Session Progress", sdp=True)
    await runtime.logged("early audio started")
    await other.until(lambda: other.audio.packets, "audio of ours before the answer")
    await other.answer()
    await runtime.logged("early connected")
    assert len(runtime.log_lines("early audio started")) == 1
    await call.bye()
    await other.ended()


async def test_nobody_answers_in_time(runtime: RuntimeProcess, phone: Phone) -> None:
    call = await dials(phone, "patient", phone.uri, ("X-Timeout", "10"))
    other = await phone.incoming()
    await other.reply(180, "Ringing")
    await runtime.logged("patient failed 408")
    await other.requested("CANCEL")
    await call.bye()


async def test_a_hang_up_before_the_answer_cancels_and_is_failed_487(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    call = await dials(phone, "hasty", phone.uri, ("X-Give-Up", "1"))
    other = await phone.incoming()
    await other.reply(180, "Ringing")
    await other.requested("CANCEL")
    await runtime.logged("hasty failed 487")
    await call.bye()


async def test_a_redirect_is_followed_or_told(runtime: RuntimeProcess, phone: Phone) -> None:
    call = await dials(phone, "moved", phone.uri)
    other = await phone.incoming()
    contact = phone.contact.replace("sip:wire", "sip:elsewhere")
    await other.reply(302, "Moved", headers=[("X-To", contact)])
    await runtime.logged("moved failed 302")
    await call.bye()


async def test_a_port_where_nobody_listens_fails_soon(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    call = await dials(phone, "deserted", f"sip:a@127.0.0.1:{port}")
    await runtime.logged("deserted failed 503")
    await call.bye()


async def test_what_is_not_on_loopback_needs_a_trunk(runtime: RuntimeProcess, phone: Phone) -> None:
    call = await dials(phone, "far", "sip:a@203.0.113.7")
    assert "trunk" in await runtime.logged("far failed 403")
    other = await dials(phone, "number", "+442079460123", ("X-Kind", "pstn"))
    assert "trunk" in await runtime.logged("number failed")
    await call.bye()
    await other.bye()


@pytest.mark.interop
@pytest.mark.parametrize(
    ("password", "outcome"), [("s3cret", "connected"), ("guess", "failed 403")]
)
async def test_a_challenge_is_answered_once_with_the_password(
    runtime: RuntimeProcess, phone: Phone, tmp_path: Path, password: str, outcome: str
) -> None:
    uas = Sipp(folder=tmp_path, scenario=SIPP_SCENARIOS / "uas_challenge.xml")
    async with uas.answering(calls=1) as there:
        login = [("X-User", "acme"), ("X-Password", password)]
        name = f"login-{password}"
        call = await dials(phone, name, f"sip:bob@127.0.0.1:{there.port}", *login)
        await runtime.logged(f"{name} {outcome}")
        await call.bye()


@pytest.mark.interop
async def test_a_callee_over_tcp(runtime: RuntimeProcess, phone: Phone, tmp_path: Path) -> None:
    async with Sipp(folder=tmp_path, scenario="uas", transport="tcp").answering(calls=1) as there:
        target = f"sip:bob@127.0.0.1:{there.port};transport=tcp"
        call = await dials(phone, "stream", target, ("X-Play", "1"))
        await runtime.logged("stream connected")
        await runtime.logged("stream gone")
        await call.bye()
