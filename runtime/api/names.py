"""Unknown names are errors that offer the closest known ones.

A scenario is often written from memory or by a machine: a misspelt attribute, event, option or
string must fail at the line that has it, never register something that can never happen.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Final

MAX_MATCHES: Final = 3
"""More suggestions than three are read by nobody."""
MAX_SHOWN: Final = 60
"""A hostile or generated name is not repeated at full length."""


def close_matches(name: str, known: Iterable[str]) -> list[str]:
    """Known names that look like `name`, best first; letter case does not count."""
    by_folded = {entry.casefold(): entry for entry in sorted(known)}
    wanted = name[:MAX_SHOWN].casefold()
    found = difflib.get_close_matches(wanted, by_folded, n=MAX_MATCHES, cutoff=0.65)
    parts = {entry.rpartition(".")[2]: entry for entry in by_folded}
    found += difflib.get_close_matches(wanted, parts, n=MAX_MATCHES, cutoff=0.75)
    return list(dict.fromkeys(by_folded[parts.get(entry, entry)] for entry in found))[:MAX_MATCHES]


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """The message for an unknown name: what is unknown, and what was probably meant."""
    shown = name if len(name) <= MAX_SHOWN else f"{name[:MAX_SHOWN]}..."
    names = sorted(known)
    matches = close_matches(name, names)
    if matches:
        return f"{what} {shown!r}: did you mean {' or '.join(map(repr, matches))}?"
    if len(names) <= 2 * MAX_MATCHES:
        return f"{what} {shown!r}: known are {', '.join(names) or 'none'}"
    return f"{what} {shown!r}: nothing similar is known"


def _refusal(owner: str, name: str, known: Collection[str], later: Collection[str]) -> str:
    if name in later:
        return f"{owner}.{name} exists in VoxEngine but is not available in this version"
    if name.startswith("_"):
        return f"{owner} has no attribute {name[:MAX_SHOWN]!r}"
    return unknown(f"{owner} has no attribute", name, known)


def public_names(owner: type) -> list[str]:
    return [name for name in dir(owner) if not name.startswith("_")]


class StrictNames:
    """API objects: reading an unknown attribute, or setting any, says what to do instead."""

    __slots__ = ()
    _shown_as: ClassVar[str] = ""
    _later: ClassVar[frozenset[str]] = frozenset()

    if not TYPE_CHECKING:  # a visible __getattr__ would make every name look valid to editors

        def __getattr__(self, name: str) -> Any:
            owner = type(self)
            shown = owner._shown_as or owner.__name__
            raise AttributeError(_refusal(shown, name, public_names(owner), owner._later))

        def __setattr__(self, name: str, value: object) -> None:
            if name.startswith("_"):
                object.__setattr__(self, name, value)
                return
            shown = type(self)._shown_as or type(self).__name__
            raise AttributeError(
                f"{shown}.{name[:MAX_SHOWN]} cannot be set: API objects take no attributes; keep "
                "your own values in a variable, a dict or customData()"
            )


class NamespaceType(type):
    """Metaclass of name spaces that are never instantiated: CallEvents, Modules, VoiceList."""

    _later: frozenset[str] = frozenset()

    if not TYPE_CHECKING:

        def __getattr__(cls, name: str) -> Any:
            raise AttributeError(_refusal(cls.__name__, name, public_names(cls), cls._later))

        def __setattr__(cls, name: str, value: object) -> None:
            raise AttributeError(f"{cls.__name__}.{name[:MAX_SHOWN]} cannot be set")

        def __call__(cls, *_: object, **__: object) -> Any:
            raise TypeError(f"{cls.__name__} is a set of names and cannot be called")
