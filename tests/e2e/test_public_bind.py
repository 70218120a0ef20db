"""A runtime that others can reach: strangers are refused, and addresses are the advertised ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.home import Home, two_hosts
from tests.e2e.phone import telephone
from tests.e2e.runtime_process import callstage
from tests.e2e.sounds import check_tone
from tests.e2e.wire import Sdp

pytestmark = pytest.mark.loopback

PLAY = [("X-Sound", "440.wav"), ("X-Then", "hangup")]


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[Home, Home]]:
    with two_hosts() as pair:
        yield pair


def public(
    allow: str, *, advertise: str = "", listen: str = "0.0.0.0", rtp: str = "0.0.0.0"
) -> str:
    return (
        f'[sip]\nlisten = ["udp://{listen}:0"]\nadvertise = "{advertise}"\nallow = [{allow}]\n'
        f'[rtp]\nhost = "{rtp}"\n'
        '[[rule]]\nname = "all"\nto = ".*"\nscenario = "play.py"\n'
    )


def configured(text: str, scripts: Path, home: Home, folder: Path) -> list[str]:
    config = scripts / f"{folder.name}.toml"
    config.write_text(text)
    return ["--config", str(config), "--sip", text.partition('["')[2].partition('"')[0]]


async def test_strangers_are_refused_without_detail_and_then_ignored(
    hosts: tuple[Home, Home], scripts: Path, tmp_path: Path
) -> None:
    ours, theirs = hosts
    options = configured(public('"203.0.113.0/24"'), scripts, ours, tmp_path)
    options += ["--rtp-host", ours.address]
    with callstage(folder=tmp_path, options=options, prefix=ours.prefix) as runtime:
        async with telephone(runtime.port(), server=ours.address, home=theirs) as phone:
            call = await phone.call("anyone", headers=PLAY)
            final = await call.final()
            assert (final.status, final.reason) == (403, "Forbidden")
            assert "allow" not in final.get("Warning")
            assert (await phone.ask(phone.request("OPTIONS"))).status in (200, 403)
            for _ in range(6):
                await phone.send(phone.request("INVITE"))
            ignored = await phone.call("anyone", headers=PLAY)
            with pytest.raises(AssertionError):
                await ignored.until(lambda: ignored.responses, "an answer", within_s=1.0)
        assert "[sip] allow" in await runtime.logged("refused (403)")
        assert len(runtime.log_lines("refused (")) < 10  # aggregated: a scanner fills no log
        assert runtime.sessions() == []


async def test_an_allowed_peer_is_served_at_the_address_that_it_reached(
    hosts: tuple[Home, Home], scripts: Path, tmp_path: Path
) -> None:
    ours, theirs = hosts
    text = public(f'"{theirs.address}/32"')
    options = configured(text, scripts, ours, tmp_path)
    with callstage(folder=tmp_path, options=options, prefix=ours.prefix) as runtime:
        async with telephone(runtime.port(), server=ours.address, home=theirs) as phone:
            call = await phone.call("anyone", headers=PLAY)
            described = await call.connected()
            assert described.host == ours.address
            assert f"@{ours.address}:" in (await call.response(200)).get("Contact")
            await call.ended()
            check_tone(call.audio.heard()[0], 440, 1.0)


async def test_the_advertised_address_is_in_contact_and_description(
    hosts: tuple[Home, Home], scripts: Path, tmp_path: Path
) -> None:
    ours, theirs = hosts
    text = public(f'"{theirs.address}"', advertise="203.0.113.77", listen=ours.address)
    options = configured(text, scripts, ours, tmp_path)
    with callstage(folder=tmp_path, options=options, prefix=ours.prefix) as runtime:
        async with telephone(runtime.port(), server=ours.address, home=theirs) as phone:
            call = await phone.call("anyone", headers=PLAY, sdp=Sdp(port=9, host=theirs.address))
            described = await call.connected()
            assert described.host == "203.0.113.77"
            contact = (await call.response(200)).get("Contact")
            assert "@203.0.113.77:" in contact
            call.target = f"sip:anyone@{ours.address}"
            await call.bye()
