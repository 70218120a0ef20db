"""REFER, Replaces and MESSAGE over real SIP: what telephones see, and what scripts hear."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.e2e import wire
from tests.e2e.audio import tone
from tests.e2e.phone import Dialog, Phone, telephone
from tests.e2e.runtime_process import RuntimeProcess, callstage
from tests.e2e.wire import Header, Message
from tests.interop.baresip import baresip

pytestmark = pytest.mark.loopback

TARGET = "sip:bob@127.0.0.1:5999"
MICROPHONE_S = 20


async def talks(phone: Phone, caller: str, *headers: Header) -> Dialog:
    call = await phone.call("transfer", caller=caller, headers=headers)
    await call.connected()
    return call


async def notify(call: Dialog, line: str, state: str = "active;expires=60") -> None:
    headers = [("Event", "refer"), ("Subscription-State", state)]
    request = await call.ask(
        "NOTIFY", headers=headers, body=f"SIP/2.0 {line}\r\n".encode(), kind="message/sipfrag"
    )
    assert (await call.answered(request)).status == 200


async def refer(call: Dialog, target: str, *headers: Header) -> Message:
    request = await call.ask("REFER", headers=[("Refer-To", f"<{target}>"), *headers])
    return await call.answered(request)


async def test_a_caller_is_sent_away_and_left(runtime: RuntimeProcess, phone: Phone) -> None:
    call = await talks(phone, "away", ("X-Transfer-To", TARGET))
    asked = await call.requested("REFER")
    assert asked.get("Refer-To") == f"<{TARGET}?X-Ticket=7>"
    assert "sip:transfer@" in asked.get("Referred-By")
    await notify(call, "100 Trying")
    await notify(call, "200 OK", "terminated;reason=noresource")
    await call.ended()
    await runtime.logged("away complete transferor")
    await runtime.logged("away gone 200 transferred")


async def test_a_caller_whose_target_is_busy_stays(runtime: RuntimeProcess, phone: Phone) -> None:
    call = await talks(phone, "stays", ("X-Transfer-To", TARGET))
    await call.requested("REFER")
    await notify(call, "486 Busy Here", "terminated;reason=noresource")
    await runtime.logged("stays failed 486 Busy Here")
    await call.bye()
    await runtime.logged("stays gone 200")


async def test_a_refer_that_no_script_handles_is_declined_and_stands_in_the_timeline(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    call = await talks(phone, "unhandled")
    answer = await refer(call, TARGET)
    assert answer.status == 603
    assert "handleBlindTransfer" in answer.get("Warning")
    await call.bye()
    entries = await runtime.over(await runtime.session_of(call.call_id))
    assert any(f"transfer to {TARGET} is refused" in entry["what"] for entry in entries)


@pytest.mark.parametrize(
    ("target", "outcome"),
    [("sip:bob@h", "SIP/2.0 200 OK"), ("sip:busy@h", "SIP/2.0 486 Busy Here")],
)
async def test_a_refer_that_is_handled_hears_its_outcome(
    runtime: RuntimeProcess, phone: Phone, target: str, outcome: str
) -> None:
    name = target[4:].partition("@")[0]
    call = await talks(phone, f"handled-{name}", ("X-Handle", "1"))
    await runtime.logged(f"handled-{name} handles")
    assert (await refer(call, target, ("X-Ticket", "7"))).status == 202
    first, last = await call.requested("NOTIFY"), await call.requested("NOTIFY", 2)
    assert first.body == b"SIP/2.0 100 Trying\r\n"
    assert last.body == f"{outcome}\r\n".encode()
    assert last.get("Subscription-State").startswith("terminated")
    await runtime.logged(f"handled-{name} asked for {name} {{'X-Ticket': '7'}}")
    await call.bye()


async def test_two_callers_are_to_talk_without_the_script(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    async with telephone(runtime.port()) as other:
        call = await talks(phone, "joins", ("X-Target", other.uri), ("X-Join", "1"))
        there = await other.incoming()
        await there.answer()
        uri = wire.uri_of((await there.requested("REFER")).get("Refer-To"))
        address, _, replaces = uri.partition("?Replaces=")
        assert address == phone.uri
        ours, theirs = wire.tag_of(call.local), wire.tag_of(call.remote)
        assert unquote(replaces) == f"{call.call_id};to-tag={ours};from-tag={theirs}"
        await notify(there, "200 OK", "terminated;reason=noresource")
        await there.ended()
        await runtime.logged("joins complete transferor")
        await call.bye()


async def test_texts_pass_between_a_telephone_and_a_script(phone: Phone) -> None:
    call = await talks(phone, "texts")
    request = await call.ask("MESSAGE", body=b"hello", kind="text/plain")
    assert (await call.answered(request)).status == 200
    echo = await call.requested("MESSAGE")
    assert (echo.body, echo.get("Content-Type")) == (b"HELLO", "text/plain;charset=UTF-8")
    await call.bye()


def replaces(call: Dialog) -> Header:
    """The far side's view of `call`."""
    ours, theirs = wire.tag_of(call.local), wire.tag_of(call.remote)
    return "Replaces", f"{call.call_id};to-tag={theirs};from-tag={ours}"


async def test_another_telephone_takes_the_place_of_a_caller(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    async with telephone(runtime.port()) as other:
        call = await talks(phone, "former", ("X-Handle", "1"), ("X-Play", "1"))
        await runtime.logged("former handles")
        await call.hear(0.3)
        heir = await other.call("transfer", headers=[replaces(call), ("X-Ticket", "7")])
        await heir.connected()
        await call.ended()
        await runtime.logged("former complete target")
        await heir.until(heir.audio.sounds, "the tone")
        await call.hear_nothing(0.3)
        await heir.bye()
        await runtime.logged("former gone 200")
        assert heir.audio.heard()[0].kind == "tone"


async def test_nobody_takes_the_place_of_a_caller_unless_the_script_allows_it(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    async with telephone(runtime.port()) as other:
        call = await talks(phone, "keeps", ("X-Play", "1"))
        heir = await other.call("transfer", headers=[replaces(call)])
        refused = await heir.final()
        assert refused.status == 603
        assert "handleBlindTransfer" in refused.get("Warning")
        ended = await other.call("transfer", headers=[("Replaces", "no;to-tag=1;from-tag=2")])
        assert (await ended.final()).status == 481
        await call.hear(0.3)
        await call.bye()
        call.audio.check_unbroken()


def taken_over(phone: Phone) -> str:
    """A Refer-To that names a call of `phone`."""
    return f"{phone.uri}?Replaces=77%40there%3Bto-tag%3Dtheirs%3Bfrom-tag%3Dours"


async def test_a_caller_hands_its_own_place_to_a_third_telephone(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    async with telephone(runtime.port()) as other:
        call = await talks(phone, "attended", ("X-Handle", "1"))
        await runtime.logged("attended handles")
        assert (await refer(call, taken_over(other))).status == 202
        there = await other.incoming()
        assert there.invite.get("Replaces") == "77@there;to-tag=theirs;from-tag=ours"
        await there.answer()
        await call.requested("NOTIFY", 2)
        assert (await call.requested("NOTIFY", 2)).body == b"SIP/2.0 200 OK\r\n"
        await call.bye()


async def test_a_script_makes_up_no_call_to_enter(runtime: RuntimeProcess, phone: Phone) -> None:
    async with telephone(runtime.port()) as other:
        made_up = ("X-Made-Up", "1@there;to-tag=1;from-tag=2")
        call = await talks(phone, "makes-up", ("X-Handle", "1"), made_up)
        await runtime.logged("makes-up handles")
        assert (await refer(call, taken_over(other))).status == 202
        last = await call.requested("NOTIFY", 2)
        assert last.body.startswith(b"SIP/2.0 403 ")
        await call.bye()
        entries = await runtime.over(await runtime.session_of(call.call_id))
        assert any("Replaces names no call" in entry["what"] for entry in entries)


async def test_a_replaces_that_hides_line_breaks_is_declined(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    call = await talks(phone, "breaks", ("X-Handle", "1"))
    await runtime.logged("breaks handles")
    hidden = "sip:bob@h?Replaces=7%0D%0AX-Evil:%201%3Bto-tag%3Da%3Bfrom-tag%3Db"
    answer = await refer(call, hidden)
    assert answer.status == 603
    assert "Replaces" in answer.get("Warning")
    await call.bye()


async def test_a_refer_outside_a_call_is_refused(phone: Phone) -> None:
    answer = await phone.ask(phone.request("REFER", "transfer", ("Refer-To", f"<{TARGET}>")))
    assert answer.status == 403


async def test_a_trunk_that_challenges_our_requests_in_its_call_is_answered(
    scripts: Path, tmp_path: Path
) -> None:
    config = tmp_path / "callstage.toml"
    config.write_text(
        '[[trunk]]\nname = "carrier"\nuri = "sip:127.0.0.1"\nuser = "acme"\npassword = "s3cret"\n'
    )
    options = ["--config", str(config)]
    with callstage(scripts / "transfer.py", folder=tmp_path, options=options) as started:
        async with telephone(started.port()) as carrier:
            call = await carrier.call("transfer", headers=[("X-Handle", "1")])
            call.challenge = 'Digest realm="carrier", nonce="n1", qop="auth", algorithm=SHA-256'
            await call.connected()
            request = await call.ask("MESSAGE", body=b"hello", kind="text/plain")
            await call.answered(request)
            assert (await call.requested("MESSAGE")).get("Authorization") == ""
            again = await call.requested("MESSAGE", 2)
            assert 'username="acme"' in again.get("Authorization")
            assert 'nonce="n1"' in again.get("Authorization")
            assert "nc=00000001" in again.get("Authorization")
            await call.bye()


# --- baresip ------------------------------------------------------------------------------------


@pytest.mark.interop
async def test_baresip_goes_where_the_script_sends_it(
    runtime: RuntimeProcess, phone: Phone, tmp_path: Path
) -> None:
    async with (
        baresip(tmp_path, tone(880, MICROPHONE_S)) as there,
        telephone(runtime.port()) as target,
    ):
        headers = [("X-Target", there.uri), ("X-Transfer-To", target.uri)]
        call = await talks(phone, "sends-baresip", *headers)
        new = await target.incoming()
        assert "phone@" in new.invite.get("From")
        await new.answer()
        await runtime.logged("sends-baresip complete transferor")
        await runtime.logged("sends-baresip gone 200 transferred")
        await new.hear(0.3)
        await call.bye()


@pytest.mark.interop
async def test_baresip_asks_for_a_transfer(
    runtime: RuntimeProcess, phone: Phone, tmp_path: Path
) -> None:
    async with baresip(tmp_path, tone(880, MICROPHONE_S)) as there:
        headers = [("X-Target", there.uri), ("X-Handle", "1")]
        call = await talks(phone, "baresip-asks", *headers)
        await runtime.logged("baresip-asks handles")
        await there.command("transfer", TARGET)
        await runtime.logged("baresip-asks asked for bob")
        await runtime.logged("baresip-asks gone")
        await call.bye()
