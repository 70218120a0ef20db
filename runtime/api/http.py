"""What goes into an HTTP request of a script, and what comes back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, SupportsIndex, cast, overload

import attrs

from runtime.api.names import unknown
from runtime.api.options import merge

OPTIONS: Final = (
    "method",
    "postData",
    "headers",
    "params",
    "rawOutput",
    "timeout",
    "connectionTimeout",
    "enableSystemLog",
)


class HttpRequestOptions:
    """Options of Net.httpRequest as an object whose fields are set, the older form.

    `method`, `postData`, `headers`, `params`, `rawOutput`, `timeout`, `connectionTimeout`,
    `enableSystemLog`; other names raise AttributeError. VoxEngine reference:
    Net.HttpRequestOptions.
    """

    __slots__ = ("_given",)

    def __init__(self, *parameters: object, **options: object) -> None:
        given = merge("Net.HttpRequestOptions", OPTIONS, parameters, options)
        object.__setattr__(self, "_given", given)

    if TYPE_CHECKING:
        method: str
        postData: str | bytes
        headers: object
        params: Mapping[str, object]
        rawOutput: bool
        timeout: float
        connectionTimeout: float
        enableSystemLog: bool
        _given: dict[str, Any]
    else:

        def __setattr__(self, name: str, value: object) -> None:
            self._given[_known(name)] = value

        def __getattr__(self, name: str) -> Any:
            return self._given.get(_known(name))

    def __repr__(self) -> str:
        return f"<Net.HttpRequestOptions {', '.join(self._given) or 'empty'}>"


def _known(name: str) -> str:
    if name not in OPTIONS:
        raise AttributeError(unknown("Net.HttpRequestOptions has no field", name, OPTIONS))
    return name


def request_options(what: str, positional: tuple[object, ...], keywords: Any) -> dict[str, Any]:
    """Option name -> value, from keywords, one dict, or one HttpRequestOptions."""
    plain = tuple(map(_plain, positional))
    return merge(what, OPTIONS, plain, {name: _plain(each) for name, each in keywords.items()})


def _plain(given: object) -> object:
    """HttpRequestOptions as the dict that it is."""
    return dict(given._given) if isinstance(given, HttpRequestOptions) else given


@attrs.frozen
class HttpHeader:
    """One header of an answer; `header["key"]` works too."""

    key: str
    value: str

    def __getitem__(self, name: str) -> str:
        if name not in ("key", "value"):
            raise KeyError(name)
        return str(getattr(self, name))


class HttpHeaders(tuple[HttpHeader, ...]):
    """The headers of an answer in their order, and by name whatever its case.

    `headers[0].key`, `headers["Content-Type"]` (the first of that name, KeyError without one),
    `headers.get("Retry-After")`.
    """

    __slots__ = ()

    @overload
    def __getitem__(self, key: SupportsIndex, /) -> HttpHeader: ...
    @overload
    def __getitem__(self, key: slice[Any, Any, Any], /) -> tuple[HttpHeader, ...]: ...
    @overload
    def __getitem__(self, key: str, /) -> str: ...
    def __getitem__(
        self, key: str | SupportsIndex | slice[Any, Any, Any], /
    ) -> str | HttpHeader | tuple[HttpHeader, ...]:
        if isinstance(key, str):
            found = self.get(key)
            if found is None:
                raise KeyError(key)
            return found
        return super().__getitem__(key)

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first header of that name."""
        wanted = name.lower()
        return next((each.value for each in self if each.key.lower() == wanted), default)


@attrs.frozen(kw_only=True)
class HttpRequestResult:
    """What became of a request of Net; true when `code` is 200 to 299.

    `code` is the HTTP status, or: 0 a limit or rule of the runtime forbids it, -2 malformed URL,
    -3 host not found, -4 connection error, -5 too many redirects, -6 network error, -7 timeout,
    -8 internal error, -9 the answer is over 2 MB; `error` then says what happened, and is None
    otherwise. `text` is the body as text (UTF-8, or the Latin-1 that Content-Type names), `data`
    its bytes with `rawOutput`, None without. `headers` are a sequence of key and value, also by
    name: `headers["Content-Type"]`; `raw_headers` are the same as lines.
    """

    code: int
    text: str = attrs.field(default="", repr=False)
    data: bytes | None = attrs.field(default=None, repr=False)
    headers: HttpHeaders = attrs.field(default=HttpHeaders(), repr=False)
    raw_headers: str = attrs.field(default="", repr=False)
    error: str | None = None

    def __bool__(self) -> bool:
        return 200 <= self.code < 300


def result_of(
    code: int, headers: Iterable[Iterable[str]], body: bytes, error: str | None, *, raw: bool
) -> HttpRequestResult:
    """The result, as the core reported it. A body that was cut off by an error is not shown."""
    found = HttpHeaders(HttpHeader(*pair) for pair in headers)
    body = body if error is None else b""
    latin = "iso-8859-1" in (found.get("content-type") or "").lower()
    return HttpRequestResult(
        code=code,
        text=body.decode("latin-1" if latin else "utf-8", "replace"),
        data=body if raw else None,
        headers=found,
        raw_headers="".join(f"{each.key}: {each.value}\r\n" for each in found),
        error=error,
    )


def header_pairs(what: str, headers: object) -> list[tuple[str, str]]:
    """Headers given as a dict, or as a list of "Name: value" or of {"name": ..., "value": ...}."""
    if headers is None:
        return []
    if isinstance(headers, Mapping):
        given = cast("Mapping[object, object]", headers)
        return [_pair(what, name, value) for name, value in given.items()]
    if isinstance(headers, str) or not isinstance(headers, Iterable):
        kind = type(headers).__name__
        raise TypeError(f"{what}(): headers must be a dict or a list of strings, not {kind}")
    return list(_lines(what, cast("Iterable[object]", headers)))


def _pair(what: str, name: object, value: object) -> tuple[str, str]:
    if (
        not isinstance(name, str)
        or isinstance(value, bool)
        or not isinstance(value, str | int | float)
    ):
        kind = type(value if isinstance(name, str) else name).__name__
        raise TypeError(f"{what}(): headers must hold strings, {str(name)[:40]!r} has {kind}")
    return name.strip(), str(value).strip(" \t")


def _lines(what: str, lines: Iterable[object]) -> Iterator[tuple[str, str]]:
    for line in lines:
        if isinstance(line, Mapping):
            entry = cast("Mapping[object, object]", line)
            given = merge(f"{what}(): headers", ("name", "value"), (entry,), {})
            yield _pair(what, given.get("name"), given.get("value", ""))
            continue
        if not isinstance(line, str):
            kind = type(line).__name__
            raise TypeError(f"{what}(): headers must be lines 'Name: value', not {kind}")
        name, colon, value = line.partition(":")
        if not colon:
            raise ValueError(f"{what}(): headers holds {line[:40]!r}, which is no 'Name: value'")
        yield _pair(what, name, value)
