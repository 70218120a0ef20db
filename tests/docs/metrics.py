"""The table of metrics in docs/reference/http.md, made from the code.

`python -m tests.docs.metrics` writes it; a test sees that it is current.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from runtime.control.metric_table import TABLE, Figure

PAGE: Final = Path(__file__).resolve().parents[2] / "docs/reference/http.md"
HEAD: Final = "| metric | kind | labels | meaning |"


def renewed(page: str) -> str:
    """The page with the table as it should be, in the place of the one that begins with HEAD."""
    before, _, rest = page.partition(HEAD)
    after = rest.partition("\n\n")[2]
    return "\n".join((before + HEAD, "|---|---|---|---|", *map(_row, TABLE), "", after))


def named(page: str) -> set[str]:
    """Names of our metrics on a page."""
    return set(re.findall(r"\bcallstage_[a-z_]+", page))


def _row(figure: Figure) -> str:
    labels = ", ".join(f"`{label}`" for label in figure.labels)
    return f"| `{figure.name}` | {figure.kind} | {labels} | {figure.what} |"


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text()))
