"""When two URIs are the same (RFC 3261 19.1.4, with its own examples; RFC 3966 4 for tel)."""

from __future__ import annotations

import pytest

from sip.message import Uri

EQUAL = [
    ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
    (
        "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
        "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
    ),
    (
        "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
        "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
    ),
    ("SIP:a@h", "sip:a@h"),
    ("sip:%C3%A9@h", "sip:é@h"),
    ("sip:#1@h", "sip:%231@h"),
    ("sip:a%3bb@h", "sip:a%3Bb@h"),
    ("sip:[2001:DB8:0::1]", "sip:[2001:db8::1]"),
    ("sip:a@h;lr;x=1", "sip:a@h;x=1"),
    ("tel:+1-201-555-0123", "tel:+1(201)555.0123"),
    ("tel:555;phone-context=h;isub=1", "tel:555;ISUB=1;Phone-Context=H"),
    ("urn:service:sos", "URN:service:sos"),
]

DIFFERENT = [
    ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
    ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
    ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
    ("sip:a@h", "sips:a@h"),
    ("sip:a@h", "sip:h"),
    ("sip:@h", "sip:h"),
    ("sip:a:pw@h", "sip:a@h"),
    ("sip:a%3Bb@h", "sip:a;b@h"),
    ("sip:a@h", "sip:a@h;maddr=x"),
    ("sip:a@h;user=phone", "sip:a@h"),
    ("sip:a@h;ttl=1", "sip:a@h;ttl=2"),
    ("tel:+1201", "tel:+1202"),
    ("tel:+1201", "sip:+1201@h"),
    ("urn:service:sos", "urn:service:SOS"),
    ("sip:%2541@h", "sip:A@h"),
]


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_equal_uris(one: str, other: str) -> None:
    first, second = Uri.parse(one), Uri.parse(other)
    assert first == second
    assert second == first
    assert hash(first) == hash(second)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_uris(one: str, other: str) -> None:
    assert Uri.parse(one) != Uri.parse(other)
    assert Uri.parse(other) != Uri.parse(one)


def test_a_uri_is_no_string() -> None:
    assert Uri.parse("sip:a@h") != "sip:a@h"
