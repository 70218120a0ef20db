"""A project on disk as it goes to a server: its scenarios with their sounds, and its rules.

`callstage.toml` names them by its [[rule]] entries; without any, the folder is one scenario.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from runtime.config.settings import RuleSettings
from runtime.sandbox.bundle import AssetError, Bundle, BundleError, load_bundle

SOUNDS: Final = frozenset({".wav", ".mp3", ".ogg", ".flac"})
MAX_SOUNDS: Final = 200
"""Of one scenario, as the server takes them."""
MAX_DEPTH: Final = 4
"""Folders below each other, as the server takes them."""
PIECE: Final = 64 * 1024


class ProjectFault(Exception):
    """The folder cannot be uploaded; str() says why."""


@attrs.frozen(kw_only=True)
class LocalScenario:
    """One scenario as it lies there."""

    bundle: Bundle
    sounds: Mapping[str, str]
    """SHA-256 by name."""
    files: Mapping[str, Path]
    """Where a content lies, by its SHA-256."""

    @property
    def body(self) -> dict[str, Any]:
        """What an upload of it says."""
        modules = {module.name: module.source for module in self.bundle.modules}
        return {"modules": modules, "sounds": dict(self.sounds), "main": self.bundle.main}


@attrs.frozen(kw_only=True)
class Project:
    scenarios: Mapping[str, LocalScenario]
    rules: tuple[Mapping[str, Any], ...] | None
    """As the server takes them; None where the project has none of its own."""


def read_project(folder: Path, rules: tuple[RuleSettings, ...]) -> Project:
    """Raises ProjectFault, or BundleError with all that is wrong with a scenario."""
    if not rules:
        found = _scenario(str(folder))
        return Project(scenarios={found.bundle.name: found}, rules=None)
    scenarios: dict[str, LocalScenario] = {}
    rows: list[Mapping[str, Any]] = []
    places: dict[str, str] = {}
    for rule in rules:
        place = rule.scenario
        path = place if place.startswith("module:") else str(folder / place)
        found = _scenario(path)
        name = found.bundle.name
        if places.setdefault(name, place) != place:
            raise ProjectFault(f"{places[name]} and {place} would both be called {name!r}")
        scenarios[name] = found
        rows.append(
            {
                "name": rule.name,
                "to": rule.to,
                "scenario": name,
                "conference": rule.conference,
                "custom_data": rule.custom_data,
            }
        )
    return Project(scenarios=scenarios, rules=tuple(rows))


def _scenario(path: str) -> LocalScenario:
    """What a running scenario could not play is not sent either, such as what a link leads to that
    came with somebody's project."""
    bundle = load_bundle(path)
    sounds: dict[str, str] = {}
    files: dict[str, Path] = {}
    faults: list[str] = []
    for name in _sound_files(bundle.folder) if bundle.folder else ():
        try:
            digest = _sha256(bundle.assets.open(name))
            sounds[name], files[digest] = digest, bundle.assets.path(name)
        except (AssetError, OSError) as exc:
            faults.append(str(exc))
    if faults:
        raise BundleError(path, faults)
    return LocalScenario(bundle=bundle, sounds=sounds, files=files)


def _sound_files(folder: Path) -> list[str]:
    """Names of what looks like sounds."""
    found: list[str] = []
    for place, folders, names in os.walk(folder):
        here = Path(place)
        depth = len(here.relative_to(folder).parts)
        folders[:] = [n for n in folders if not n.startswith(".") and depth + 1 < MAX_DEPTH]
        found += [
            (here / name).relative_to(folder).as_posix()
            for name in names
            if Path(name).suffix.lower() in SOUNDS
        ]
        if len(found) > MAX_SOUNDS:
            raise ProjectFault(f"{folder} has more than {MAX_SOUNDS} sound files, the limit")
    return sorted(found)


def _sha256(descriptor: int) -> str:
    with open(descriptor, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while piece := stream.read(PIECE):
            yield piece
