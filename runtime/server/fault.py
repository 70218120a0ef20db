"""Why a runtime does not start."""

from __future__ import annotations

from runtime.decisions.problems import Setup


class StartError(Exception):
    """The runtime cannot start as configured; str() says what to change, with the number."""

    def __init__(self, kind: Setup, why: str) -> None:
        super().__init__(numbered(kind, why))
        self.kind = kind


def numbered(kind: Setup, why: str) -> str:
    """A fault as the command shows it."""
    return f"{why} ({kind.number})"


def leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """The exceptions of a group of groups."""
    found: list[BaseException] = []
    for exc in group.exceptions:
        found += leaves(exc) if isinstance(exc, BaseExceptionGroup) else [exc]
    return found
