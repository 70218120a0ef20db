"""Gets a worker from the launcher, within a time limit and with one kind of error."""

from __future__ import annotations

import trio

from runtime.session.settings import LAUNCH_S
from runtime.session.worker import WorkerLauncher, WorkerProcess


class LaunchFailed(Exception):
    """There is no worker; str() says why."""


async def launch(launcher: WorkerLauncher, session_id: str) -> WorkerProcess:
    """Raises LaunchFailed."""
    with trio.move_on_after(LAUNCH_S):
        try:
            return await launcher.launch(session_id)
        except Exception as exc:
            text = f"no process for the script: {type(exc).__name__}: {exc}"
            raise LaunchFailed(text) from exc
    raise LaunchFailed(f"no process for the script after {LAUNCH_S:g} s; the machine is overloaded")
