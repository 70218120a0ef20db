"""Which test shows a name of the scenario API: found in the tests themselves.

A test speaks of a name when its own text, or that of what it uses from its file, holds it. Of those
the most telling is taken: first by folder, then the shortest.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import attrs

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDERS: Final = ("tests/testing/rules", "tests/testing", "tests/api", "tests/session", "tests/e2e")
"""Where tests of the API stand, the most telling first."""
_CHECKS: Final = re.compile(r"\bassert\b|pytest\.raises|\.hears\(|\.sees\(")


@attrs.frozen
class Shown:
    """One test."""

    rank: int
    size: int
    id: str
    """tests/testing/rules/test_media.py::test_..."""
    text: str = attrs.field(repr=False)


def shown_by(name: str, *patterns: str) -> str | None:
    """The most telling test whose text matches all of these; None when there is none.

    One that is named after what is to be shown comes first.
    """
    wanted = [re.compile(pattern) for pattern in patterns]
    found = [test for test in _tests() if all(pattern.search(test.text) for pattern in wanted)]
    words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]{3,}|[A-Z]{3,}", name)}
    found.sort(key=lambda test: not all(word in test.id for word in words))
    return found[0].id if found else None


@cache
def _tests() -> tuple[Shown, ...]:
    found: list[Shown] = []
    for rank, folder in enumerate(FOLDERS):
        for path in sorted((ROOT / folder).glob("test_*.py")):
            found += _of_file(rank, path)
    return tuple(sorted(found, key=lambda test: (test.rank, test.size, test.id)))


def _of_file(rank: int, path: Path) -> Iterator[Shown]:
    source = path.read_text()
    own: dict[str, str] = {}
    for node in ast.parse(source).body:
        text = "\n".join(source.splitlines()[_first(node) - 1 : node.end_lineno])
        for name in _names(node):
            own[name] = text
    for name in own:
        if not name.startswith("test_"):
            continue
        whole = _with_what_it_uses(name, own)
        if _CHECKS.search(whole):
            yield Shown(rank, len(whole), f"{path.relative_to(ROOT)}::{name}", whole)


def _first(node: ast.stmt) -> int:
    decorators = (
        node.decorator_list if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else []
    )
    return min([node.lineno, *(each.lineno for each in decorators)])


def _names(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return [node.name]
        case ast.Assign():
            return [each.id for each in node.targets if isinstance(each, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case _:
            return []


def _with_what_it_uses(name: str, own: dict[str, str]) -> str:
    """Its text, and what of its file it uses, and what that uses."""
    known, waiting = {name}, [name]
    while waiting:
        text = own[waiting.pop()]
        for word in set(re.findall(r"\w+", text)) & own.keys():
            if word not in known and not word.startswith("test_"):
                known.add(word)
                waiting.append(word)
    return "\n".join(own[each] for each in sorted(known, key=lambda each: (each != name, each)))
