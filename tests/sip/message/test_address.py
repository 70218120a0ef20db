"""name-addr and addr-spec in all the shapes that peers write."""

from __future__ import annotations

import pytest

from sip.message import HeaderParams, MessageError, NameAddr, Uri
from sip.message.limits import MAX_PARAMETERS


@pytest.mark.parametrize(
    ("text", "name", "uri", "params"),
    [
        ("sip:a@h", "", "sip:a@h", {}),
        ("sip:a@h;tag=1", "", "sip:a@h", {"tag": "1"}),
        ("<sip:a@h;lr>;tag=1", "", "sip:a@h;lr", {"tag": "1"}),
        ("Bob <sip:a@h>", "Bob", "sip:a@h", {}),
        ("Bob<sip:a@h>", "Bob", "sip:a@h", {}),
        ("Bob B. Bell  <sip:a@h>", "Bob B. Bell", "sip:a@h", {}),
        ("Bell, Bob <sip:a@h>", "Bell, Bob", "sip:a@h", {}),
        ("Zoë <sip:a@h>", "Zoë", "sip:a@h", {}),
        ('"" <sip:a@h>', "", "sip:a@h", {}),
        ('"A, <x> ;y" <sip:a@h>', "A, <x> ;y", "sip:a@h", {}),
        (r'"say \"hi\" \\" <sip:a@h>', 'say "hi" \\', "sip:a@h", {}),
        ('"Bob"\t<sip:a@h> ; tag = x ; y', "Bob", "sip:a@h", {"tag": "x", "y": None}),
        ("< sip:a@h >;tag=1", "", "sip:a@h", {"tag": "1"}),
        ('<sip:a@h>;x="a;b, \\"c\\""', "", "sip:a@h", {"x": 'a;b, "c"'}),
        ("<sip:a@h>;received=::1;maddr=[::2];e=", "", "sip:a@h", None),
        ("tel:+1;phone-context=x", "", "tel:+1", {"phone-context": "x"}),
        ("<tel:+1;phone-context=x>", "", "tel:+1;phone-context=x", {}),
        ("<sip:a@h?Replaces=x%3By>", "", "sip:a@h?Replaces=x%3By", {}),
    ],
)
def test_an_address_is_read_and_read_back(
    text: str, name: str, uri: str, params: dict[str, str | None] | None
) -> None:
    address = NameAddr.parse(text)
    assert address.display_name == name
    assert str(address.uri) == uri
    if params is not None:
        assert dict(address.params) == params
    assert NameAddr.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Bob",
        '"Bob',
        '"Bob"',
        '"Bob" sip:a@h',
        '"Bob\\" <sip:a@h>',
        "Bob <sip:a@h",
        "<>",
        "<sip:a@h> x",
        "<sip:a@h>,<sip:b@h>",
        "<sip:a@h>;",
        "<sip:a@h>;;x",
        "<sip:a@h>;=1",
        '<sip:a@h>;x="1',
        '<sip:a@h>;x="1"2',
        "<sip:a@h>;x=1 2",
        "<sip:a@h>;x=<1>",
        'Mr "X" <sip:a@h>',
        "sip:a@h?Route=x",
        "sip:a,b@h",
        "<sip:a@h>" + ";x" * (MAX_PARAMETERS + 1),
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(MessageError) as caught:
        NameAddr.parse(text)
    assert caught.value.status == 400


def test_the_tag_has_no_case_in_its_name() -> None:
    assert NameAddr.parse("<sip:a@h>;Tag=AbC").tag == "AbC"
    assert NameAddr.parse("<sip:a@h>").tag is None
    assert NameAddr.parse("<sip:a@h>;tag").tag is None


def test_a_tag_can_be_given() -> None:
    assert str(NameAddr.parse("Bob <sip:a@h>;x=1").with_tag("t")) == '"Bob" <sip:a@h>;x=1;tag=t'
    assert str(NameAddr.parse("<sip:a@h>;tag=o;x=1").with_tag("t")) == "<sip:a@h>;tag=t;x=1"


def test_the_star_of_a_contact() -> None:
    star = NameAddr.parse(" * ")
    assert star.is_wildcard
    assert str(star) == "*"
    assert not NameAddr.parse("sip:a@h").is_wildcard


def test_an_address_of_our_own_is_quoted_where_it_must_be() -> None:
    address = NameAddr(
        display_name='B "x" \\',
        uri=Uri(user="b", host="::1"),
        params={"a": "token", "b": "two words", "c": "[::1]", "d": None, "e": 'q"\\'},
    )
    text = str(address)
    assert text == (r'"B \"x\" \\" <sip:b@[::1]>;a=token;b="two words";c=[::1];d;e="q\"\\"')
    assert NameAddr.parse(text) == address


def test_a_parameter_name_must_be_a_token() -> None:
    with pytest.raises(ValueError, match="not a token"):
        HeaderParams({"a b": "c"})


def test_parameters_compare_as_mappings_whatever_their_spelling() -> None:
    assert HeaderParams.parse('A="x";b') == {"a": "x", "b": None} == HeaderParams.parse("b;a=x")
    assert hash(HeaderParams.parse("a=x;b")) == hash(HeaderParams.parse("b;A=x"))
    assert len(HeaderParams.parse("a;a;b")) == 2
