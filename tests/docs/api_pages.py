"""The pages docs/reference/api: one for each object of the scenario API, and one for each event.

`python -m tests.docs.api_pages` writes them; a test sees that they are current. Types come from the
signatures, texts and order guarantees from the docstrings; what may come next in the life of a call
is read off the table that decides it (runtime/decisions/call_state.py).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import attrs

import runtime
from runtime.api import amd
from runtime.api.event_constants import NEVER_FIRED, SPACES, constants
from runtime.api.events import Event
from runtime.api.names import NamespaceType, StrictNames
from runtime.decisions.call_state import TABLE, Effect, Phase, step
from tests.docs.reference import OBJECTS, OPTIONS, ORDER, in_order, text_of, without_order

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs/reference/api"
MADE_FROM: Final = "Made from the code: `python -m tests.docs.api_pages`."
EMITTED: Final[Mapping[Effect, str]] = {
    Effect.RINGING: "Ringing",
    Effect.AUDIO_STARTED: "AudioStarted",
    Effect.CONNECTED: "Connected",
    Effect.FAILED: "Failed",
    Effect.DISCONNECTED: "Disconnected",
}
"""StateChanged apart, which comes with each of them."""
LISTENING: Final = ("addEventListener", "removeEventListener", "on", "once")
"""These take any event; what they name is an example."""
ALIASES: Final = {"Headers": "Mapping[str, str]"}
BEGINNINGS: Final = {"incoming": Phase.IN_ALERTING, "outgoing": Phase.OUT_ALERTING}


def pages() -> dict[str, str]:
    """Path below docs/reference/api -> text."""
    made = {f"{name}.md": _object_page(name) for name in _objects()}
    for space, name, event in events():
        made[_event_path(space, name)] = _event_page(space, name, event)
    made["README.md"] = _index()
    return made


def _objects() -> dict[str, type[StrictNames]]:
    found: dict[str, type[StrictNames]] = {}
    for name in OBJECTS:
        thing = getattr(runtime, name)
        found[name] = thing if isinstance(thing, type) else type(thing)
    found["AMD"] = amd.AMDDetector
    return found


def events() -> Iterator[tuple[str, str, type[Event]]]:
    """Space, constant and class of everything that is fired."""
    spaces = {space.__name__: space for space in SPACES} | {"AMD.Events": amd.AMDEvents}
    for shown, space in spaces.items():
        for event, name in sorted(constants(space).items(), key=itemgetter(1)):
            if event.name not in NEVER_FIRED:
                yield shown, name, event


def _event_path(space: str, name: str) -> str:
    return f"events/{space}.{name}.md"


def _index() -> str:
    objects = [f"[{name}]({name}.md)" for name in _objects()]
    lines = [
        "# The scenario API, page by page\n",
        f"[All of it on one page](../scenario-api.md). {MADE_FROM}\n",
        f"Objects: {', '.join(objects)}.\n",
    ]
    spaces: dict[str, list[str]] = {}
    for space, name, _ in events():
        spaces.setdefault(space, []).append(f"[{name}]({_event_path(space, name)})")
    lines += [f"{space}: {', '.join(links)}.\n" for space, links in spaces.items()]
    return "\n".join(lines)


# --- objects ------------------------------------------------------------------------------------


def _object_page(name: str) -> str:
    owner = _objects()[name]
    space = getattr(owner, "_namespace", None)
    lines = [f"# {name}\n", text_of(owner) + "\n"]
    if isinstance(space, NamespaceType):
        links = [
            f"[{each}]({_event_path(shown, each)})"
            for shown, each, event in events()
            if getattr(space, each, None) is event
        ]
        lines.append(f"Events: {', '.join(links)}.\n")
    for member in in_order(owner):
        lines += _method(name, member, inspect.unwrap(getattr(owner, member)))
    return "\n".join([*lines, MADE_FROM]) + "\n"


def _method(owner: str, name: str, function: Any) -> list[str]:
    signature = inspect.signature(function)
    waits = "await " if inspect.iscoroutinefunction(function) else ""
    lines = [f"## {name}\n", f"`{waits}{name}{_shown(signature)}`\n", text_of(function) + "\n"]
    given = list(signature.parameters.values())[1:]
    if given:
        lines += ["| parameter | type | default |", "|-|-|-|"]
        lines += [_parameter(each) for each in given]
        lines.append("")
    options = sorted(OPTIONS.get(f"{owner}.{name}", ()))
    if options:
        lines.append(f"Options: {', '.join(f'`{each}`' for each in options)}.\n")
    return lines


def _shown(signature: inspect.Signature) -> str:
    names = [str(each).partition(":")[0] for each in signature.parameters.values()][1:]
    return f"({', '.join(names)}) -> {signature.return_annotation}"


def _parameter(parameter: inspect.Parameter) -> str:
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    default = "" if parameter.default is parameter.empty else f"`{parameter.default!r}`"
    return f"| `{stars}{parameter.name}` | `{_cell(parameter.annotation)}` | {default} |"


def _cell(text: object) -> str:
    """A type; a bar would end the cell."""
    return ALIASES.get(str(text), str(text)).replace("|", "or")


# --- events -------------------------------------------------------------------------------------


def _event_page(space: str, name: str, event: type[Event]) -> str:
    lines = [
        f"# {space}.{name}\n",
        f'String value: `"{event.name}"`.\n',
        without_order(event) + "\n",
    ]
    lines += ["| field | type | default |", "|-|-|-|"]
    lines += [_field(each) for each in attrs.fields(event)]
    lines += [f"| `{each}` | `str` | |" for each in _properties(event)]
    lines += ["", "## Order\n", order_of(event) + "\n"]
    if space == "CallEvents":
        lines += _next(name)
    lines += _spoken_of(space, name)
    return "\n".join([*lines, MADE_FROM]) + "\n"


def _field(field: attrs.Attribute[Any]) -> str:
    default = field.default
    made = isinstance(default, attrs.Factory)  # type: ignore[arg-type]  # attrs types it as a call
    shown = "" if default is attrs.NOTHING else ("`{}`" if made else f"`{default!r}`")
    return f"| `{field.name}` | `{_cell(field.type)}` | {shown} |"


def _properties(event: type[Event]) -> list[str]:
    found = [name for name in ("id",) if isinstance(getattr(event, name, None), property)]
    return [*found, "name"]


def order_of(event: type[Event]) -> str:
    """The guarantees; empty when the docstring has none."""
    text = text_of(event).partition(ORDER)[2].strip()
    return text[:1].upper() + text[1:]


def _next(name: str) -> list[str]:
    """What may come next in the life of a call."""
    if name not in EMITTED.values():
        return []
    lines = []
    for way, beginning in BEGINNINGS.items():
        after = successors(beginning)
        if name in after:
            listed = " or ".join(sorted(after[name])) or "nothing"
            lines.append(f"- Next in the life of an {way} call: {listed}.")
    return [*lines, ""]


def successors(beginning: Phase) -> dict[str, set[str]]:
    """Event -> the events of a call's life that may come next, from that phase on.

    Each is told once: a leg that has rung does not ring again (legs/sip/telling.py).
    """
    after: dict[str, set[str]] = {}
    seen: set[tuple[Phase, tuple[str, ...]]] = set()
    waiting: list[tuple[Phase, tuple[str, ...]]] = [(beginning, ("",))]
    while waiting:
        phase, told = waiting.pop()
        if (phase, told) in seen:
            continue
        seen.add((phase, told))
        for given in TABLE[phase]:
            found, now = step(phase, given), told
            for emitted in (EMITTED[each] for each in found.effects if each in EMITTED):
                if emitted not in now:
                    after.setdefault(now[-1], set()).add(emitted)
                    after.setdefault(emitted, set())
                    now = (*now, emitted)
            waiting.append((found.phase, now))
    return after


def _spoken_of(space: str, name: str) -> list[str]:
    """Methods whose descriptions name the event: of what fires it, and of VoxEngine where no other
    event is called so."""
    alone = [one for one, each, _ in events() if each == name] == [space]
    found: list[str] = []
    for owner, kind in _objects().items():
        fires = getattr(getattr(kind, "_namespace", None), "__name__", "") == space
        pattern = name if fires or (owner == "VoxEngine" and alone) else rf"{space}\.{name}"
        word = re.compile(rf"\b{pattern}\b")
        found += [
            f"[{owner}.{member}](../{owner}.md#{member.lower()})"
            for member in in_order(kind)
            if member not in LISTENING
            and word.search(text_of(inspect.unwrap(getattr(kind, member))))
        ]
    return [f"Spoken of in {', '.join(found)}.\n"] if found else []


def write() -> None:
    """All pages; what is not made any more goes."""
    made = pages()
    for old in FOLDER.rglob("*.md"):
        if str(old.relative_to(FOLDER)) not in made:
            old.unlink()
    for path, text in made.items():
        target = FOLDER / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


if __name__ == "__main__":
    write()
