"""baresip over TLS with SRTP calls a running runtime and is called by its scripts."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
import trio

from runtime.media.listening import listen
from tests.e2e.audio import tone
from tests.e2e.home import Home
from tests.e2e.phone import telephone
from tests.e2e.runtime_process import COMMAND, RuntimeProcess, callstage
from tests.e2e.test_real_peers import MICROPHONE_S, tones
from tests.e2e.test_secure_media import account, facts, talk
from tests.interop.baresip import Baresip, baresip
from tests.sip.certificates import Authority

pytestmark = [pytest.mark.interop, pytest.mark.loopback]

CONFIG = """
[sip.tls]
certificate = "server.pem"
key = "server-key.pem"
ca = "test-authority.pem"
[rtp]
srtp = "optional"
srtp_keys = "protected"
[[trunk]]
name = "guarded"
uri = "sip:127.0.0.1;transport=tls"
srtp = "required"
"""
LISTEN = [word for name in ("udp", "tcp", "tls") for word in ("--sip", f"{name}://127.0.0.1:0")]


@attrs.frozen
class Site:
    runtime: RuntimeProcess
    authority: Authority


@pytest.fixture(scope="module")
def site(scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority(folder)
    authority.issue("127.0.0.1")
    config = folder / "callstage.toml"
    config.write_text(CONFIG)
    served = [scripts / f"{name}.py" for name in ("noted", "dial")]
    options = ["--config", str(config), *LISTEN]
    with callstage(*served, folder=folder, options=options) as started:
        yield Site(started, authority)


def with_certificate(authority: Authority, *hosts: str) -> list[str]:
    """baresip reads certificate and key from one file."""
    issued = authority.issue(*hosts, name="baresip")
    both = issued.certificate.with_name("baresip-both.pem")
    both.write_bytes(issued.certificate.read_bytes() + issued.key.read_bytes())
    return ["module srtp.so", f"sip_certificate {both}", f"sip_cafile {authority.file}"]


def tls_uri(there: Baresip) -> str:
    """baresip listens for TLS one port above its UDP port."""
    return f"sip:phone@127.0.0.1:{there.port + 1};transport=tls"


async def test_baresip_calls_over_tls_with_srtp(site: Site, tmp_path: Path) -> None:
    async with baresip(
        tmp_path,
        tone(880, MICROPHONE_S),
        account=account("srtp-mand"),
        config=with_certificate(site.authority, "127.0.0.1"),
    ) as there:
        await talk(site.runtime, there, transport="tls")
    told = facts(site.runtime)
    assert "encrypted by AES_CM_128_HMAC_SHA1_" in told
    assert "SIP/2.0/TLS" in told
    assert "SRTP keys of calls with" not in told


async def test_a_script_calls_baresip_over_tls(site: Site, tmp_path: Path) -> None:
    config = with_certificate(site.authority, "127.0.0.1")
    async with (
        telephone(site.runtime.port(), home=Home("127.0.0.5")) as caller,
        baresip(
            tmp_path, tone(880, MICROPHONE_S), account=account("srtp-mand"), config=config
        ) as there,
    ):
        headers = [("X-Target", tls_uri(there)), ("X-Play", "1")]
        call = await caller.call("dial", caller="over-tls", headers=headers)
        await call.connected()
        await there.wait_for("CALL_ESTABLISHED")
        await site.runtime.logged("over-tls connected")
        await there.wait_for("CALL_CLOSED")
        await call.bye()
        samples, rate = there.heard()
    [heard] = [part for part in listen(samples, rate) if part.kind == "tone"]
    assert tones([heard]) == [440]


async def test_a_wrong_certificate_is_in_the_timeline(site: Site, tmp_path: Path) -> None:
    config = with_certificate(site.authority, "pbx.example.com")
    async with (
        telephone(site.runtime.port(), home=Home("127.0.0.5")) as caller,
        baresip(
            tmp_path, tone(880, MICROPHONE_S), account=account("srtp-mand"), config=config
        ) as there,
    ):
        headers = [("X-Target", tls_uri(there)), ("X-Play", "1")]
        call = await caller.call("dial", caller="not-them", headers=headers)
        await call.connected()
        failed = await site.runtime.logged("not-them failed")
        assert "failed 503" in failed
        await call.bye()
    why = "its certificate is refused: IP address mismatch"
    await site.runtime.until(lambda: why in facts(site.runtime), "the reason in a timeline")


@pytest.mark.parametrize("believes", [True, False])
async def test_our_own_phone_calls_over_tls(site: Site, believes: bool) -> None:
    words = [str(COMMAND), "call", site.runtime.uri("noted", "tls"), "--for", "1", "--json"]
    if believes:
        words += ["--ca", str(site.authority.file)]
    with trio.fail_after(60):
        done = await trio.run_process(words, capture_stdout=True, check=False)
    told = json.loads(done.stdout)
    if believes:
        # it got through; this trunk takes encrypted audio only, which our phone has not
        assert (told["ok"], told["code"]) == (False, 488), told
    else:
        assert (told["ok"], told["code"]) == (False, 503)
        assert "its certificate is refused: self-signed certificate" in told["reason"]


async def test_sighup_reloads_the_certificate(site: Site) -> None:
    before = await shown_serial(site)
    site.authority.issue("127.0.0.1")
    os.kill(site.runtime.pid, signal.SIGHUP)
    await site.runtime.logged("certificates reloaded: new connections take them")
    assert await shown_serial(site) != before


async def shown_serial(site: Site) -> str:
    stream = await trio.open_ssl_over_tcp_stream(
        "127.0.0.1",
        site.runtime.port("tls"),
        ssl_context=site.authority.client(),
        https_compatible=True,
    )
    async with stream:
        await stream.do_handshake()
        return str(stream.getpeercert()["serialNumber"])
