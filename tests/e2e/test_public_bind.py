"""A runtime that others can reach: strangers are refused, and addresses are the advertised ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.home import Home, hosts
from tests.e2e.phone import telephone
from tests.e2e.runtime_process import RuntimeProcess, callstage
from tests.e2e.sounds import check_tone

pytestmark = pytest.mark.loopback

PLAY = [("X-Sound", "440.wav"), ("X-Then", "hangup")]


Hosts = tuple[Home, Home, Home]


@pytest.fixture(scope="module")
def network() -> Iterator[Hosts]:
    with hosts() as made:
        yield made


def configured(text: str, scripts: Path, folder: Path) -> list[str]:
    config = scripts / f"{folder.name}.toml"
    config.write_text(text)
    listener = text.partition('["')[2].partition('"')[0]
    return ["--config", str(config), "--sip", listener]


def public(allow: str, *, listen: str, advertise: str = "", rtp: str) -> str:
    return (
        f'[sip]\nlisten = ["udp://{listen}:0"]\nadvertise = "{advertise}"\nallow = ["{allow}"]\n'
        f'[rtp]\nhost = "{rtp}"\n'
        '[[rule]]\nname = "all"\nto = ".*"\nscenario = "play.py"\n'
    )


async def test_friends_are_served_at_the_address_they_reached_and_strangers_refused(
    network: Hosts, scripts: Path, tmp_path: Path
) -> None:
    ours, friend, stranger = network
    text = public(f"{friend.address}/32", listen="0.0.0.0", rtp="0.0.0.0")
    options = configured(text, scripts, tmp_path)
    with callstage(folder=tmp_path, options=options, prefix=ours.prefix) as runtime:
        async with telephone(runtime.port(), server=ours.address, home=friend) as phone:
            call = await phone.call("anyone", headers=PLAY)
            described = await call.connected()
            assert described.host == ours.address
            assert f"@{ours.address}:" in (await call.response(200)).get("Contact")
            await call.ended()
            check_tone(call.audio.heard()[0], 440, 1.0)
        await _the_stranger_is_refused(runtime, ours, stranger)


async def _the_stranger_is_refused(runtime: RuntimeProcess, ours: Home, stranger: Home) -> None:
    served = len(runtime.sessions())
    async with telephone(runtime.port(), server=ours.address, home=stranger) as phone:
        final = await (await phone.call("anyone", headers=PLAY)).final()
        assert (final.status, final.reason) == (403, "Forbidden")
        assert "allow" not in final.get("Warning")
        for _ in range(6):
            await phone.send(phone.request("INVITE"))
        ignored = await phone.call("anyone", headers=PLAY)
        with pytest.raises(AssertionError):
            await ignored.until(lambda: ignored.responses, "an answer", within_s=1.0)
    assert "[sip] allow" in await runtime.logged("refused (403)")
    assert len(runtime.log_lines("refused (")) < 10  # aggregated: a scanner fills no log
    assert len(runtime.sessions()) == served


async def test_the_advertised_address_is_in_contact_and_description(
    network: Hosts, scripts: Path, tmp_path: Path
) -> None:
    ours, friend, _ = network
    text = public(friend.address, listen=ours.address, advertise="203.0.113.77", rtp=ours.address)
    options = configured(text, scripts, tmp_path)
    with callstage(folder=tmp_path, options=options, prefix=ours.prefix) as runtime:
        async with telephone(runtime.port(), server=ours.address, home=friend) as phone:
            call = await phone.call("anyone", headers=PLAY)
            described = await call.connected()
            assert described.host == "203.0.113.77"
            contact = (await call.response(200)).get("Contact")
            assert "@203.0.113.77:" in contact
            call.target = f"sip:anyone@{ours.address}"
            await call.bye()
