"""The header container: order, spelling, lists, and what may not be written."""

from __future__ import annotations

import pytest

from sip.message import Headers


def test_names_have_no_case_and_a_compact_form() -> None:
    headers = Headers([("v", "1"), ("VIA", "2"), ("Via", "3"), ("i", "x"), ("I", "y")])
    assert headers.lines("via") == headers.lines("V") == ["1", "2", "3"]
    assert headers.get("Call-ID") == "x"
    assert "CALL-id" in headers
    assert "From" not in headers
    assert 5 not in headers
    assert headers.get("From") is None
    assert headers.lines("From") == headers.values("From") == []


def test_order_and_spelling_are_kept() -> None:
    items = [("X-One", "1"), ("v", "a"), ("x-ONE", "2")]
    assert list(Headers(items)) == items
    assert len(Headers(items)) == 3


def test_a_list_is_split_at_its_commas_alone() -> None:
    headers = Headers(
        [
            ("Contact", '"A, x" <sip:a@h>;q=0.1, "B \\", <" <sip:b@h,c>;x="1,2" ,sip:d@h'),
            ("m", " "),
            ("Contact", ",, <sip:e@h>,"),
        ]
    )
    assert headers.values("Contact") == [
        '"A, x" <sip:a@h>;q=0.1',
        '"B \\", <" <sip:b@h,c>;x="1,2"',
        "sip:d@h",
        "<sip:e@h>",
    ]


def test_an_unterminated_quote_swallows_the_rest_of_its_line_only() -> None:
    headers = Headers([("Contact", '<sip:a@h>, "b, c'), ("Contact", "<sip:d@h>")])
    assert headers.values("Contact") == ["<sip:a@h>", '"b, c', "<sip:d@h>"]


def test_setting_replaces_in_place() -> None:
    headers = Headers([("A", "1"), ("t", "2"), ("B", "3"), ("To", "4")])
    headers.set("To", "5")
    headers.set("C", "6")
    assert list(headers) == [("A", "1"), ("To", "5"), ("B", "3"), ("C", "6")]
    assert headers.get("To") == "5"


def test_adding_prepending_and_removing_are_seen_at_once() -> None:
    headers = Headers([("Via", "1")])
    assert headers.get("Via") == "1"
    headers.prepend("Via", "0")
    headers.add("Via", "2")
    assert headers.lines("Via") == ["0", "1", "2"]
    assert headers.repeated() == ["via"]
    headers.remove("v")
    headers.remove("v")
    assert "Via" not in headers


def test_a_copy_is_independent() -> None:
    headers = Headers([("A", "1")])
    copy = headers.copy()
    copy.add("B", "2")
    assert list(headers) == [("A", "1")]
    assert headers != copy
    assert headers == Headers([("a", "1")])
    assert headers != "A: 1"
    assert repr(headers) == "Headers([('A', '1')])"


@pytest.mark.parametrize("value", ["x\r\nEvil: 1", "x\n", "\r", "a\x00b", "\x00", "\\a\x00"])
def test_cr_lf_and_nul_cannot_be_written(value: str) -> None:
    for write in (Headers().add, Headers().set, Headers().prepend):
        with pytest.raises(ValueError, match="CR, LF or NUL"):
            write("Subject", value)


@pytest.mark.parametrize("name", ["", "A b", "A:", "A\r\nB", "ä", " A"])
def test_a_name_that_is_no_token_cannot_be_written(name: str) -> None:
    with pytest.raises(ValueError, match="not a token"):
        Headers([(name, "x")])


def test_text_without_a_utf_8_form_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="UTF-8"):
        Headers([("Subject", "\ud800")])
    assert Headers([("Subject", "caf\udce9 é")]).get("Subject") == "caf\udce9 é"


def test_a_nul_in_a_quoted_pair_may_be_echoed() -> None:
    assert Headers([("To", '"NUL:\\\x00" <sip:a@h>')]).get("To") == '"NUL:\\\x00" <sip:a@h>'


def test_what_is_found_follows_every_change() -> None:
    headers = Headers([("Via", "a"), ("v", "b"), ("X-One", "1")])
    assert headers.lines("Via") == ["a", "b"]
    headers.prepend("via", "first")
    headers.add("VIA", "last")
    assert headers.lines("Via") == ["first", "a", "b", "last"]
    headers.set("x-one", "2")
    headers.set("X-Two", "3")
    assert (headers.get("X-One"), headers.get("X-Two")) == ("2", "3")
    headers.remove("v")
    headers.remove("X-Three")
    assert "Via" not in headers
    again = Headers(list(headers))
    assert {name: again.lines(name) for name, _ in again} == {
        name: headers.lines(name) for name, _ in headers
    }


def test_lines_may_be_put_last() -> None:
    headers = Headers([("c", "text/plain"), ("To", "x"), ("From", "y")])
    assert headers.get("Content-Type") == "text/plain"
    headers.put_last("Content-Type")
    headers.put_last("Subject")
    assert list(headers) == [("To", "x"), ("From", "y"), ("c", "text/plain")]
    assert headers.get("Content-Type") == "text/plain"


def test_the_lines_of_a_name_are_another_object_after_a_change_and_only_then() -> None:
    headers = Headers([("Via", "a"), ("To", "x")])
    before = headers.stored("Via")
    headers.add("X-One", "1")
    assert headers.stored("v") is before
    for change in (lambda: headers.add("v", "b"), lambda: headers.set("Via", "c")):
        change()
        assert headers.stored("Via") is not before
        before = headers.stored("Via")
