"""Kamailio stands between telephones and a running runtime: it routes, registers and judges.

What it forwards it checks (tests/interop/kamailio.cfg); a test fails when it complains of anything.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest

from runtime.media.listening import listen
from tests.e2e.audio import tone
from tests.e2e.phone import Phone, telephone
from tests.e2e.runtime_process import RuntimeProcess, callstage
from tests.e2e.test_real_peers import MICROPHONE_S, tones
from tests.e2e.test_users import registered
from tests.e2e.waiting import until
from tests.interop.baresip import baresip
from tests.interop.kamailio import PASSWORD, Kamailio, kamailio
from tests.interop.sipp import Sipp, Transport
from tests.ports import free_port

pytestmark = [pytest.mark.interop, pytest.mark.loopback]

SIPP_SCENARIOS = Path(__file__).parents[1] / "interop" / "scenarios"


def config(port: int) -> str:
    """Numbers with a + go to the proxy over TCP, others over UDP."""
    return f"""
[server]
drain_timeout_s = 1
[users.bob]
password = "{PASSWORD}"
[[trunk]]
name = "proxy"
uri = "sip:127.0.0.1:{port}"
[[trunk]]
name = "proxy-tcp"
uri = "sip:127.0.0.1:{port};transport=tcp"
[[route]]
name = "plus"
to = '\\+.*'
trunks = ["proxy-tcp"]
[[route]]
name = "all"
to = '.*'
trunks = ["proxy"]
"""


@attrs.frozen
class Site:
    runtime: RuntimeProcess
    inside: int
    """Where the runtime listens, UDP and TCP."""
    proxy_port: int


@pytest.fixture(scope="module")
def site(scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("behind")
    inside, proxy_port = free_port(), free_port()
    file = folder / "callstage.toml"
    file.write_text(config(proxy_port))
    options = ["--config", str(file)]
    for transport in ("udp", "tcp"):
        options += ["--sip", f"{transport}://127.0.0.1:{inside}"]
    names = ("play", "before_answer", "dial", "noted", "quiet", "direct")
    with callstage(*(scripts / f"{n}.py" for n in names), folder=folder, options=options) as it:
        yield Site(it, inside, proxy_port)


@asynccontextmanager
async def proxy(site: Site, folder: Path) -> AsyncIterator[Kamailio]:
    """A fresh Kamailio in front of the runtime, which has nothing to complain of."""
    async with kamailio(folder, site.proxy_port, site.inside) as running:
        yield running
        assert running.complaints() == []


def far_side(phone: Phone, prefix: str) -> list[tuple[str, str]]:
    """Have dial.py call that telephone through the proxy."""
    return [("X-Target", f"{prefix}7{phone.port:05d}"), ("X-Kind", "pstn")]


@pytest.mark.parametrize("inside", ["udp", "tcp"])
async def test_a_telephone_behind_a_proxy_is_played_to_holds_and_is_hung_up_on(
    site: Site, tmp_path: Path, inside: str
) -> None:
    user = "play" if inside == "udp" else "tcp-play"
    async with proxy(site, tmp_path / "k") as between, telephone(site.proxy_port) as phone:
        headers = [("X-Sound", "440.wav"), ("X-Then", "hangup")]
        call = await phone.call(user, headers=headers)
        await call.connected()
        # the proxy stands there once, or once for each transport (RFC 5658)
        host = f"sip:127.0.0.1:{site.proxy_port}"
        once = (f"<{host};lr>",)
        twice = (f"<{host};transport=tcp;r2=on;lr>", f"<{host};r2=on;lr>")
        found = (await call.response(200)).addresses("Record-Route")
        assert found == (once if inside == "udp" else twice)
        await call.hear(0.3)
        assert (await call.reinvite(direction="sendonly")).direction == "recvonly"
        assert (await call.reinvite(direction="sendrecv")).direction == "sendrecv"
        await call.ended()
        assert tones(call.audio.heard())[0] == 440
        asked = [line.split()[0] for line in between.routed(phone.port)]
        assert asked == ["ACK", "INVITE", "ACK", "INVITE", "ACK"]
        if inside == "udp":
            assert between.routed(site.inside) == [f"BYE udp {phone.uri}"]
        else:
            assert "ROUTED BYE from tcp:" in between.output()


async def test_a_telephone_behind_a_proxy_acknowledges_ringing_and_cancels(
    site: Site, tmp_path: Path
) -> None:
    async with proxy(site, tmp_path / "k") as between, telephone(site.proxy_port) as phone:
        headers = [("Require", "100rel"), ("X-Steps", "ring")]
        call = await phone.call("before_answer", caller="gives-up", headers=headers)
        ringing = await call.response(180)
        prack = await call.ask("PRACK", headers=[("RAck", f"{ringing.get('RSeq')} 1 INVITE")])
        assert (await call.answered(prack)).status == 200
        await call.cancel()
        await call.response(487)
        await site.runtime.logged("gives-up disconnected 487")
        assert between.routed(phone.port) == [f"PRACK udp sip:{call.target[4:]}"]


@pytest.mark.parametrize("prefix", ["", "+"], ids=["udp", "tcp"])
async def test_a_script_calls_through_a_proxy_with_reliable_ringing_and_hangs_up(
    site: Site, tmp_path: Path, prefix: str
) -> None:
    async with (
        proxy(site, tmp_path / "k") as between,
        telephone(site.inside) as caller,
        telephone(site.proxy_port) as phone,
    ):
        headers = [*far_side(phone, prefix), ("X-Play", "1")]
        await (await caller.call("dial", caller="through", headers=headers)).connected()
        call = await phone.incoming()
        assert len(call.route) == (1 if prefix == "" else 2)
        await call.reply(180, "Ringing", headers=[("Require", "100rel"), ("RSeq", "7")])
        assert (await call.requested("PRACK")).get("RAck").startswith("7 ")
        await call.answer()
        await call.hear(0.3)
        assert (await call.reinvite(direction="recvonly")).direction == "sendonly"
        await call.ended()
        assert tones(call.audio.heard()) == [440]
        # the proxy has taken itself out of Route, and nothing else is left there
        assert [request.get("Route") for request in call.requests] == [""] * len(call.requests)
        sent = "\n".join(line for line in between.output().splitlines() if "ROUTED" in line)
        for method in ("PRACK", "ACK", "BYE"):
            protocol = "udp" if prefix == "" else "tcp"
            assert f"ROUTED {method} from {protocol}:" in sent
        assert sent.count(f"to {phone.uri}") == 3


async def test_a_script_gives_up_a_call_through_a_proxy(site: Site, tmp_path: Path) -> None:
    async with (
        proxy(site, tmp_path / "k") as between,
        telephone(site.inside) as caller,
        telephone(site.proxy_port) as phone,
    ):
        headers = [*far_side(phone, ""), ("X-Give-Up", "1")]
        mine = await caller.call("dial", caller="impatient", headers=headers)
        await mine.connected()
        call = await phone.incoming()
        await call.reply(180, "Ringing")
        await call.requested("CANCEL")
        await site.runtime.logged("impatient failed 487")
        await call.requested("ACK")
        await mine.bye()
        assert f"CANCEL of a transaction from port {site.inside}" in between.output()


async def test_a_telephone_behind_a_proxy_hangs_up_on_a_script(site: Site, tmp_path: Path) -> None:
    async with (
        proxy(site, tmp_path / "k") as between,
        telephone(site.inside) as caller,
        telephone(site.proxy_port) as phone,
    ):
        mine = await caller.call("dial", caller="left", headers=far_side(phone, ""))
        await mine.connected()
        call = await phone.incoming()
        await call.answer()
        await site.runtime.logged("left connected")
        await call.bye()
        await site.runtime.logged("left gone")
        await mine.bye()
        [line] = between.routed(phone.port)
        assert line == f"BYE udp {call.invite.contact_uri}"


@pytest.mark.parametrize("inside", ["udp", "tcp"])
async def test_our_re_invites_follow_the_route_through_the_proxy(
    site: Site, tmp_path: Path, inside: str
) -> None:
    """A user of ours holds a direct call: the telephone behind the proxy is asked by us."""
    phone_folder = tmp_path / "phone"
    phone_folder.mkdir()
    account = f"answermode=auto;audio_codecs=PCMU;regint=60;auth_user=bob;auth_pass={PASSWORD}"
    address = f"sip:bob@127.0.0.1:{site.inside}"
    user = "direct" if inside == "udp" else "tcp-direct"
    async with (
        proxy(site, tmp_path / "k") as between,
        baresip(phone_folder, tone(880, MICROPHONE_S), account=account, registers=address) as bob,
        telephone(site.proxy_port) as phone,
    ):
        await registered(site.runtime, "bob")
        call = await phone.call(user)
        await call.connected()
        await bob.wait_for("CALL_ESTABLISHED")
        await bob.hold()
        await call.requested("INVITE")
        assert call.answers[-1].direction == "sendonly"
        await bob.resume()
        await call.requested("INVITE", 2)
        assert call.answers[-1].direction == "sendrecv"
        await call.requested("ACK", 2)
        await bob.hang_up()
        await call.ended()
        routed = [line for line in between.output().splitlines() if line.endswith(phone.uri)]
        asked = [line.partition("ROUTED ")[2].split()[0] for line in routed if "ROUTED" in line]
        assert asked == ["INVITE", "ACK", "INVITE", "ACK", "BYE"]
        assert all(f"from {inside}:" in line for line in routed if "ROUTED" in line)
    await registered(site.runtime, "bob", 0)


@pytest.mark.parametrize("outside", ["udp", "tcp"])
async def test_sipp_calls_many_times_through_a_proxy(
    site: Site, tmp_path: Path, outside: Transport
) -> None:
    """Over the other transport inside, so that each call crosses from one to the other."""
    service = "quiet" if outside == "tcp" else "tcp-quiet"
    scenario = SIPP_SCENARIOS / "uac_routed.xml"
    async with proxy(site, tmp_path / "k") as between:
        sipp = Sipp(folder=tmp_path, scenario=scenario, transport=outside)
        run = await sipp.call(f"127.0.0.1:{site.proxy_port}", service=service, calls=10, rate=20)
        assert run.exit_code == 0, run.trace()
        for method in ("ACK", "INVITE", "BYE"):
            assert between.output().count(f"ROUTED {method} from") >= 10


@pytest.mark.parametrize("outside", ["udp", "tcp"])
async def test_a_script_calls_sipp_through_a_proxy(
    site: Site, tmp_path: Path, outside: Transport
) -> None:
    uas = Sipp(folder=tmp_path, scenario=SIPP_SCENARIOS / "uas_routed.xml", transport=outside)
    number = {"udp": "+7", "tcp": "8"}[outside]
    async with (
        proxy(site, tmp_path / "k"),
        uas.answering(calls=1) as there,
        telephone(site.inside) as caller,
    ):
        headers = [("X-Target", f"{number}{there.port:05d}"), ("X-Kind", "pstn")]
        name = f"crosses-{outside}"
        call = await caller.call("dial", caller=name, headers=[*headers, ("X-Play", "1")])
        await call.connected()
        for what in ("connected", "gone"):  # the 180 may be overtaken between two workers
            await site.runtime.logged(f"{name} {what}")
        run = await there.finished()
        assert run.exit_code == 0, run.trace()
        await call.bye()


async def test_baresip_behind_a_proxy_is_called_and_calls(site: Site, tmp_path: Path) -> None:
    """It is registered there, by digest, as a number that the runtime calls over its trunk."""
    phone_folder = tmp_path / "phone"
    phone_folder.mkdir()
    account = f"answermode=auto;audio_codecs=PCMU;regint=60;auth_user=5551234;auth_pass={PASSWORD}"
    address = f"sip:5551234@127.0.0.1:{site.proxy_port}"
    async with (
        proxy(site, tmp_path / "k") as between,
        baresip(phone_folder, tone(880, MICROPHONE_S), account=account, registers=address) as there,
        telephone(site.inside) as caller,
    ):
        await until(lambda: "SAVED 5551234" in between.output(), "the registration")
        headers = [("X-Target", "5551234"), ("X-Kind", "pstn"), ("X-Play", "1")]
        call = await caller.call("dial", caller="to-registered", headers=headers)
        await call.connected()
        await there.wait_for("CALL_CLOSED")
        samples, rate = there.heard()
        assert tones(listen(samples, rate)) == [440]
        await there.dial(f"sip:tcp-noted@127.0.0.1:{site.proxy_port}")
        await there.wait_for("CALL_ESTABLISHED", 2)
        await there.press("4")
        await site.runtime.logged("noted key 4")
        await there.hold()
        await site.runtime.logged("noted on hold")
        await there.resume()
        await site.runtime.logged("noted off hold")
        await there.hang_up()
        await there.wait_for("CALL_CLOSED", 2)
        await until(lambda: f"ROUTED BYE from udp:{there.port}" in between.output(), "the BYE")


@pytest.mark.thorough
async def test_a_trunk_registers_at_kamailio_is_called_and_leaves(
    scripts: Path, tmp_path: Path
) -> None:
    inside, port = free_port(), free_port()
    file = scripts / "at-kamailio.toml"
    file.write_text(
        f"""
[server]
drain_timeout_s = 1
[[trunk]]
name = "other"
uri = "sip:127.0.0.1"
[[trunk]]
name = "provider"
uri = "sip:127.0.0.1:{port}"
user = "acme"
password = "{PASSWORD}"
number_from = "to"
[trunk.register]
expires_s = 60
[[rule]]
name = "all"
to = '.*'
scenario = "who.py"
"""
    )
    options = ["--config", str(file), "--sip", f"udp://127.0.0.1:{inside}"]
    async with kamailio(tmp_path / "k", port, inside) as registrar:
        with callstage(folder=tmp_path / "run", options=options) as runtime:
            await runtime.logged("trunk provider: registered at")
            assert f"SAVED acme at <sip:acme@127.0.0.1:{inside};line=" in registrar.output()
            async with telephone(port) as phone:
                call = await phone.call("acme")
                assert (await call.final()).status == 603
                session = await runtime.session_of(call.call_id)
            what = [entry["what"] for entry in runtime.timeline(session)]
            assert "comes from trunk provider, known by our registration with it" in what
        assert "expires 0" in registrar.output()
        assert registrar.complaints() == []
