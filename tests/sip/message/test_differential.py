"""A second opinion: where the `sipmessage` package is right, we read the same.

Left out is what it is known to get wrong (see test_traps.py): quoted commas, names in other
cases, quoted or escaped parameters, hosts with digits at the end of their last label.
"""

from __future__ import annotations

import string

import pytest
import sipmessage
from hypothesis import given, settings
from hypothesis import strategies as st

from sip.message import NameAddr, Request, Uri, Via, parse_datagram
from tests.bench.sip_parser import INVITE
from tests.torture.messages import torture_message

UNHURRIED = settings(deadline=None, max_examples=80)

WORDS = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8)
USERS = st.text(string.ascii_letters + string.digits + "-_.!~*'()&=+$,;?/", min_size=1)
HOSTS = st.from_regex(r"([a-z0-9]{1,6}\.){0,2}[a-z]{2,6}", fullmatch=True)
PARAMS = st.dictionaries(WORDS.filter(lambda name: name != "self"), st.none() | WORDS, max_size=3)
NAMES = st.text(string.ascii_letters + string.digits + " -.!", max_size=12).map(str.strip)


def written(params: dict[str, str | None]) -> str:
    return "".join(f";{n}" if v is None else f";{n}={v}" for n, v in params.items())


def with_port(host: str, port: int | None) -> str:
    return host if port is None else f"{host}:{port}"


PORTS = st.none() | st.integers(1, 65_535)


@given(st.sampled_from(["sip", "sips"]), st.none() | USERS, HOSTS, PORTS, PARAMS)
@UNHURRIED
def test_uris_are_read_alike(
    scheme: str, user: str | None, host: str, port: int | None, params: dict[str, str | None]
) -> None:
    userinfo = "" if user is None else f"{user}@"
    text = f"{scheme}:{userinfo}{with_port(host, port)}{written(params)}"
    ours, theirs = Uri.parse(text), sipmessage.URI.parse(text)
    assert (ours.scheme, ours.user, ours.host, ours.port, dict(ours.params)) == (
        theirs.scheme,
        theirs.user,
        theirs.host,
        theirs.port,
        dict(theirs.parameters),
    )
    assert str(ours) == text


@given(NAMES, USERS, HOSTS, PARAMS)
@UNHURRIED
def test_addresses_are_read_alike(
    name: str, user: str, host: str, params: dict[str, str | None]
) -> None:
    text = f'"{name}" <sip:{user}@{host}>{written(params)}'
    ours, theirs = NameAddr.parse(text), sipmessage.Address.parse(text)
    assert (ours.display_name, str(ours.uri), dict(ours.params)) == (
        theirs.name,
        str(theirs.uri),
        dict(theirs.parameters),
    )


@given(st.sampled_from(["UDP", "TCP", "TLS", "WSS"]), HOSTS, PORTS, PARAMS)
@UNHURRIED
def test_vias_are_read_alike(
    transport: str, host: str, port: int | None, params: dict[str, str | None]
) -> None:
    text = f"SIP/2.0/{transport} {with_port(host, port)}{written(params)}"
    ours, theirs = Via.parse(text), sipmessage.Via.parse(text)
    assert (ours.transport, ours.host, ours.port, dict(ours.params)) == (
        theirs.transport,
        theirs.host,
        theirs.port,
        dict(theirs.parameters),
    )
    assert str(ours) == str(theirs) == text


MESSAGES = {"INVITE": INVITE} | {
    name: torture_message(name)
    for name in ("transports", "inv2543", "bext01", "sdp01", "invut", "zeromf", "badbranch")
}


@pytest.mark.parametrize("name", MESSAGES)
def test_whole_requests_are_read_alike(name: str) -> None:
    ours, theirs = parse_datagram(MESSAGES[name]), sipmessage.Message.parse(MESSAGES[name])
    assert isinstance(ours, Request)
    assert isinstance(theirs, sipmessage.Request)
    assert (ours.method, ours.uri, ours.body) == (theirs.method, str(theirs.uri), theirs.body)
    assert [str(via) for via in ours.vias] == [str(via) for via in theirs.via]
    assert ours.cseq.number == theirs.cseq.sequence
    assert ours.call_id == theirs.call_id
    for mine, other in ((ours.from_, theirs.from_address), (ours.to, theirs.to_address)):
        assert (mine.display_name, str(mine.uri)) == (other.name, str(other.uri))
        assert dict(mine.params) == dict(other.parameters)
