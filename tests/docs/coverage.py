"""The page docs/reference/voxengine-coverage.md: VoxEngine's surface beside ours.

`python -m tests.docs.coverage` writes it; a test sees that it is current. What VoxEngine has stands
in voxengine.txt, name by name. Whether a name is here, is refused, or is never fired is asked of
the running API; only what differs in behaviour is told by hand (`differences.py`).
"""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import attrs

import runtime
from runtime import scenario_api
from runtime.api import event_constants
from runtime.api.event_constants import NEVER_FIRED
from runtime.api.instead import INSTEAD
from runtime.api.names import NamespaceType, public_names
from tests.docs.differences import DIFFERENCES, WITHOUT_EFFECT
from tests.docs.evidence import shown_by
from tests.docs.reference import OPTIONS

PAGE: Final = Path(__file__).resolve().parents[2] / "docs/reference/voxengine-coverage.md"
SURFACE: Final = Path(__file__).with_name("voxengine.txt")

WORKS: Final = "works"
DIFFERS: Final = "differs"
LATER: Final = "later"
NEVER: Final = "not here"

INTRODUCTION: Final = """\
# VoxEngine's surface, name by name

What VoxEngine has, and what of it is here. *works*: as its reference says. *differs*: it is there,
and the remark says how it differs. *later*: refused by this version.
*not here*: it cannot exist outside the vendor's cloud, or makes no sense in Python; the remark is
also what the error message says. The last column names a test in which the name is used and its
effect is checked.

This page is made from the code: `python -m tests.docs.coverage`. The [reference](scenario-api.md)
describes what is here.
"""


@attrs.frozen
class Entry:
    """One name of VoxEngine's."""

    section: str
    name: str
    parts: tuple[str, ...] = ()
    """Parameters of a method, fields of an event, members of a set of constants."""


@attrs.frozen
class Row:
    name: str
    status: str
    remark: str = ""
    test: str = ""

    def __str__(self) -> str:
        where = self.test.removeprefix("tests/").replace("::", "` `") if self.test else ""
        return (
            f"| `{self.name}` | {self.status} | {self.remark} | {f'`{where}`' if where else ''} |"
        )


def surface() -> Iterator[Entry]:
    """What voxengine.txt lists."""
    section = ""
    for line in SURFACE.read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line:
            name, _, rest = line.replace("(", ":", 1).rstrip(")").partition(":")
            yield Entry(section, name, tuple(re.findall(r"\w+", rest)))


def page() -> str:
    parts, section, counts = [], "", Counter[str]()
    for entry in surface():
        if entry.section != section:
            section = entry.section
            parts.append(
                f"\n## {section}\n\n| name | status | remark | shown by |\n|---|---|---|---|"
            )
        row = row_of(entry)
        counts[row.status] += 1
        parts.append(str(row))
    total = ", ".join(f"{counts[each]} {each}" for each in (WORKS, DIFFERS, LATER, NEVER))
    return f"{INTRODUCTION}\nOf {sum(counts.values())} names: {total}.\n" + "\n".join(parts) + "\n"


def row_of(entry: Entry) -> Row:
    """One line of the page."""
    if entry.section.endswith("Events"):
        return _event(entry)
    if entry.section.endswith(" options"):
        return _option(entry)
    if entry.section in ("functions", "constants", "vendor"):
        return _import(entry)
    return _method(entry)


# --- each kind ----------------------------------------------------------------------------------


def _missing(owner: str, name: str) -> Row:
    key = f"{owner}.{name}" if owner else name
    instead = INSTEAD.get(key)
    return Row(name, NEVER, instead) if instead is not None else Row(name, LATER)


def _there(key: str, name: str, *patterns: str) -> Row:
    told = DIFFERENCES.get(key, "")
    return Row(
        name, DIFFERS if told else WORKS, told, shown_by(key.rpartition(".")[2], *patterns) or ""
    )


def _method(entry: Entry) -> Row:
    thing = getattr(scenario_api, entry.section, None)
    owner: Any = thing if isinstance(thing, type) or thing is None else type(thing)
    if owner is None or entry.name not in public_names(owner):
        return _missing(entry.section, entry.name)
    function = inspect.unwrap(getattr(owner, entry.name))
    names = inspect.signature(function).parameters
    taken = {*names, *OPTIONS.get(f"{entry.section}.{entry.name}", ())}
    open_ended = any(each.kind is each.VAR_KEYWORD for each in names.values())
    lacking = [each for each in entry.parts if each not in taken and not open_ended]
    assert not lacking, f"{entry.section}.{entry.name} has no {lacking}"
    before = rf"{entry.section}\." if entry.section in _NAMESPACES else r"\."
    return _there(
        f"{entry.section}.{entry.name}", entry.name, rf"{before}{entry.name}\b", *_of(entry)
    )


_NAMESPACES: Final = ("VoxEngine", "Net", "Logger", "AMD", "ApplicationStorage", "CallList", "IVR",
                      "PhoneNumber", "Crypto")  # fmt: skip
_MADE_BY: Final[Mapping[str, str]] = {
    "Player": r"create(URL|TTS|ToneScript)Player",
    "SequencePlayer": "createSequencePlayer",
    "Recorder": "createRecorder",
    "Conference": "createConference",
    "Endpoint": "Endpoint",
    "ASR": "createASR",
    "WebSocket": "createWebSocket",
    "IVRState": r"IVRState\(",
}


def _of(entry: Entry) -> tuple[str, ...]:
    made = _MADE_BY.get(entry.section)
    return (made,) if made else ()


def _event(entry: Entry) -> Row:
    space: NamespaceType | None = getattr(event_constants, entry.section, None)
    if space is None or entry.name not in public_names(space):
        return _missing(entry.section, entry.name)
    event: Any = getattr(space, entry.name)
    lacking = [field for field in entry.parts if field not in public_names(event)]
    assert not lacking, f"{event.name} has no {lacking}"
    shown = f"{entry.name}: {' '.join(entry.parts)}"
    if event.name in NEVER_FIRED:
        return Row(shown, NEVER, f"defined, never fired: {NEVER_FIRED[event.name]}")
    either = rf"{entry.section}\.{entry.name}\b|{re.escape(event.name)}\b"
    return _there(f"{entry.section}.{entry.name}", shown, either)


def _option(entry: Entry) -> Row:
    method = entry.section.removesuffix(" options")
    owner, _, name = method.partition(".")
    thing = getattr(scenario_api, owner, None)
    if name not in public_names(thing if isinstance(thing, type) else type(thing)):
        return _missing(owner, name)
    assert entry.name in OPTIONS[method], f"{method} has no option {entry.name}"
    if entry.name in WITHOUT_EFFECT.get(method, {}):
        return Row(entry.name, DIFFERS, f"accepted; {WITHOUT_EFFECT[method][entry.name]}")
    pattern = rf"\b{entry.name}['\"]?\s*[=:]"
    return _there(f"{method}.{entry.name}", entry.name, rf"{name}\(", pattern)


def _import(entry: Entry) -> Row:
    if entry.name not in runtime.__all__:
        row = _missing("", entry.name)
        return attrs.evolve(row, name=" ".join((entry.name, *entry.parts)))
    thing = getattr(scenario_api, entry.name)
    shown = (
        " ".join((f"{entry.name}:", *entry.parts)) if entry.section == "constants" else entry.name
    )
    if entry.section == "constants":
        lacking = [each for each in entry.parts if not hasattr(thing, each)]
        assert not lacking, f"{entry.name} has no {lacking}"
    return _there(entry.name, shown, rf"\b{entry.name}\b[.(]")


if __name__ == "__main__":
    PAGE.write_text(page())
