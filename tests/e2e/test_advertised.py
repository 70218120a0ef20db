"""The address that the operator advertises, as behind NAT, stands wherever peers look for us."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.home import LOOPBACK, LOOPBACK_6, Home, has_ipv6, in_uri
from tests.e2e.phone import telephone
from tests.e2e.runtime_process import callstage

pytestmark = pytest.mark.loopback


@pytest.mark.parametrize(
    ("advertise", "home"),
    [("203.0.113.77", LOOPBACK), ("2001:db8::77", LOOPBACK_6)],
    ids=["ipv4", "ipv6"],
)
async def test_via_contact_and_descriptions_name_the_advertised_address(
    scripts: Path, tmp_path: Path, advertise: str, home: Home
) -> None:
    if home is LOOPBACK_6 and not has_ipv6():
        pytest.skip("this machine has no IPv6 loopback: IPv6 was NOT tested")
    config = scripts / f"advertised-{advertise.count(':')}.toml"
    config.write_text(
        f'[sip]\nadvertise = "{advertise}"\nlisten = ["udp://{home.written}:0"]\n'
        f'[rtp]\nhost = "{home.address}"\n'
        '[[rule]]\nname = "all"\nto = ".*"\nscenario = "bridge.py"\n'
    )
    options = ["--config", str(config), "--sip", f"udp://{home.written}:0"]
    connection = f"c=IN {'IP6' if ':' in advertise else 'IP4'} {advertise}\r\n"
    written = re.escape(in_uri(advertise))
    with callstage(folder=tmp_path, options=options) as runtime:
        async with telephone(runtime.port(), server=home.address, home=home) as phone:
            call = await phone.call("bridge", headers=[("X-Target", phone.uri)])
            assert connection in (await call.connected()).text
            answered = await call.response(200)
            assert re.search(rf"@{written}:{runtime.port()}", answered.get("Contact"))
            other = await phone.incoming()
            assert connection in other.answers[-1].text
            sent_by = rf"SIP/2\.0/UDP {written}:{runtime.port()};"
            assert re.match(sent_by, other.invite.get("Via"))
            assert re.search(rf"@{written}:{runtime.port()}", other.invite.get("Contact"))
            await other.reply(486, "Busy Here")
            await call.ended()
