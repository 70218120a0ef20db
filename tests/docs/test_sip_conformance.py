"""The page about SIP names tests that are there, for each thing that it says works."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs/reference/sip-conformance.md"
_TEST: Final = re.compile(r"`([\w/]+\.py)?(?:::(\w+))?`")


@attrs.frozen
class Named:
    """One test, or all of a file."""

    line: int
    file: str
    test: str


def rows() -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each row of a table that has a column for tests."""
    is_evidence = False
    for number, line in enumerate(PAGE.read_text().splitlines(), 1):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not cells or set("".join(cells)) <= {"-"}:
            continue
        if cells[0].startswith("RFC"):
            is_evidence = cells[2:3] == ["test"]
        elif is_evidence:
            yield number, cells


def named(line: int, cell: str) -> Iterator[Named]:
    file = ""
    for found in _TEST.finditer(cell):
        file = found[1] or file
        yield Named(line, file, found[2] or "")


def functions_in(file: Path) -> set[str]:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return {one.name for one in ast.parse(file.read_text()).body if isinstance(one, kinds)}


def test_every_row_has_its_rfc_what_works_and_a_test() -> None:
    read = list(rows())
    assert len(read) > 100
    for line, cells in read:
        assert len(cells) == 4, f"line {line}: not RFC, behaviour, test, peers"
        assert all(cells[:2]), f"line {line}"
        assert list(named(line, cells[2])), f"line {line}: no test"


def test_every_test_that_is_named_is_there() -> None:
    for line, cells in rows():
        for one in [*named(line, cells[2]), *named(line, cells[3])]:
            file = ROOT / "tests" / one.file
            assert one.file, f"line {line}: a test of no file"
            assert file.is_file(), f"line {line}: there is no tests/{one.file}"
            if one.test:
                assert one.test in functions_in(file), f"line {line}: {one.file} has no {one.test}"
