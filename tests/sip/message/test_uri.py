"""URIs: what is read, what is written back, what is refused."""

from __future__ import annotations

import attrs
import pytest

from sip.message import MessageError, Uri, UriParams
from sip.message.limits import MAX_PARAMETERS, MAX_URI_CHARS


def status_of(text: str) -> int:
    with pytest.raises(MessageError) as caught:
        Uri.parse(text)
    return caught.value.status


def test_every_part_is_read() -> None:
    uri = Uri.parse("sips:alice:secret@[2001:db8::9]:5070;transport=TCP;lr?subject=hi&priority=x")
    assert uri.scheme == "sips"
    assert uri.user == "alice"
    assert uri.password == "secret"
    assert uri.host == "2001:db8::9"
    assert uri.port == 5070
    assert dict(uri.params) == {"transport": "TCP", "lr": None}
    assert dict(uri.headers) == {"subject": "hi", "priority": "x"}
    assert uri.opaque is None


@pytest.mark.parametrize(
    "text",
    [
        "sip:example.com",
        "sip:bob@example.com",
        "sip:bob:pw@example.com:5061;transport=tls;lr",
        "sip:@192.0.2.1",
        "sip:a%3Bb@h",
        "sip:%00@h;x=%41?Route=%3Csip:h%3E",
        "sip:[::1]:5060",
        "sip:*21#@pbx",
        "sip:+44(0)20-7946@h;user=phone",
        "tel:+1-201-555-0123;phone-context=example.com",
        "urn:service:sos",
        "http://www.example.com/a?b=c;d",
    ],
)
def test_what_was_read_is_written_back(text: str) -> None:
    assert str(Uri.parse(text)) == text


@pytest.mark.parametrize("host", ["asterisk2", "sip_server", "a-b.c", "10.0.0.1", "1x", "x."])
def test_hosts_of_containers_and_networks_are_accepted(host: str) -> None:
    assert Uri.parse(f"sip:u@{host}").host == host


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip",
        "sip:",
        "sip:@",
        "bob@example.com",
        "1sip:x",
        ":x",
        "sip:a@b@c",
        "sip:a@b c",
        "sip:a b@c",
        "sip:a@[::1",
        "sip:a@[nonsense]",
        "sip:a@::1",
        "sip:a@h:",
        "sip:a@h:0",
        "sip:a@h:65536",
        "sip:a@h:5060x",
        "sip:a@h:٣",
        "sip:a@h;;lr",
        "sip:a@h;=x",
        "sip:a@h<x>",
        'sip:"a"@h',
        "sip:a@h\x00",
        "tel:+1\n2",
        "sip:a@" + "h" * 256,
        "sip:a@h" + ";x" * (MAX_PARAMETERS + 1),
    ],
)
def test_what_is_no_uri_is_refused_with_400(text: str) -> None:
    assert status_of(text) == 400


def test_a_separator_with_nothing_behind_it_is_forgiven() -> None:
    assert str(Uri.parse("sip:a@h;")) == str(Uri.parse("sip:a@h?")) == "sip:a@h"


def test_a_uri_over_the_limit_is_refused_with_414() -> None:
    assert status_of("tel:" + "1" * MAX_URI_CHARS) == 414


def test_the_scheme_has_no_case() -> None:
    uri = Uri.parse("SIP:bob@Example.COM")
    assert uri.scheme == "sip"
    assert str(uri) == "sip:bob@Example.COM"


def test_other_schemes_are_kept_as_they_are() -> None:
    uri = Uri.parse("TEL:+44 20".replace(" ", "-"))
    assert (uri.scheme, uri.opaque, uri.user, uri.host) == ("tel", "+44-20", None, "")


def test_the_user_is_unescaped_after_splitting() -> None:
    uri = Uri.parse("sip:sips%3Auser%40example.com@example.net")
    assert uri.user == "sips:user@example.com"
    assert uri.host == "example.net"


def test_a_percent_sign_that_begins_no_escape_stays() -> None:
    assert Uri.parse("sip:100%25%zz%4@h").user == "100%%zz%4"


def test_escaped_and_raw_utf_8_mean_the_same_user() -> None:
    assert Uri.parse("sip:%C3%A9@h").user == Uri.parse("sip:é@h").user == "é"


def test_bytes_that_are_no_utf_8_survive() -> None:
    uri = Uri.parse("sip:caf%E9@h")
    assert uri.user == "caf\udce9"
    assert str(attrs.evolve(uri, escaped_user=None)) == "sip:caf%E9@h"


def test_a_uri_of_our_own_is_escaped() -> None:
    uri = Uri(user='a@b:c "d"%', host="h", params={"x": "a;b"}, headers={"Replaces": "a@h;b=c"})
    assert str(uri) == "sip:a%40b%3Ac%20%22d%22%25@h;x=a%3Bb?Replaces=a%40h%3Bb%3Dc"
    assert Uri.parse(str(uri)) == uri
    assert Uri.parse(str(uri)).user == 'a@b:c "d"%'


def test_changing_another_part_keeps_the_escapes_of_the_user() -> None:
    uri = attrs.evolve(Uri.parse("sip:a%3Bb@h"), port=5070)
    assert str(uri) == "sip:a%3Bb@h:5070"


def test_changing_the_user_writes_the_new_one() -> None:
    uri = attrs.evolve(Uri.parse("sip:a%3Bb@h"), user="c")
    assert str(uri) == "sip:c@h"


def test_changing_one_parameter_leaves_the_text_of_the_others() -> None:
    uri = Uri.parse("sip:h;n%61me=v%61lue;transport=udp;maddr=x")
    changed = attrs.evolve(uri, params=uri.params.with_value("transport", "tcp").without("maddr"))
    assert str(changed) == "sip:h;n%61me=v%61lue;transport=tcp"
    assert changed.params["NAME"] == "value"


def test_of_a_repeated_parameter_the_first_counts() -> None:
    uri = Uri.parse("sip:h;x=1;X=2")
    assert uri.params["x"] == "1"
    assert str(uri) == "sip:h;x=1;X=2"
    assert str(uri.params.with_value("x", "3")) == ";x=3"


def test_a_replaces_header_in_a_uri_can_be_read() -> None:
    uri = Uri.parse("sip:bob@h?Replaces=12%40h%3Bto-tag%3Da%3Bfrom-tag%3Db&Require=replaces")
    assert uri.headers["replaces"] == "12@h;to-tag=a;from-tag=b"
    assert uri.headers["Require"] == "replaces"


@pytest.mark.parametrize(
    "make",
    [
        lambda: Uri(host="a b"),
        lambda: Uri(host=""),
        lambda: Uri(scheme="tel"),
        lambda: Uri(scheme="tel", opaque="+1 2"),
        lambda: UriParams({"": "x"}),
    ],
)
def test_a_uri_that_could_not_be_read_back_cannot_be_made(make: object) -> None:
    assert callable(make)
    with pytest.raises(ValueError):
        make()


def test_its_repr_is_its_text() -> None:
    assert repr(Uri.parse("sip:a@h")) == "Uri('sip:a@h')"
    assert repr(Uri.parse("sip:a@h;lr").params) == "UriParams({'lr': None})"
