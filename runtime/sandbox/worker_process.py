"""The port between sessions and whoever makes their workers."""

from __future__ import annotations

from typing import Protocol

import trio


class LaunchError(Exception):
    """No worker could be started; says why."""


class WorkerProcess(Protocol):
    """One running worker. `stream` is the core's end of its channel; the owner closes it."""

    @property
    def pid(self) -> int | None:
        """None when it is no process of its own."""

    @property
    def stream(self) -> trio.abc.Stream: ...

    @property
    def peak_bytes(self) -> int:
        """The most memory that it had beyond what it began with; 0 until it has ended, and where
        nobody knows."""

    def kill(self) -> None:
        """End it at once, whatever it does; safe when it has ended."""

    async def wait(self) -> str:
        """How it ended: "exit 0", "signal 9", "zygote-lost", "oom-killed"."""


class WorkerLauncher(Protocol):
    async def launch(self, session_id: str) -> WorkerProcess:
        """Start a worker; LaunchError when none can be had within some seconds."""
