"""Calls over IPv6: signalling, audio, or both; and a runtime that has both families at once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.audio import tone
from tests.e2e.home import LOOPBACK, LOOPBACK_6, Home, has_ipv6
from tests.e2e.phone import Phone, telephone
from tests.e2e.runtime_process import COMMAND, RuntimeProcess, callstage
from tests.e2e.sounds import check_tone, wav
from tests.e2e.test_commands import command
from tests.hearing import joined

pytestmark = pytest.mark.loopback


@pytest.fixture(scope="module", autouse=True)
def _machine_has_ipv6() -> None:
    if not has_ipv6():
        pytest.skip("this machine has no IPv6 loopback: IPv6 was NOT tested")


SIP_6 = ("--sip", "udp://[::1]:0", "--sip", "tcp://[::1]:0")
SIP_BOTH = (*SIP_6, "--sip", "udp://127.0.0.1:0")


@pytest.fixture(scope="module")
def served(scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    """Everything on ::1: audio is where SIP is."""
    names = [scripts / f"{name}.py" for name in ("mirror", "bridge", "trio_room")]
    folder = tmp_path_factory.mktemp("ipv6")
    with callstage(*names, folder=folder, options=SIP_6) as runtime:
        yield runtime


@pytest.fixture(scope="module")
def both(scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    """Signalling on both loopbacks, audio on both families."""
    names = [scripts / f"{name}.py" for name in ("mirror", "bridge")]
    folder = tmp_path_factory.mktemp("both")
    with callstage(*names, folder=folder, options=[*SIP_BOTH, "--rtp-host", "::"]) as runtime:
        yield runtime


def port(runtime: RuntimeProcess, host: str, transport: str = "udp") -> int:
    found = re.search(rf"sip={transport}:{re.escape(host)}:(\d+)", runtime.ready_line)
    assert found, runtime.ready_line
    return int(found[1])


async def hears_itself(phone: Phone, expected: Home) -> None:
    """A call to the mirror: the description names the expected address, the tone comes back."""
    call = await phone.call("mirror")
    described = await call.connected()
    assert described.host == expected.address
    family = "IP6" if ":" in expected.address else "IP4"
    assert f"c=IN {family} {expected.address}\r\n" in described.text
    await call.hear(0.3)
    call.audio.say(tone(500, 1.0))
    await call.hear(1.8)
    await call.bye()
    [heard] = joined(call.audio.heard())
    check_tone(heard, 500, 1.0)
    call.audio.check_unbroken()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_call_over_ipv6_alone(served: RuntimeProcess, transport: str) -> None:
    where = port(served, "[::1]", transport)
    async with telephone(where, transport, server="::1", home=LOOPBACK_6) as phone:
        await hears_itself(phone, LOOPBACK_6)


async def test_contact_and_via_are_written_with_brackets(served: RuntimeProcess) -> None:
    where = port(served, "[::1]")
    async with telephone(where, server="::1", home=LOOPBACK_6) as phone:
        call = await phone.call("bridge", headers=[("X-Target", phone.uri)])
        await call.connected()
        other = await phone.incoming()
        assert other.invite.get("Via").startswith(f"SIP/2.0/UDP [::1]:{where};")
        assert other.invite.contact_uri.endswith(f"@[::1]:{where}")
        assert f"@[::1]:{where}" in (await call.response(200)).get("Contact")
        await other.answer()
        other.audio.say(tone(880, 1.0))
        await call.until(call.audio.sounds, "the other side over IPv6")
        await call.bye()
        await other.ended()


async def test_audio_of_the_other_family_is_refused_where_we_do_not_have_it(
    served: RuntimeProcess,
) -> None:
    async with telephone(port(served, "[::1]"), server="::1", home=LOOPBACK_6) as phone:
        phone.audio_home = LOOPBACK
        final = await (await phone.call("mirror")).final()
        assert final.status == 488
        assert "127.0.0.1" in final.get("Warning")
        assert "is not of the family of ::1" in final.get("Warning")


@pytest.mark.parametrize("signalling", [LOOPBACK, LOOPBACK_6], ids=["sip4", "sip6"])
@pytest.mark.parametrize("audio", [LOOPBACK, LOOPBACK_6], ids=["rtp4", "rtp6"])
async def test_an_offer_is_answered_in_its_own_family(
    both: RuntimeProcess, signalling: Home, audio: Home
) -> None:
    where = port(both, signalling.written)
    async with telephone(where, server=signalling.address, home=signalling) as phone:
        phone.audio_home = audio
        await hears_itself(phone, audio)


async def test_a_bridge_joins_the_families(both: RuntimeProcess) -> None:
    async with telephone(port(both, "[::1]"), server="::1", home=LOOPBACK_6) as six:
        here = port(both, "127.0.0.1")
        async with telephone(here, server="127.0.0.1", home=LOOPBACK) as four:
            call = await six.call("bridge", headers=[("X-Target", four.uri)])
            await call.connected()
            other = await four.incoming()
            assert other.answers[-1].host == "127.0.0.1"
            await other.answer()
            call.audio.say(tone(440, 1.0), again=True)
            other.audio.say(tone(880, 1.0), again=True)
            await call.until(call.audio.sounds, "the IPv4 side")
            await other.until(other.audio.sounds, "the IPv6 side")
            await call.hear(1.0)
            await call.bye()
            await other.ended()
    [at_six], [at_four] = joined(call.audio.heard()), joined(other.audio.heard())
    assert [round(f, -1) for f in at_six.frequencies_hz] == [880]
    assert [round(f, -1) for f in at_four.frequencies_hz] == [440]


async def test_the_telephone_command_calls_over_ipv6(
    served: RuntimeProcess, tmp_path: Path
) -> None:
    target = f"sip:mirror@[::1]:{port(served, '[::1]')}"
    sound = tmp_path / "tone.wav"
    sound.write_bytes(wav(tone(700, 1.0)))
    words = ("call", target, "--play", sound, "--for", "2.5", "--json")
    code, told, errors = await command(COMMAND, *words, folder=tmp_path)
    assert code == 0, errors
    report = json.loads(told.splitlines()[-1])
    assert report["ok"]
    tones = [round(f, -1) for part in report["heard"] for f in part.get("frequencies_hz", [])]
    assert tones == [700]
