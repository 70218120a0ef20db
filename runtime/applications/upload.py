"""What an upload and a set of rules must look like: read from JSON, every fault with its field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Final

import attrs

from runtime.applications.faults import Fault
from runtime.applications.patterns import LinearPattern
from runtime.applications.reading import is_text, raise_faults, read_table
from runtime.config.names import NAME
from runtime.config.settings import MAX_CUSTOM_DATA
from runtime.sandbox.bundle import MAIN
from runtime.session.rules import Rule

MODULE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
SOUND: Final = re.compile(
    r"(?:[A-Za-z0-9_][A-Za-z0-9._ -]{0,63}/){0,3}[A-Za-z0-9_][A-Za-z0-9._ -]{0,63}"
)
SHA256: Final = re.compile(r"[0-9a-f]{64}")
MAX_SOUNDS: Final = 200
"""Beside one scenario; its folder is made of links when it is loaded."""
MAX_RULES: Final = 500
"""Of one application: each number that is dialled is held against them."""


@attrs.frozen(kw_only=True)
class Upload:
    """One version of a scenario as it was sent."""

    modules: Mapping[str, str]
    """Python by module name."""
    sounds: Mapping[str, str]
    """SHA-256 by file name; the content is sent before (shelf.py)."""
    main: str


def read_upload(body: Any) -> Upload:
    """Raises Refused with everything that is wrong."""
    faults: list[Fault] = []
    given = read_table(body, "", {"modules", "sounds", "main"}, faults)
    modules = _texts(given.get("modules", {}), "modules", MODULE, faults)
    sounds = _texts(given.get("sounds", {}), "sounds", SOUND, faults)
    for name, digest in sounds.items():
        if not SHA256.fullmatch(digest):
            faults.append((f"sounds.{name}", "must be the SHA-256 of the file, in hexadecimal"))
        if PurePosixPath(name).suffix == ".py":
            faults.append((f"sounds.{name}", "Python goes into modules"))
    if len(sounds) > MAX_SOUNDS:
        faults.append(("sounds", f"{len(sounds)} files, the limit is {MAX_SOUNDS}"))
    main = given.get("main", MAIN)
    if not isinstance(main, str) or not MODULE.fullmatch(main):
        faults.append(("main", "must be the name of a module"))
    raise_faults("the scenario is not taken", faults)
    return Upload(modules=modules, sounds=sounds, main=main)


def read_rules(body: Any, scenarios: set[str]) -> list[Rule]:
    """`{"rules": [...]}`, in order. Raises Refused with everything that is wrong."""
    faults: list[Fault] = []
    given = read_table(body, "", {"rules"}, faults).get("rules")
    if not isinstance(given, list):
        faults.append(("rules", "must be a list"))
        given = []
    if len(given) > MAX_RULES:
        faults.append(("rules", f"{len(given)} rules, the limit is {MAX_RULES}"))
        given = []
    rules = [_rule(each, f"rules[{n}]", scenarios, faults) for n, each in enumerate(given)]
    names = [rule.name for rule in rules if rule is not None]
    for number, name in enumerate(names):
        if name in names[:number]:
            faults.append((f"rules[{number}].name", f"another rule is called {name!r}"))
    raise_faults("the rules are not taken", faults)
    return [rule for rule in rules if rule is not None]


def _rule(given: Any, field: str, scenarios: set[str], faults: list[Fault]) -> Rule | None:
    before = len(faults)
    known = {"name", "to", "scenario", "conference", "custom_data"}
    table = {"conference": False, "custom_data": "", **read_table(given, field, known, faults)}
    texts = {key: table.get(key) for key in ("name", "to", "scenario", "custom_data")}
    for key, value in texts.items():
        if not isinstance(value, str) or not is_text(value):
            faults.append((f"{field}.{key}", "must be a text" if key in table else "is missing"))
    if not isinstance(table["conference"], bool):
        faults.append((f"{field}.conference", "must be true or false"))
    if len(faults) > before:
        return None
    if not NAME.fullmatch(table["name"]):
        faults.append((f"{field}.name", f"{table['name'][:64]!r} is no name"))
    if table["scenario"] not in scenarios:
        there = ", ".join(sorted(scenarios)[:10]) or "none"
        faults.append((f"{field}.scenario", f"is not uploaded; there are: {there}"))
    size = len(table["custom_data"].encode())
    if size > MAX_CUSTOM_DATA:
        faults.append((f"{field}.custom_data", f"{size} bytes, the limit is {MAX_CUSTOM_DATA}"))
    try:
        pattern = LinearPattern(table["to"])
    except ValueError as exc:
        faults.append((f"{field}.to", str(exc)))
        return None
    return Rule(**table, pattern=pattern) if len(faults) == before else None


def _texts(given: Any, field: str, names: re.Pattern[str], faults: list[Fault]) -> dict[str, str]:
    if not isinstance(given, dict):
        faults.append((field, "must be an object of texts"))
        return {}
    found: dict[str, str] = {}
    for name, text in given.items():
        if not names.fullmatch(name):
            faults.append((f"{field}.{name[:64]}", "is no name of a file here"))
        elif not isinstance(text, str) or not is_text(text):
            faults.append((f"{field}.{name}", "must be a text"))
        else:
            found[name] = text
    return found
