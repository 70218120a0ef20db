"""parse(str(x)) == x for every value, whatever it holds; and for whole messages."""

from __future__ import annotations

import string

from hypothesis import given, settings
from hypothesis import strategies as st

from sip.message import (
    CSeq,
    HeaderParams,
    Headers,
    NameAddr,
    Request,
    Response,
    Uri,
    Via,
    parse_datagram,
)
from sip.message.escape import USER_SAFE, escape, normalize, unescape
from sip.message.scan import quote, split_outside_quotes, unquote

UNHURRIED = settings(deadline=None, max_examples=60)
"""No deadline: the machine may be busy with other things."""

TOKENS = st.text(string.ascii_letters + string.digits + "-.!%*_+`'~", min_size=1, max_size=12)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
LINE_TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\x00"), max_size=20
)
NAMES = LINE_TEXT
HOSTS = st.one_of(
    st.from_regex(r"[a-z0-9_]{1,8}(\.[A-Za-z0-9\-]{1,8}){0,3}", fullmatch=True),
    st.ip_addresses().map(str),
)
PORTS = st.none() | st.integers(1, 65_535)
URI_PARAMS = st.dictionaries(ANY_TEXT.filter(bool), st.none() | ANY_TEXT, max_size=4)
HEADER_PARAMS = st.dictionaries(TOKENS, st.none() | LINE_TEXT, max_size=4)

SIP_URIS = st.builds(
    Uri,
    scheme=st.sampled_from(["sip", "sips"]),
    user=st.none() | ANY_TEXT,
    host=HOSTS,
    port=PORTS,
    params=URI_PARAMS,
    headers=URI_PARAMS,
)
OPAQUE_URIS = st.builds(
    Uri,
    scheme=st.sampled_from(["tel", "urn", "http"]),
    opaque=st.text(string.ascii_letters + string.digits + ":/;=?@-", max_size=20),
)
ADDRESSES = st.builds(
    NameAddr,
    display_name=NAMES,
    uri=SIP_URIS | OPAQUE_URIS,
    params=HEADER_PARAMS,
)


@given(SIP_URIS | OPAQUE_URIS)
@UNHURRIED
def test_a_uri_reads_back_as_itself(uri: Uri) -> None:
    again = Uri.parse(str(uri))
    assert again == uri
    assert hash(again) == hash(uri)
    assert (again.user, again.host, again.port) == (uri.user, uri.host, uri.port)
    assert dict(again.params) == dict(uri.params)
    assert str(Uri.parse(str(again))) == str(again)


@given(ADDRESSES)
@UNHURRIED
def test_an_address_reads_back_as_itself(address: NameAddr) -> None:
    again = NameAddr.parse(str(address))
    assert again == address
    assert str(again) == str(address)


@given(st.lists(ADDRESSES, min_size=1, max_size=5))
@UNHURRIED
def test_a_list_of_addresses_splits_into_the_same_ones(addresses: list[NameAddr]) -> None:
    headers = Headers([("Contact", ", ".join(map(str, addresses)))])
    assert [NameAddr.parse(value) for value in headers.values("Contact")] == addresses


@given(
    st.builds(
        Via,
        transport=st.sampled_from(["UDP", "TCP", "TLS", "WSS"]) | TOKENS,
        host=HOSTS,
        port=PORTS,
        params=HEADER_PARAMS,
    )
)
@UNHURRIED
def test_a_via_reads_back_as_itself(via: Via) -> None:
    assert Via.parse(str(via)) == via


@given(st.builds(CSeq, st.integers(0, 2**31 - 1), TOKENS))
@UNHURRIED
def test_a_cseq_reads_back_as_itself(cseq: CSeq) -> None:
    assert CSeq.parse(str(cseq)) == cseq


@given(HEADER_PARAMS.filter(bool), TOKENS, st.none() | LINE_TEXT)
@UNHURRIED
def test_setting_a_parameter_changes_no_other(
    values: dict[str, str | None], name: str, value: str | None
) -> None:
    params = HeaderParams(values).with_value(name, value)
    again = HeaderParams.parse(str(params)[1:])
    assert again == params
    assert again[name] == value
    assert name not in params.without(name)


@given(ANY_TEXT)
@UNHURRIED
def test_escapes_and_quotes_can_be_undone(text: str) -> None:
    assert unescape(escape(text, USER_SAFE)) == text
    assert normalize(escape(text, USER_SAFE)) == normalize(normalize(escape(text, USER_SAFE)))
    assert unquote(quote(text)) == text
    assert split_outside_quotes(quote(text), ",") == [quote(text)]


LINES = st.lists(st.tuples(TOKENS, LINE_TEXT.map(lambda text: text.strip(" \t"))), max_size=8)


@given(TOKENS, SIP_URIS, LINES, st.binary(max_size=40))
@UNHURRIED
def test_a_request_reads_back_as_itself(
    method: str, uri: Uri, lines: list[tuple[str, str]], body: bytes
) -> None:
    headers = Headers(lines)
    headers.remove("Content-Length")
    request = Request(method, str(uri), headers, body)
    again = parse_datagram(request.to_bytes())
    assert again.headers.get("Content-Length") == str(len(body))
    again.headers.remove("Content-Length")
    assert again == request


@given(st.integers(100, 699), LINE_TEXT, st.binary(max_size=40))
@UNHURRIED
def test_a_response_reads_back_as_itself(status: int, reason: str, body: bytes) -> None:
    again = parse_datagram(Response(status, reason, body=body).to_bytes())
    assert isinstance(again, Response)
    assert (again.status, again.reason, again.body) == (status, reason, body)
