"""Options of API functions: keyword arguments, one dict pasted from VoxEngine's documentation (by
position, or by the name that it has there), or the older positional forms; all end up in one dict
of known names.

None counts as not given, as `undefined` does there. An unknown option is a TypeError with the
closest matches.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, cast

from runtime.api.names import unknown

WHOLE: Final = ("parameters", "options")
"""What VoxEngine's reference calls the dict itself; it may be given by that name too."""


def merge(
    what: str,
    known: Collection[str],
    positional: Sequence[object],
    keywords: Mapping[str, object],
    *,
    legacy: Sequence[str] = (),
    behind: Sequence[str] = (),
) -> dict[str, Any]:
    """Known option name -> value. `legacy` names positional arguments of the older form, `behind`
    those that may follow the dict."""
    given: dict[str, object] = {}
    positional, keywords = by_its_name(what, known, positional, keywords)
    if positional and isinstance(positional[0], Mapping):
        more = positional[1:]
        if len(more) > len(behind):
            may = f"only {', '.join(behind)}" if behind else "nothing"
            raise TypeError(f"{what}(): {may} may follow the dict of options")
        pasted = cast("Mapping[object, object]", positional[0])
        given.update({str(name): value for name, value in pasted.items()})
        given.update(zip(behind, more, strict=False))
    elif len(positional) > len(legacy):
        raise TypeError(_too_many(what, positional, legacy))
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


def by_its_name(
    what: str,
    known: Collection[str],
    positional: Sequence[object],
    keywords: Mapping[str, object],
) -> tuple[Sequence[object], Mapping[str, object]]:
    """The same arguments, with the dict as the first positional one where it was given by name."""
    name = next((each for each in WHOLE if each in keywords and each not in known), None)
    if name is None:
        return positional, keywords
    pasted = keywords[name]
    others = {each: value for each, value in keywords.items() if each != name}
    if pasted is None:
        return positional, others
    if positional:
        raise TypeError(f"{what}(): {name} is given twice")
    if not isinstance(pasted, Mapping):
        raise TypeError(f"{what}(): {name} must be a dict, not {type(pasted).__name__}")
    return (cast("Mapping[object, object]", pasted),), others


def _too_many(what: str, positional: Sequence[object], legacy: Sequence[str]) -> str:
    if legacy:
        return (
            f"{what}(): {len(positional)} of the options are given by position, which works for "
            f"{', '.join(legacy)}; give the others as keywords"
        )
    kind = type(positional[0]).__name__
    return f"{what}(): options are given as keywords or as one dict, not as {kind}"


def inner_options(what: str, name: str, value: object, known: Collection[str]) -> dict[str, str]:
    """An option that is a dict itself; its values as text."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TypeError(f"{what}(): {name} must be a dict, not {type(value).__name__}")
    given = cast("Mapping[object, object]", value)
    for key in given:
        if key not in known:
            raise TypeError(unknown(f"{what}(): {name} has no key", str(key), known))
    return {str(key): str(entry) for key, entry in given.items() if entry is not None}


def header_map(what: str, headers: object, name: str = "extraHeaders") -> dict[str, str]:
    """Headers as a dict of strings; None is no headers."""
    if headers is None:
        return {}
    if not isinstance(headers, Mapping):
        raise TypeError(f"{what}(): {name} must be a dict, not {type(headers).__name__}")
    given = cast("Mapping[object, object]", headers)
    for key, value in given.items():
        if not isinstance(key, str) or not isinstance(value, str | int | float):
            kind = type(value if isinstance(key, str) else key).__name__
            raise TypeError(f"{what}(): {name} must hold strings, {str(key)[:40]!r} has {kind}")
    return {str(key): str(value) for key, value in given.items()}


def flag(what: str, name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{what}(): {name} must be True or False, not {type(value).__name__}")
    return value


def text(what: str, name: str, value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{what}(): {name} must be a string, not {type(value).__name__}")
    return value


def seconds(what: str, name: str, value: object, most: float) -> float:
    """A length of time over 0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        kind = type(value).__name__
        raise TypeError(f"{what}(): {name} must be a number of seconds, not {kind}")
    if not 0 < value <= most:
        raise ValueError(
            f"{what}(): {name} must be over 0 and at most {most:,g} seconds, not {value}"
        )
    return value


def function(what: str, name: str, value: object) -> None:
    if not callable(value):
        raise TypeError(f"{what}(): {name} must be a function, not {type(value).__name__}")
