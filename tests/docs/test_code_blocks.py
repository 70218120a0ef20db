"""Every Python program in README and documentation runs as it stands there.

A block is scenario.py, or test_scenario.py when it holds tests; its first line may name another
file ("# prices.py"). Each block of tests is run with the files as they are at that place on the
page. A block marked `python fails` must fail and show the lines of the text block after it.
"""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# (\w+\.py)\n")


@attrs.frozen
class Block:
    kind: str
    """"python", "python fails", "text", ..."""
    text: str

    @property
    def file(self) -> str:
        named = NAMED.match(self.text)
        if named:
            return named.group(1)
        return "test_scenario.py" if "def test_" in self.text else "scenario.py"


def blocks(page: Path) -> list[Block]:
    return [Block(*match.groups()) for match in FENCE.finditer(page.read_text())]


def pages() -> list[Path]:
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in found if any(b.kind.startswith("python") for b in blocks(page))]


def shown(line: str) -> str:
    """A line as it must be found in the output, whatever stands before and after it."""
    words = re.sub(r"([\[\]*?])", "[\\1]", " ".join(line.split()))
    return f"*{words}*"


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_programs_on_the_page_run(page: Path, pytester: pytest.Pytester) -> None:
    tested = True
    found = blocks(page)
    for number, block in enumerate(found):
        if block.kind not in ("python", "python fails"):
            continue
        (pytester.path / block.file).write_text(block.text)
        tested = block.file.startswith("test_")
        if not tested:
            continue
        result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-W", "error")
        if block.kind == "python":
            outcomes = result.parseoutcomes()
            assert outcomes.keys() <= {"passed"}
            assert outcomes["passed"] >= block.text.count("def test_"), "more where parametrised"
            continue
        result.assert_outcomes(failed=block.text.count("def test_"))
        output = pytest.LineMatcher([" ".join(line.split()) for line in result.outlines])
        wanted = next(later for later in found[number:] if later.kind == "text")
        output.fnmatch_lines([shown(line) for line in wanted.text.splitlines()])
    assert tested, "the last program of the page has no test after it"


def test_the_tutorial_is_among_the_pages() -> None:
    names = [page.name for page in pages()]
    assert {"README.md", "first-scenario.md", "testing.md"} <= set(names)
