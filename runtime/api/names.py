"""Unknown names, and calls that do not fit, are errors that offer the closest known names.

A scenario is often written from memory or by a machine: a misspelt attribute, event, option or
string must fail at the line that has it, never register something that can never happen.
"""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Collection, Iterable
from enum import Enum
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from runtime.api.instead import INSTEAD

MAX_MATCHES: Final = 3
"""More suggestions than three are read by nobody."""
MAX_LISTED: Final = 12
"""Without a suggestion, this many names are simply listed."""
MAX_SHOWN: Final = 60
"""A hostile or generated name is not repeated at full length."""


def close_matches(name: str, known: Iterable[str]) -> list[str]:
    """Known names that look like `name`, best first; letter case does not count.

    Of dotted names the last parts are compared: "Call." alone makes nothing similar.
    """
    by_part: dict[str, list[str]] = {}
    for entry in sorted(known):
        by_part.setdefault(entry.casefold().rpartition(".")[2], []).append(entry)
    wanted = name[:MAX_SHOWN].casefold().rpartition(".")[2]
    found = difflib.get_close_matches(wanted, by_part, n=MAX_MATCHES, cutoff=0.65)
    return [entry for part in found for entry in by_part[part]][:MAX_MATCHES]


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """The message for an unknown name: what is unknown, and what was probably meant."""
    shown = name if len(name) <= MAX_SHOWN else f"{name[:MAX_SHOWN]}..."
    names = sorted(known)
    matches = close_matches(name, names)
    if matches:
        return f"{what} {shown!r}: did you mean {' or '.join(map(repr, matches))}?"
    if len(names) <= MAX_LISTED:
        return f"{what} {shown!r}: known are {', '.join(names) or 'none'}"
    return f"{what} {shown!r}, nor anything similar"


def _refusal(owner: str, name: str, known: Collection[str], later: Collection[str]) -> str:
    instead = INSTEAD.get(f"{owner}.{name}")
    if instead is not None:
        return f"{owner}.{name} does not exist here: {instead}"
    if name in later:
        return f"{owner}.{name} exists in VoxEngine but is not available in this version"
    if name.startswith("_"):
        return f"{owner} has no attribute {name[:MAX_SHOWN]!r}"
    return unknown(f"{owner} has no attribute", name, known)


def shown_name(owner: type) -> str:
    """What scenarios call it: Call, VoxEngine, Logger."""
    return getattr(owner, "_shown_as", "") or owner.__name__


def public_names(owner: type) -> list[str]:
    return [name for name in dir(owner) if not name.startswith("_")]


def explained(function: FunctionType) -> Callable[..., Any]:
    """`function`, whose misuse is explained in the words of the API, with close matches.

    Python's own message names the class that happens to define a method, and offers nothing for a
    misspelt keyword. The check costs nothing while a call fits.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*args: Any, **keywords: Any) -> Any:
        try:
            return function(*args, **keywords)
        except TypeError as exc:
            if exc.__traceback__ is not None and exc.__traceback__.tb_next is None:
                why = _misuse(function.__name__, signature, args, keywords)
                if why is not None:
                    raise TypeError(why) from None
            raise

    return call


def _misuse(
    name: str, signature: inspect.Signature, args: tuple[Any, ...], keywords: dict[str, Any]
) -> str | None:
    """Why the arguments do not fit; None when they do."""
    owner = cast("type[object]", type(args[0]))
    what = f"{shown_name(owner)}.{name}()"
    parameters = list(signature.parameters.values())[1:]
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        known = [p.name for p in parameters if p.kind is not p.VAR_POSITIONAL]
        for keyword in keywords:
            if keyword not in known:
                return unknown(f"{what} has no parameter", keyword, known)
    try:
        signature.bind(*args, **keywords)
    except TypeError as exc:
        form = ", ".join(map(_shown, parameters))
        return f"{what}: {exc}; the form is {name}({form})"
    return None


def _shown(parameter: inspect.Parameter) -> str:
    if parameter.kind is parameter.VAR_POSITIONAL:
        return f"*{parameter.name}"
    if parameter.kind is parameter.VAR_KEYWORD:
        return f"**{parameter.name}"
    default = parameter.default
    if default is parameter.empty:
        return parameter.name
    shown = (
        f"{type(default).__name__}.{default.name}" if isinstance(default, Enum) else repr(default)
    )
    return f"{parameter.name}={shown}"


class StrictNames:
    """API objects: reading an unknown attribute, setting any, or calling a method in a way that
    does not fit says what to do instead."""

    __slots__ = ()
    _shown_as: ClassVar[str] = ""
    _later: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name, member in list(vars(cls).items()):
            if isinstance(member, FunctionType) and not name.startswith("_"):
                if cls._shown_as:
                    member.__qualname__ = f"{cls._shown_as}.{name}"
                setattr(cls, name, explained(member))

    if not TYPE_CHECKING:  # a visible __getattr__ would make every name look valid to editors

        def __getattr__(self, name: str) -> Any:
            owner = type(self)
            raise AttributeError(
                _refusal(shown_name(owner), name, public_names(owner), owner._later)
            )

        def __setattr__(self, name: str, value: object) -> None:
            if name.startswith("_"):
                object.__setattr__(self, name, value)
                return
            shown = f"{shown_name(type(self))}.{name[:MAX_SHOWN]}"
            raise AttributeError(
                f"{shown} cannot be set: API objects take no attributes; keep your own values in "
                "a variable, a dict or customData()"
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
