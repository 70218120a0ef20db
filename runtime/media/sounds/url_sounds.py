"""Sounds behind URLs: fetched under the address rules, shared, and kept as long as their servers
allow.

A URL is fetched by one caller at a time, so that a thousand calls that begin with one prompt ask
for it once. Progressive playback hands the bytes to a decoder as they come; whoever else wants the
same URL meanwhile shares that sound.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import AsyncIterator, Hashable
from typing import Final

import attrs
import trio

from runtime.decisions.timeline import shown_url
from runtime.media.port import SoundError
from runtime.net import Body, Failure, Fetcher, FetchError, Request
from runtime.net.fetch import TIMEOUT_ERROR

from .decoders import Content, Decoders
from .sound import PcmSound, SoundSource
from .sound_port import MAX_FILE_BYTES, Fetching
from .url_cache import Headers, Stored, UrlCache, stored

DOWNLOAD_S: Final = 300.0
"""The longest download that is played as it comes; a decoder waits with it."""
STALLED_S: Final = 12.0
"""Without a byte: as long as VoxEngine waits for a whole download (voxengine.md 1.3)."""
NOT_MODIFIED: Final = 304


@attrs.define
class _Turn:
    lock: trio.Lock = attrs.field(factory=trio.Lock)
    users: int = 0


@attrs.frozen
class _Kept:
    """What an earlier request brought."""

    stored: Stored
    source: SoundSource


@attrs.frozen(kw_only=True)
class _Answer:
    """A sound on its way."""

    url: str
    body: Body
    headers: Headers
    redirected: bool
    kept: bool
    """Whether others may have it, now and later."""


class UrlSounds:
    """Opens sounds by URL. `run` it, or what is asked for progressively is fetched whole."""

    def __init__(self, fetcher: Fetcher, decoders: Decoders) -> None:
        self._urls = UrlCache()
        self._fetcher = fetcher
        self._decoders = decoders
        self._turns: dict[str, _Turn] = {}
        self._coming: dict[str, SoundSource] = {}
        """By URL, what is being played while it is fetched."""
        self._nursery: trio.Nursery | None = None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Carries the downloads that outlast their opening, until cancelled."""
        async with trio.open_nursery() as self._nursery:
            try:
                task_status.started()
                await trio.sleep_forever()
            finally:
                self._nursery = None

    async def open(self, url: str, how: Fetching, owner: Hashable) -> PcmSound:
        """The sound, begun or not. Raises SoundError and OSError; the caller bounds the time."""
        try:
            if not how.plain:
                return await self._ask(url, how, owner)
            async with self._turn(url):
                return await self._shared(url, how, owner)
        except FetchError as exc:
            raise SoundError(str(exc)) from exc

    async def _shared(self, url: str, how: Fetching, owner: Hashable) -> PcmSound:
        coming = self._coming.get(url)
        if coming is not None and coming.wanted and not coming.complete:
            return PcmSound(url, coming)
        known = self._urls.get(url)
        source = None if known is None else self._decoders.cache.get(known.content)
        if known is None or source is None:
            return await self._ask(url, how, owner)
        with contextlib.closing(PcmSound(url, source)):  # the cache may let it go meanwhile
            if trio.current_time() < known.fresh_until:
                return PcmSound(url, source)
            return await self._ask(url, how, owner, _Kept(known, source))

    async def _ask(
        self, url: str, how: Fetching, owner: Hashable, kept: _Kept | None = None
    ) -> PcmSound:
        """From its server; `kept` is what there was, which may still be right."""
        questions = kept.stored.questions if kept is not None else ()
        request = Request(
            url=url,
            method=how.method,
            headers=(*how.headers, *questions),
            content=how.body,
            timeout_s=DOWNLOAD_S,
        )
        async with contextlib.AsyncExitStack() as stack:
            reply, redirected = await self._fetcher.of(owner).open(request)
            stack.push_async_callback(reply.aclose)
            if kept is not None and questions and reply.status == NOT_MODIFIED:
                headers = (*reply.headers, *kept.stored.validators)
                self._remember(url, kept.stored.content, headers, redirected=redirected)
                return PcmSound(url, kept.source)
            if not 200 <= reply.status < 300:
                raise FetchError(Failure.NETWORK, f"{shown_url(url)} answered {reply.status}")
            answer = _Answer(
                url=url,
                body=Body(reply, limit=MAX_FILE_BYTES),
                headers=reply.headers,
                redirected=redirected,
                kept=how.plain,
            )
            if how.progressive and self._nursery is not None and self._decoders.can_follow:
                return self._follow(self._nursery, answer, owner, stack)
            return await self._whole(answer, owner)

    async def _whole(self, answer: _Answer, owner: Hashable) -> PcmSound:
        fd = os.memfd_create("download", os.MFD_CLOEXEC)
        digest = hashlib.sha256()
        try:
            while (piece := await answer.body.piece()) is not None:
                os.write(fd, piece)
                digest.update(piece)
            content = Content(fd, digest.hexdigest(), MAX_FILE_BYTES)
            sound = PcmSound(answer.url, self._decoders.whole(content, owner))
        finally:
            os.close(fd)
        self._keep(answer, content.key)
        return sound

    def _follow(
        self,
        nursery: trio.Nursery,
        answer: _Answer,
        owner: Hashable,
        stack: contextlib.AsyncExitStack,
    ) -> PcmSound:
        """Begin to decode; the rest of the download, and its connection, are the nursery's."""
        outlet, inlet = os.pipe2(os.O_CLOEXEC)
        pipe = trio.lowlevel.FdStream(inlet)
        stack.push_async_exit(pipe)
        source = self._decoders.arriving(outlet, owner, DOWNLOAD_S)
        sound = PcmSound(answer.url, source)
        if answer.kept:
            self._coming[answer.url] = source
        nursery.start_soon(self._carry, answer, source, pipe, stack.pop_all())
        return sound

    async def _carry(
        self,
        answer: _Answer,
        source: SoundSource,
        pipe: trio.lowlevel.FdStream,
        stack: contextlib.AsyncExitStack,
    ) -> None:
        """From the server to the decoder, until all is there or nobody wants more of it."""
        key = whole = None
        async with trio.open_nursery() as nursery:

            async def end_with_sound() -> None:
                await source.wait_complete()
                nursery.cancel_scope.cancel()

            async with stack:
                nursery.start_soon(end_with_sound)
                key = await _pour(answer.body, pipe, source)
                # All is there: decoded to its end it is of use, also if nobody plays it any more.
                whole = PcmSound(answer.url, source) if key is not None and source.wanted else None
            # The pipe is closed: the decoder comes to its end, and with it the sound.
        if self._coming.get(answer.url) is source:
            del self._coming[answer.url]
        if whole is not None and key is not None:
            if source.error is None:
                self._decoders.cache.put(key, source)
                self._keep(answer, key)
            whole.close()

    def _keep(self, answer: _Answer, key: str) -> None:
        if answer.kept:
            self._remember(answer.url, key, answer.headers, redirected=answer.redirected)

    def _remember(self, url: str, key: str, headers: Headers, *, redirected: bool) -> None:
        now = trio.current_time()
        self._urls.put(url, stored(key, headers, now, redirected=redirected))

    @contextlib.asynccontextmanager
    async def _turn(self, url: str) -> AsyncIterator[None]:
        turn = self._turns.setdefault(url, _Turn())
        turn.users += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.users -= 1
            if turn.users == 0:
                del self._turns[url]


async def _pour(body: Body, pipe: trio.lowlevel.FdStream, source: SoundSource) -> str | None:
    """The key of the whole content; None when it ended before, and the sound with it."""
    digest = hashlib.sha256()
    try:
        with trio.fail_after(DOWNLOAD_S):
            while (piece := await _next_piece(body)) is not None:
                digest.update(piece)
                await pipe.send_all(piece)
            return digest.hexdigest()
    except FetchError as exc:
        source.break_off(str(exc))
    except trio.TooSlowError:
        source.break_off(f"{TIMEOUT_ERROR}: the download takes longer than {DOWNLOAD_S:g} s")
    except trio.BrokenResourceError:
        pass  # the decoder has had enough, and says why
    return None


async def _next_piece(body: Body) -> bytes | None:
    with trio.move_on_after(STALLED_S):
        return await body.piece()
    why = f"{TIMEOUT_ERROR}: nothing more came for {STALLED_S:g} s"
    raise FetchError(Failure.TIMEOUT, why)
