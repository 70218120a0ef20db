"""`callstage new NAME`: the three files a newcomer starts from.

The files are the README's example, so that what is read first is what is run first.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

SCENARIO: Final = '''\
"""Answers, asks for a key, says which one it was, and hangs up."""

from runtime import AppEvents, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    call = e.call
    await call.answer()
    pressed = await call.gather(prompt="Hello. Press a key.", maxDigits=1, timeout=5)
    if pressed.digits:
        await call.say(f"You pressed {pressed.digits}. Goodbye.")
    else:
        await call.say("I heard no key. Goodbye.")
    call.hangup()
'''

TEST: Final = '''\
"""The scenario on a simulated line: no network, no waiting."""

from runtime.testing import Sim


async def test_the_key_is_said_back(sim: Sim) -> None:
    caller = await sim.call()
    await caller.hears("Hello. Press a key.")
    caller.press("7")
    await caller.hears("You pressed 7. Goodbye.")
    await caller.ended()


async def test_a_silent_caller_is_let_go(sim: Sim) -> None:
    caller = await sim.call()
    await caller.hears("I heard no key. Goodbye.")
    await caller.ended()
'''

CONFIG: Final = """\
# Every key is optional; `callstage dev` and `callstage run --config callstage.toml` read this file.

[sip]
listen = ["udp://127.0.0.1:5060"]

[http]
listen = "127.0.0.1:8080"

# Which scenario takes which number: the whole dialled user part, first match wins.
[[rule]]
name = "everything"
to = '.*'
scenario = "scenario.py"
"""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class ProjectError(Exception):
    """The project cannot be made there; str() says why and what to do."""


def create_project(parent: Path, name: str) -> list[Path]:
    """Make the folder `name` with its three files; nothing that exists is touched."""
    if not _NAME.fullmatch(name):
        raise ProjectError(
            f"{name!r} is not a project name: use letters, digits, dots, dashes and underscores"
        )
    folder = parent / name
    files = {"scenario.py": SCENARIO, "test_scenario.py": TEST, "callstage.toml": CONFIG}
    try:
        folder.mkdir()
        for file, text in files.items():
            (folder / file).write_text(text)
    except FileExistsError as exc:
        raise ProjectError(f"{folder} exists already: choose another name") from exc
    except OSError as exc:
        raise ProjectError(f"{folder} cannot be made: {exc.strerror}") from exc
    return [folder / file for file in files]
