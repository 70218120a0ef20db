"""Files, classes and functions keep to the house's size limits (tests included for files)."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

MAX_FILE = 600
MAX_SOURCE_FILE = 400
MAX_CLASS = 300
MAX_FUNCTION = 60


def tracked() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "*.py"], check=True, capture_output=True, text=True
    ).stdout
    return [Path(name) for name in listing.split() if Path(name).exists()]


def faults(path: Path) -> Iterator[str]:
    text = path.read_text()
    lines = text.count("\n")
    limit = MAX_FILE if path.parts[0] in ("tests", ".ci") else MAX_SOURCE_FILE
    if lines > limit:
        yield f"{path}: {lines} lines, the limit is {limit}: split it by decision"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef):
            kind, limit = "class", MAX_CLASS
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            kind, limit = "function", MAX_FUNCTION
        else:
            continue
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if length > limit:
            yield f"{path}:{node.lineno}: {kind} {node.name} has {length} lines, limit {limit}"


def main() -> int:
    found = [fault for path in tracked() for fault in faults(path)]
    print("\n".join(found) or "sizes: every file, class and function within its limit")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
