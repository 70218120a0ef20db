"""The HTTP requests and mails of one session that are under way, as its script sees them.

The core makes them. Here they are counted, their bodies cut into frames and the answers' bodies
put together again; what a script gets for one comes in the session's one order, as events do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from runtime.api.errors import LimitReached, SessionOver
from runtime.api.handle import Handle
from runtime.api.http import HttpRequestResult, result_of
from runtime.api.mail import SendMailResult
from runtime.api.running import Run, current_run
from runtime.api.session import Phase
from runtime.sandbox.command import Command
from runtime.sandbox.frames import BodyFrame, ResponseFrame, body_frames

if TYPE_CHECKING:
    from runtime.api.session import Session


Callback = Callable[[HttpRequestResult], object]


class HttpHandle(Handle[HttpRequestResult]):
    """Awaiting it gives the HttpRequestResult, and does not raise for failures of the network."""

    __slots__ = ()


@attrs.define(eq=False)
class Pending:
    """One request whose answer is to come."""

    handle: Handle[Any]
    callback: Callable[[Any], object] | None
    run: Run
    raw: bool
    size: int
    """Of its own body."""
    is_mail: bool = False
    pieces: list[bytes] = attrs.field(factory=list)

    def result(self, code: int, headers: Any, error: str | None) -> Any:
        if self.is_mail:
            return SendMailResult(code=code, error=error)
        return result_of(code, headers, b"".join(self.pieces), error, raw=self.raw)


class Requests:
    """The requests of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._pending: dict[int, Pending] = {}
        self._last_made = False

    def limit(self, settings: Mapping[str, float]) -> None:
        """What the core allows, before the script runs."""
        self.longest_s = settings["http_timeout_s"]
        self.longest_connect_s = settings["http_connect_timeout_s"]
        self._largest = int(settings["http_request_bytes"])
        self._most = int(settings["http_active"]) + int(settings["http_queued"])
        self._most_bytes = int(settings["http_waiting_bytes"])
        self._most_mails = int(settings["mail_active"]) + int(settings["mail_queued"])

    def begin(
        self,
        command: Command,
        body: bytes,
        handle: HttpHandle,
        callback: Callback | None,
        *,
        raw: bool,
    ) -> None:
        """Send a request. Raises LimitReached, SessionOver."""
        session = self._session
        session._enter()
        too_late = session.phase is Phase.LEAVING or self._last_was_made
        if too_late and session.ignores(handle._what):
            return
        self._check(handle._what, len(body))
        run = Run(session, current_run().leg, session.where())
        self._post(command, body, Pending(handle, callback, run, raw, len(body)))
        self._last_made = session.phase is Phase.TERMINATING

    def begin_mail(
        self,
        command: Command,
        content: bytes,
        handle: Handle[SendMailResult],
        callback: Callable[[SendMailResult], object] | None,
    ) -> None:
        """Send a mail. Raises LimitReached."""
        session = self._session
        session._enter()
        if session.phase is not Phase.RUNNING:
            session.log(f"{handle._what}() ignored: VoxEngine.terminate() was called before")
            return
        if sum(each.is_mail for each in self._pending.values()) >= self._most_mails:
            raise LimitReached(
                f"{handle._what}(): Exceeded the SMTP connection count limit! {self._most_mails} "
                "mails are on their way or wait; await some of them first"
            )
        run = Run(session, current_run().leg, session.where())
        pending = Pending(handle, callback, run, raw=False, size=0, is_mail=True)
        self._post(command, content, pending)

    def _post(self, command: Command, body: bytes, pending: Pending) -> None:
        request = self._session.post(command)
        self._pending[request] = pending
        for frame in body_frames(request, body):
            self._session.send(frame)

    @property
    def _last_was_made(self) -> bool:
        """Terminating may make one request, whoever makes it."""
        return self._session.phase is Phase.TERMINATED or self._last_made

    def checked_size(self, what: str, body: bytes) -> int:
        """How long a body is. Raises ValueError when it is too long for any request."""
        if len(body) > self._largest:
            raise ValueError(
                f"{what}(): postData has {len(body):,} bytes, the limit is {self._largest:,}"
            )
        return len(body)

    def _check(self, what: str, size: int) -> None:
        if self._last_was_made:
            raise SessionOver(
                f"{what}(): the session is ending; Terminating may make one HTTP request, "
                "Terminated none"
            )
        if sum(not each.is_mail for each in self._pending.values()) >= self._most:
            raise LimitReached(
                f"{what}(): Exceeded the HTTP connection count limit! {self._most} requests are "
                "under way or wait; await some of them first"
            )
        held = sum(each.size for each in self._pending.values())
        if held + size > self._most_bytes:
            raise LimitReached(
                f"{what}(): requests under way hold {held:,} bytes of postData already, the limit "
                f"is {self._most_bytes:,} with this one; await some of them first"
            )

    def owns(self, request: int) -> bool:
        return request in self._pending

    def piece(self, frame: BodyFrame) -> None:
        """A piece of an answer's body."""
        pending = self._pending.get(frame.req)
        if pending is not None:
            pending.pieces.append(frame.content)

    def take(self, frame: ResponseFrame) -> tuple[Pending, Any] | None:
        """The answer in its turn; None for one that nobody waits for."""
        pending = self._pending.pop(frame.req, None)
        if pending is None:
            return None
        return pending, pending.result(frame.code, frame.headers, frame.error)
