"""A trunk is known by the certificate that it shows: from anywhere, and by nothing else."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from tests.e2e import wire
from tests.e2e.audio import tone
from tests.e2e.home import Home, hosts
from tests.e2e.runtime_process import RuntimeProcess, callstage
from tests.e2e.test_real_peers import MICROPHONE_S
from tests.e2e.test_tls import with_certificate
from tests.e2e.wire import Message
from tests.interop.baresip import baresip
from tests.sip.certificates import Authority

pytestmark = pytest.mark.loopback

NAME = "sbc.carrier.example"


def config(authority: Authority, listen: str) -> str:
    """The carrier itself is elsewhere: nothing but its certificate leads to it."""
    return rf"""
[server]
drain_timeout_s = 1
[sip]
allow = []
listen = ["{listen}"]
[sip.tls]
certificate = "server.pem"
key = "server-key.pem"
ca = "{authority.file}"
client_certificates = "optional"
[[trunk]]
name = "carrier"
uri = "sip:192.0.2.7;transport=tls"
certificates = ["{NAME}"]
trusted = true
numbers_in = [{{ strip = "00", add = "+" }}, {{ strip = "0", add = "+44" }}]
[[rule]]
name = "british"
to = '\+44.*'
scenario = "who.py"
"""


def write(authority: Authority, scripts: Path, listen: str, host: str) -> list[str]:
    issued = authority.issue(host)
    for file, name in ((issued.certificate, "server.pem"), (issued.key, "server-key.pem")):
        (scripts / name).write_bytes(file.read_bytes())
    file = scripts / "carrier.toml"
    file.write_text(config(authority, listen))
    return ["--config", str(file), "--sip", listen]


# --- baresip, on loopback -----------------------------------------------------------------------


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def runtime(authority: Authority, scripts: Path, tmp_path: Path) -> Iterator[RuntimeProcess]:
    options = write(authority, scripts, "tls://127.0.0.1:0", "127.0.0.1")
    with callstage(folder=tmp_path / "run", options=options) as started:
        yield started


@pytest.mark.interop
async def test_baresip_is_the_trunk_whose_certificate_it_shows(
    runtime: RuntimeProcess, authority: Authority, tmp_path: Path
) -> None:
    uri = f"sip:02079460000@127.0.0.1:{runtime.port('tls')};transport=tls"
    # no trunk: its number is not rewritten, and no rule has it as it is
    for name, told in (("127.0.0.1", "refused (404)"), (NAME, "destination <+442079460000>")):
        (tmp_path / name).mkdir()
        shown = with_certificate(authority, name)
        async with baresip(tmp_path / name, tone(880, MICROPHONE_S), config=shown) as there:
            await there.dial(uri)
            await there.wait_for("CALL_CLOSED")
            await runtime.logged(told)
    assert len(runtime.log_lines("began: who.py")) == 1
    known = f"comes from trunk carrier, known by the certificate of {NAME}"
    await runtime.until(
        lambda: [
            entry
            for session in runtime.sessions()
            for entry in runtime.timeline(session)
            if entry["what"] == known
        ],
        known,
    )


# --- a public address ---------------------------------------------------------------------------


@asynccontextmanager
async def connection(
    home: Home, server: str, port: int, context: ssl.SSLContext
) -> AsyncIterator[trio.SSLStream[trio.SocketStream]]:
    """TLS from a host of its own."""
    sock = home.stream_socket()
    await sock.connect((server, port))
    stream = trio.SSLStream(
        trio.SocketStream(sock), context, server_hostname=server, https_compatible=True
    )
    yield stream
    await trio.aclose_forcefully(stream)


async def answer(stream: trio.SSLStream[trio.SocketStream], home: Home, server: str) -> int:
    """The final status of a call to a British number; 0 when the connection is ended instead."""
    headers = (
        ("Via", f"SIP/2.0/TLS {home.address}:5061;branch={wire.branch()};rport"),
        ("Max-Forwards", "70"),
        ("From", f"<sip:anonymous@{home.address}>;tag=1"),
        ("To", f"<sip:02079460000@{server}>"),
        ("Call-ID", wire.token()),
        ("CSeq", "1 INVITE"),
        ("Contact", f"<sip:sbc@{home.address};transport=tls>"),
        ("P-Asserted-Identity", '"Ann" <sip:0033123456789@carrier.example>'),
        ("Content-Type", "application/sdp"),
    )
    sdp = wire.Sdp(port=40000, host=home.address).to_bytes()
    invite = Message(f"INVITE sip:02079460000@{server};transport=tls SIP/2.0", headers, sdp)
    buffer = b""
    with trio.fail_after(20):
        try:
            await stream.send_all(invite.to_bytes())
            while True:
                found, buffer = wire.split_stream(buffer)
                if found is not None and found.status >= 200:
                    return found.status
                if found is None:
                    data = await stream.receive_some(65536)
                    if not data:
                        return 0
                    buffer += data
        except trio.BrokenResourceError:
            return 0


async def test_the_holder_of_the_certificate_calls_from_anywhere_and_nobody_else(
    authority: Authority, scripts: Path, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path, "other authority")
    with hosts() as (ours, far, _):
        options = write(authority, scripts, f"tls://{ours.address}:0", ours.address)
        with callstage(folder=tmp_path / "run", options=options, prefix=ours.prefix) as runtime:
            port = runtime.port("tls")
            shown = {
                "a forger": authority.client(stranger.issue(NAME, name="forged")),
                "the trunk": authority.client(authority.issue("x.example", NAME, name="trunk")),
                "somebody else": authority.client(authority.issue("evil.example", name="else")),
                "nobody": authority.client(),
            }
            statuses = {}
            for who, context in shown.items():
                async with connection(far, ours.address, port, context) as stream:
                    statuses[who] = await answer(stream, far, ours.address)
            assert statuses == {
                "a forger": 0,
                "the trunk": 603,
                "somebody else": 0,
                "nobody": 0,
            }
            assert "from <+33123456789>" in await runtime.logged("destination <+442079460000>")
            await runtime.logged("its certificate is refused")
            assert len(runtime.log_lines("began: who.py")) == 1
