"""Requests that are no HTTP/1.1: refused with a problem body, as everything else is.

They never reach the application. Hypercorn answers them with an empty body, in a method of its own
that is replaced here; what is wrong is known to h11's error, which is being handled at that moment.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import h11
from hypercorn.protocol import ProtocolWrapper
from hypercorn.protocol.h11 import H11Protocol

from runtime.control.problem import MAX_REPEATED, problem_response
from runtime.decisions.problems import Unreadable

KINDS: Final[Mapping[int, Unreadable]] = MappingProxyType(
    {431: Unreadable.HEAD_TOO_LARGE, 501: Unreadable.UNKNOWN_CODING}
)
"""By what h11 proposes; all else is 400."""


class Http1(H11Protocol):
    """Hypercorn's HTTP/1.1 connection, which says what it does not understand."""

    async def _send_error_response(self, status_code: int) -> None:
        problem = problem_response(
            KINDS.get(status_code, Unreadable.NOT_HTTP),
            _what_is_wrong(),
            headers={"connection": "close"},
        )
        headers = [*problem.raw_headers, *self.config.response_headers("h11")]
        await self._send_h11_event(h11.Response(status_code=problem.status_code, headers=headers))
        await self._send_h11_event(h11.Data(data=bytes(problem.body)))
        await self._send_h11_event(h11.EndOfMessage())


def explain(wrapper: ProtocolWrapper) -> None:
    """Put ours in the place of Hypercorn's, before anything is read."""
    wrapper.protocol = Http1(
        wrapper.app,
        wrapper.config,
        wrapper.context,
        wrapper.task_group,
        wrapper.state,
        wrapper.ssl,
        wrapper.client,
        wrapper.server,
        wrapper.send,
    )


def _what_is_wrong() -> str:
    """In h11's words, which may repeat what was sent."""
    error = sys.exc_info()[1]
    told = str(error)[:MAX_REPEATED] if isinstance(error, h11.RemoteProtocolError) else ""
    return f"this is no request of HTTP/1.1: {told or 'it cannot be read'}"
