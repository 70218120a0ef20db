"""HTTP requests for scripts: every hop goes to an address that was resolved once and checked.

The name is resolved, the address is judged (addresses.py), and the connection is made to that very
address, so that a second answer of the name server cannot lead elsewhere. Redirects are followed
here, hop by hop, under the same rules. No proxy, cookie or credential of the core is ever used.
"""

from __future__ import annotations

import contextlib
import functools
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Final

import httpx
import trio

from .addresses import Network, why_refused

MAX_REDIRECTS: Final = 5
MAX_URL: Final = 2048
"""Longer ones are refused by common servers anyway."""
MAX_ADDRESSES: Final = 3
"""Addresses of one name that are tried; more only prolongs the waiting for a dead server."""
CONNECT_S: Final = 5.0
"""Per address; the caller's deadline ends the whole."""
TIMEOUT_ERROR: Final = "Timeout is reached"
"""The platform's words (voxengine.md 1.3)."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) -> its addresses, best first; raises OSError."""


class FetchError(Exception):
    """A request that was refused or failed; str() says why, for the author of a script."""


class FetchTimeout(FetchError):
    """The deadline passed; str() is the platform's "Timeout is reached"."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, by the system's resolver."""
    found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class Fetcher:
    """Makes requests; holds no connection between them.

    `allowed` are the operator's networks. `tls` verifies servers (the default: public authorities).
    """

    def __init__(
        self,
        allowed: Sequence[Network] = (),
        *,
        resolver: Resolve = resolve,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allowed = tuple(allowed)
        self._resolve = resolver
        self._tls = tls

    @contextlib.asynccontextmanager
    async def request(
        self,
        url: str,
        *,
        timeout_s: float,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> AsyncIterator[httpx.Response]:
        """The final response, its body not read yet (see `read_body`); closed with the context.

        The time covers everything, the reading of the body included. Raises FetchError.
        """
        with _time_limit(timeout_s), _httpx_errors(url):
            tls = await self._tls_context()
            async with httpx.AsyncClient(verify=tls, trust_env=False, timeout=None) as client:
                # No compression unless the caller asks for it, so that sizes mean what they say.
                headers = {"Accept-Encoding": "identity", **(headers or {})}
                request = _Hop(method, _parse(url), headers, content)
                response = await self._follow(client, request)
                try:
                    yield response
                finally:
                    await response.aclose()

    async def download(
        self, url: str, sink: Callable[[bytes], object], *, timeout_s: float, limit: int
    ) -> None:
        """Give the body of a successful GET to `sink`, piece by piece, `limit` bytes at most."""
        async with self.request(url, timeout_s=timeout_s) as response:
            if not response.is_success:
                raise FetchError(f"{url} answered {response.status_code}")
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise FetchError(f"{url} is sent compressed, although that was not asked for")
            await read_body(response, sink, limit=limit)

    async def _follow(self, client: httpx.AsyncClient, hop: _Hop) -> httpx.Response:
        first = hop.url
        for _ in range(MAX_REDIRECTS + 1):
            response = await self._send(client, hop)
            if not response.has_redirect_location:
                return response
            location = response.headers["Location"]
            await response.aclose()
            hop = hop.redirected(response.status_code, location)
        raise FetchError(f"{first} redirects more than {MAX_REDIRECTS} times")

    async def _send(self, client: httpx.AsyncClient, hop: _Hop) -> httpx.Response:
        """One hop, to the first address of the host that answers the connection."""
        trouble: httpx.TransportError | None = None
        for address in await self._addresses(hop.url):
            request = client.build_request(
                hop.method,
                hop.url.copy_with(host=address),
                headers={**hop.headers, "Host": hop.url.netloc.decode("ascii")},
                content=hop.content,
                timeout=httpx.Timeout(None, connect=CONNECT_S),
                extensions={"sni_hostname": hop.url.raw_host.decode("ascii")},
            )
            try:
                return await client.send(request, stream=True, follow_redirects=False)
            except (httpx.ConnectError, httpx.ConnectTimeout) as exc:
                trouble = exc
        why = "no address" if trouble is None else _reason(trouble)
        raise FetchError(f"{hop.url.host} does not accept the connection: {why}") from trouble

    async def _addresses(self, url: httpx.URL) -> list[str]:
        port = url.port or (443 if url.scheme == "https" else 80)
        host = url.raw_host.decode("ascii").strip("[]")
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError) as exc:
            raise FetchError(f"the host {url.host} is not known") from exc
        refusals = {address: why_refused(address, self._allowed) for address in found}
        allowed = [address for address, refusal in refusals.items() if refusal is None]
        if not allowed:
            address, kind = next(iter(refusals.items()), ("no address", "nothing"))
            raise FetchError(
                f"{url.host} is {address}, which is {kind}; scripts may only reach public "
                "addresses and what [net] allow lists"
            )
        return allowed[:MAX_ADDRESSES]

    async def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:  # reading all authorities takes 20 ms and more
            create = functools.partial(httpx.create_ssl_context, trust_env=False)
            self._tls = await trio.to_thread.run_sync(create)
        return self._tls


async def read_body(
    response: httpx.Response, sink: Callable[[bytes], object], *, limit: int
) -> None:
    """Give the body to `sink`, piece by piece. Raises FetchError when it is over the limit."""
    declared = response.headers.get("Content-Length", "")
    if declared.isdecimal() and len(declared) < 19 and int(declared) > limit:
        raise FetchError(f"the answer has {int(declared):,} bytes, the limit is {limit:,}")
    total = 0
    with trio.CancelScope() as reading:
        async for piece in response.aiter_bytes():
            total += len(piece)
            if total > limit:
                # Ends the innermost wait, and with it httpx's generators one after the other.
                reading.cancel()
            else:
                sink(piece)
    if total > limit:
        raise FetchError(f"the answer has more than {limit:,} bytes")


class _Hop:
    """One request of a chain of redirects."""

    def __init__(
        self, method: str, url: httpx.URL, headers: dict[str, str], content: bytes | None
    ) -> None:
        self.method = method
        self.url = url
        self.headers = headers
        self.content = content

    def redirected(self, status: int, location: str) -> _Hop:
        """RFC 9110 15.4: 307 and 308 keep the request; others become GET, as everybody does."""
        try:
            url = _parse(str(self.url.join(location)))
        except httpx.InvalidURL as exc:
            raise FetchError(f"{self.url} redirects to something that is no URL") from exc
        headers = self.headers
        if (url.scheme, url.netloc) != (self.url.scheme, self.url.netloc):
            secret = ("authorization", "cookie")
            headers = {name: v for name, v in headers.items() if name.lower() not in secret}
        if status in (307, 308) or self.method in ("GET", "HEAD"):
            return _Hop(self.method, url, headers, self.content)
        headers = {n: v for n, v in headers.items() if not n.lower().startswith("content-")}
        return _Hop("GET", url, headers, None)


def _parse(text: str) -> httpx.URL:
    if len(text) > MAX_URL:
        raise FetchError(f"a URL of {len(text)} characters, the limit is {MAX_URL}")
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as exc:
        raise FetchError(f"{text} is not a URL: {exc}") from exc
    if url.scheme not in ("http", "https") or not url.host:
        raise FetchError(f"{text} is not an http:// or https:// URL")
    if url.port is not None and not 0 < url.port < 65536:
        raise FetchError(f"{text} is not a URL: there is no port {url.port}")
    return url.copy_with(fragment=None)


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    try:
        with trio.fail_after(seconds):
            yield
    except trio.TooSlowError:
        raise FetchTimeout(TIMEOUT_ERROR) from None


@contextlib.contextmanager
def _httpx_errors(url: str) -> Iterator[None]:
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as exc:
        raise FetchError(f"{url} cannot be fetched: {_reason(exc)}") from exc


def _reason(exc: BaseException) -> str:
    """The first message along the chain of causes; httpx's own is empty for TLS failures."""
    first = type(exc).__name__
    following: BaseException | None = exc
    for _ in range(10):
        if following is None:
            break
        if str(following):
            return str(following)
        following = following.__cause__ or following.__context__
    return first
