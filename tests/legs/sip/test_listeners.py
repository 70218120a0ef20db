"""What `callstage doctor` finds out about listeners, on real sockets."""

from __future__ import annotations

import socket
from pathlib import Path

import attrs
import pytest
import trio

from runtime.config.settings import SipSettings, SipTlsSettings
from runtime.legs.sip import listeners
from runtime.legs.sip.listeners import ListenerReport, examine
from tests.sip.certificates import Authority

pytestmark = pytest.mark.loopback


async def examined(listener: str, **more: object) -> ListenerReport:
    settings = attrs.evolve(SipSettings(listen=(listener,)), **more)
    [report] = await examine(settings)
    return report


def with_certificate(tmp_path: Path, *hosts: str) -> SipTlsSettings:
    authority = Authority(tmp_path)
    issued = authority.issue(*hosts)
    return SipTlsSettings(certificate=issued.certificate, key=issued.key, ca=authority.file)


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls", "ws", "wss"])
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
async def test_a_listener_that_can_be_had_answers(
    transport: str, host: str, tmp_path: Path
) -> None:
    tls = with_certificate(tmp_path, host.strip("[]"))
    report = await examined(f"{transport}://{host}:0", tls=tls)
    assert (report.bound, report.reached, report.problem) == (True, True, "")
    assert report.told.startswith(f"{host}:")
    suffix = {"udp": "", "wss": ";transport=ws"}.get(transport, f";transport={transport}")
    assert report.told.endswith(suffix)


async def test_a_wildcard_listener_tells_the_address_on_the_way_out() -> None:
    report = await examined("udp://0.0.0.0:0", advertise="127.0.0.1")
    assert (report.bound, report.reached) == (True, True)
    assert report.told.startswith("127.0.0.1:")


async def test_an_advertised_address_that_leads_nowhere_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listeners, "REACH_S", 0.2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.2", 0))
        place = f"127.0.0.2:{silent.getsockname()[1]}"
        report = await examined("udp://127.0.0.1:0", advertise=place)
    assert (report.bound, report.reached, report.told) == (True, False, place)
    assert report.problem == (
        f"{place} was not reached from here: no answer within 0.2 s; "
        "try from outside, as few NATs lead their own inside back"
    )


async def test_a_refused_connection_is_told_with_its_reason() -> None:
    with socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{dead.getsockname()[1]}"
        report = await examined("tcp://127.0.0.1:0", advertise=place)
    assert report.problem == (f"{place} was not reached from here: tcp:{place}: Connection refused")


async def test_a_certificate_for_another_name_is_found_before_the_phones_find_it(
    tmp_path: Path,
) -> None:
    tls = with_certificate(tmp_path, "pbx.example.com")
    report = await examined("tls://127.0.0.1:0", tls=tls)
    assert (report.bound, report.reached, report.is_fatal) == (True, False, False)
    assert "its certificate is refused: IP address mismatch" in report.problem


async def test_a_listener_that_cannot_be_had_is_fatal() -> None:
    report = await examined("udp://192.0.2.77:5060")
    assert (report.bound, report.reached, report.is_fatal) == (False, None, True)
    assert "this machine has no address 192.0.2.77" in report.problem


async def test_a_port_that_a_runtime_has_is_no_fault() -> None:
    with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        await taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]

        async def answer() -> None:
            _, sender = await taken.recvfrom(4096)
            await taken.sendto(b"SIP/2.0 200 OK\r\n\r\n", sender)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer)
            report = await examined(f"udp://127.0.0.1:{port}")
    assert (report.bound, report.reached, report.is_fatal) == (False, True, False)
    assert report.problem.endswith(
        "the port is taken; choose another one, or 0 for any; "
        "something that speaks SIP answers there"
    )
