"""Log lines on standard error: one line an event, text or JSON, never in the way of a call.

Lines are rendered by structlog and written by one task in a thread, so that a slow reader of
standard error cannot hold the core; when the bounded queue is full, lines are dropped and counted.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any, Final

import structlog
import trio
from structlog.typing import FilteringBoundLogger, Processor

from runtime.config.settings import LogFormat

MAX_WAITING_LINES: Final = 10_000
"""About ten seconds of the busiest allowed script; beyond it the reader is not reading."""
MAX_BATCH: Final = 200
"""Lines written by one trip to the thread."""
GATHER_S: Final = 0.1
"""Lines written within this share one trip to the thread; well under the promised 0.5 s."""
LEVEL_WIDTH: Final = 9
"""So that texts stand below each other."""
_LEADING: Final = frozenset({"timestamp", "level", "event"})
_NEEDS_QUOTES: Final = re.compile(r"[ \t=\r\n\"']")
MAX_FLUSH_S: Final = 2.0
"""How long the end of the program waits for a reader that does not read."""


class LogLines:
    """The sink behind a structlog logger: takes rendered lines, never blocks."""

    def __init__(self, write: Callable[[str], object] | None = None) -> None:
        self._write = write or _write_to_standard_error
        self._send, self._receive = trio.open_memory_channel[str](MAX_WAITING_LINES)
        self._dropped = 0
        self._deadline = trio.CancelScope()
        self._closing = trio.Event()

    def msg(self, line: str) -> None:
        try:
            self._send.send_nowait(line)
        except (trio.WouldBlock, trio.ClosedResourceError, trio.BrokenResourceError):
            self._dropped += 1

    debug = info = warning = error = critical = msg

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write lines until `close`, then what is still waiting."""
        task_status.started()
        with self._deadline:
            async for line in self._receive:
                with trio.move_on_after(GATHER_S):
                    await self._closing.wait()
                await self._write_batch(line)

    def close(self) -> None:
        """No more lines; `run` ends when all are written, or after MAX_FLUSH_S."""
        self._closing.set()
        self._send.close()
        self._deadline.deadline = trio.current_time() + MAX_FLUSH_S

    async def _write_batch(self, first: str) -> None:
        lines = [first]
        while len(lines) < MAX_BATCH:
            try:
                lines.append(self._receive.receive_nowait())
            except (trio.WouldBlock, trio.EndOfChannel):
                break
        if self._dropped:
            lines.append(f"log: {self._dropped} lines dropped, standard error is not being read")
            self._dropped = 0
        text = "\n".join(lines) + "\n"
        await trio.to_thread.run_sync(self._write, text, abandon_on_cancel=True)


def open_log(lines: LogLines, form: LogFormat) -> FilteringBoundLogger:
    """A logger of its own; nothing about it is global."""
    processors: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if form == "json":
        processors.append(structlog.processors.JSONRenderer())
    else:
        processors.append(escape_controls)
        processors.append(render_text)
    logger: FilteringBoundLogger = structlog.wrap_logger(
        lines,
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger("INFO"),
        cache_logger_on_first_use=True,
    )
    return logger


def escape_controls(
    _: Any, __: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """One event stays one line, and is text: a script forges no second line and no colours."""
    return {
        name: _CONTROLS.sub(_escaped, value) if isinstance(value, str) else value
        for name, value in event.items()
    }


_CONTROLS: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
"""All but the tab; whatever some reader takes for the end of a line is among them."""


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def render_text(_: Any, __: str, event: structlog.typing.EventDict) -> str:
    """As structlog's own renderer for people writes it, at a tenth of its cost."""
    rest = {name: event[name] for name in sorted(event) if name not in _LEADING}
    head = f"{event['timestamp']} [{event['level']:<{LEVEL_WIDTH}}] {event['event']}"
    return " ".join([head, *(f"{name}={_shown(value)}" for name, value in rest.items())])


def _shown(value: object) -> str:
    if not isinstance(value, str):
        return repr(value)
    return repr(value) if _NEEDS_QUOTES.search(value) else value


def _write_to_standard_error(text: str) -> None:
    sys.stderr.buffer.write(text.encode("utf-8", "backslashreplace"))
    sys.stderr.buffer.flush()
