"""Documentation holds together: relative links lead somewhere, fragments are named by the rules."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
FRAGMENT = re.compile(r"[a-z0-9-]+\.(added|changed|fixed|removed|security|internal)\.md")


def tracked() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "*.md"], check=True, capture_output=True, text=True
    ).stdout
    return [Path(name) for name in listing.split() if Path(name).exists()]


def faults(path: Path) -> Iterator[str]:
    for number, line in enumerate(path.read_text().splitlines(), 1):
        for target in LINK.findall(line):
            if "://" not in target and not (path.parent / target).exists():
                yield f"{path}:{number}: the link to {target} leads nowhere"
    is_fragment = path.parts[:2] == ("docs", "changes") and path.name != "README.md"
    if is_fragment and not FRAGMENT.fullmatch(path.name):
        yield f"{path}: a fragment is named subject.kind.md (added, changed, fixed, ...)"


def main() -> int:
    found = [fault for path in tracked() for fault in faults(path)]
    print("\n".join(found) or "docs: every link leads somewhere")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
