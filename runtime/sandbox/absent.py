"""What a script asks for in vain: modules, names and builtins, and what there is instead.

For clear messages only, the same in tests and in locked processes: the boundary is the kernel's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, NoReturn

from runtime.api.instead import INSTEAD as INSTEAD_OF
from runtime.api.names import unknown
from runtime.sandbox.policy import IMPORTABLE, SCENARIO_API

_NO_FILES: Final = "they have no files; sounds of their folder are played by name"
_NO_NETWORK: Final = "they have no network of their own; HTTP is await Net.httpRequestAsync(url)"
_NO_PROCESSES: Final = "they start no processes"
_TASKS: Final = "handlers can be async, and trio runs their tasks"

INSTEAD: Final[Mapping[str, str]] = {
    "asyncio": "import trio instead",
    "concurrent": _TASKS,
    "multiprocessing": _NO_PROCESSES,
    "queue": _TASKS,
    "sched": "use setTimeout() or await VoxEngine.sleep()",
    "signal": _NO_PROCESSES,
    "subprocess": _NO_PROCESSES,
    "threading": _TASKS,
    "logging": "use Logger.write() or print()",
    "os": _NO_FILES,
    "pathlib": _NO_FILES,
    "shelve": _NO_FILES,
    "shutil": _NO_FILES,
    "sqlite3": _NO_FILES,
    "tempfile": _NO_FILES,
    "wave": _NO_FILES,
    "aiohttp": _NO_NETWORK,
    "ftplib": _NO_NETWORK,
    "http": _NO_NETWORK,
    "httpx": _NO_NETWORK,
    "imaplib": _NO_NETWORK,
    "requests": _NO_NETWORK,
    "smtplib": _NO_NETWORK,
    "socket": _NO_NETWORK,
    "ssl": _NO_NETWORK,
    "urllib": _NO_NETWORK,
    "urllib3": _NO_NETWORK,
    "websocket": _NO_NETWORK,
    "websockets": _NO_NETWORK,
    "pickle": "use json",
    "sys": "use VoxEngine.customData() for what is handed over",
}
"""Modules that ported scripts ask for most, by their first part."""


def no_module(name: str, own: Collection[str]) -> str:
    """Why a module is not there. `own` are the scenario's files."""
    top = sorted(entry for entry in IMPORTABLE if "." not in entry)
    first = name.partition(".")[0]
    files = ", ".join(sorted(own))
    if len(own) == 1:
        files += "; name its folder instead of the file, and the files beside it come along"
    may = f"A scenario may import its own files ({files}) and {', '.join(top)}"
    if first == SCENARIO_API:
        return f"there is no module {name!r}: everything is in {SCENARIO_API} itself. {may}"
    if first in INSTEAD:
        return f"there is no module {name!r} for scenarios: {INSTEAD[first]}. {may}"
    meant = unknown("there is no module", name, {*top, *own})
    meant = meant.removesuffix(", nor anything similar")
    return f"{meant}{'' if meant.endswith('?') else '.'} {may}"


def no_name(module: str, name: str, known: Collection[str], *, unfinished: bool) -> str:
    """Why a module does not have a name. `unfinished`: it is being imported right now."""
    if module == SCENARIO_API and name in INSTEAD_OF:
        return f"{module} has no {name!r}: {INSTEAD_OF[name]}"
    if unfinished:
        return (
            f"{module} has no {name!r} yet: it is still being imported, and imports this file in "
            f"turn; write `import {module}` and use {module}.{name} in functions"
        )
    return unknown(f"{module} has no", name, known)


def _open(*_: object, **__: object) -> NoReturn:
    raise PermissionError(
        "open(): a scenario has no files; sounds of its folder are played by name, "
        "call.startPlayback('hello.wav')"
    )


def _input(*_: object) -> NoReturn:
    raise RuntimeError(
        "input(): a scenario has no keyboard; keys of a phone are collected with await "
        "call.gather()"
    )


def _leaving(name: str) -> Callable[..., NoReturn]:
    def leave(*_: object) -> NoReturn:
        raise RuntimeError(
            f"{name}(): a script cannot end its process; end the session with VoxEngine.terminate()"
        )

    return leave


def builtins_instead() -> dict[str, Any]:
    """Builtins that would need a file, a keyboard or the process itself."""
    return {
        "open": _open,
        "input": _input,
        "exit": _leaving("exit"),
        "quit": _leaving("quit"),
    }
