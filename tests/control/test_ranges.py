"""Which bytes a Range header asks for, by the examples and rules of RFC 9110 14."""

from __future__ import annotations

import pytest

from runtime.control.ranges import Slice, Unsatisfiable, read_range

SIZE = 10_000


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("bytes=0-499", Slice(0, 500)),
        ("bytes=500-999", Slice(500, 1000)),
        ("bytes=-500", Slice(9_500, 10_000)),
        ("bytes=9500-", Slice(9_500, 10_000)),
        ("bytes=0-0", Slice(0, 1)),
        ("bytes=-1", Slice(9_999, 10_000)),
        ("Bytes = 0-0", Slice(0, 1)),
        ("bytes=0-99999", Slice(0, 10_000)),
        ("bytes=-99999", Slice(0, 10_000)),
    ],
)
def test_one_range(header: str, wanted: Slice) -> None:
    assert read_range(header, SIZE) == wanted


@pytest.mark.parametrize("header", ["bytes=10000-", "bytes=10000-10001", "bytes=-0"])
def test_no_byte_of_it_is_there(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        read_range(header, SIZE)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=9-3",
        "bytes=a-b",
        "bytes=1-2-3",
        "bytes=-5-6",
        "pages=1-2",
        "bytes=0-0,-1",
        "bytes=" + ",".join(["0-"] * 100),
        "bytes=" + "1" * 500 + "-",
        "bytes=\u0661-\u0662",
    ],
)
def test_what_cannot_be_read_and_several_ranges_are_ignored(header: str) -> None:
    assert read_range(header, SIZE) is None


def test_an_empty_file_has_no_ranges() -> None:
    with pytest.raises(Unsatisfiable):
        read_range("bytes=0-", 0)
