"""Options of API functions: keyword arguments, one dict pasted from VoxEngine's documentation, or
the older positional forms; all end up in one dict of known names.

None counts as not given, as `undefined` does there. An unknown option is a TypeError with the
closest matches.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from runtime.api.names import unknown


def merge(
    what: str,
    known: Collection[str],
    positional: Sequence[object],
    keywords: Mapping[str, object],
    *,
    legacy: Sequence[str] = (),
) -> dict[str, Any]:
    """Known option name -> value. `legacy` names positional arguments of the older form."""
    given: dict[str, object] = {}
    if positional and isinstance(positional[0], Mapping):
        if len(positional) > 1:
            raise TypeError(f"{what}(): nothing may follow the options")
        pasted = cast("Mapping[object, object]", positional[0])
        given.update({str(name): value for name, value in pasted.items()})
    elif len(positional) > len(legacy):
        raise TypeError(f"{what}(): takes at most {len(legacy)} of these arguments by position")
    else:
        given.update(zip(legacy, positional, strict=False))
    for name, value in keywords.items():
        if name in given:
            raise TypeError(f"{what}(): option {name} is given twice")
        given[name] = value
    for name in given:
        if name not in known:
            raise TypeError(unknown(f"{what}() has no option", name, known))
    return {name: value for name, value in given.items() if value is not None}


def header_map(what: str, headers: object) -> dict[str, str]:
    """Headers as a dict of strings; None is no headers."""
    if headers is None:
        return {}
    if not isinstance(headers, Mapping):
        raise TypeError(f"{what}(): headers must be a dict, not {type(headers).__name__}")
    given = cast("Mapping[object, object]", headers)
    return {str(name): str(value) for name, value in given.items()}


def flag(what: str, name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{what}(): {name} must be True or False, not {type(value).__name__}")
    return value


def text(what: str, name: str, value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{what}(): {name} must be a string, not {type(value).__name__}")
    return value
