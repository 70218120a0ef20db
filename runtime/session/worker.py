"""What a session needs of whoever launches workers, and of a bundle: structural, so that the
session core does not depend on how processes are made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import trio

from runtime.media.sounds.sound_port import Assets


class WorkerProcess(Protocol):
    """One session worker, wherever it runs."""

    @property
    def pid(self) -> int | None: ...
    @property
    def stream(self) -> trio.abc.Stream: ...
    @property
    def peak_bytes(self) -> int:
        """The most memory that it had beyond what it began with; 0 until it has ended, and where
        nobody knows."""

    def kill(self) -> None:
        """End it now. Safe twice."""

    async def wait(self) -> str:
        """How it ended: "exit 0", "signal 9", "zygote-lost", "oom-killed"."""


class WorkerLauncher(Protocol):
    """Makes workers."""

    async def launch(self, session_id: str) -> WorkerProcess:
        """A worker that waits for its bundle. Any exception means that there is none."""


class Module(Protocol):
    """One file of a bundle."""

    @property
    def name(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def source(self) -> str: ...


class Bundle(Protocol):
    """A scenario as it was when the call came."""

    @property
    def name(self) -> str: ...
    @property
    def main(self) -> str: ...
    @property
    def modules(self) -> Sequence[Module]: ...
    @property
    def version(self) -> str: ...
    @property
    def assets(self) -> Assets: ...
