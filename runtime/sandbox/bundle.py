"""What a session runs: the text of a scenario's modules, read once, and the sounds beside them.

Bundles are checked here for size, count, encoding and names, never compiled: a parser bomb may only
go off in a locked worker. All faults are reported at once. Sounds are opened by name, inside the
scenario's own folder only.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

import attrs

import runtime
from runtime.decisions.limits import Limits
from runtime.media.port import SoundError
from runtime.sandbox.policy import IMPORTABLE

MAX_ASSET: Final = 10 * 1024 * 1024
"""Bytes of one sound file: VoxEngine's limit."""
MAX_FOLDER_ENTRIES: Final = 10_000
"""A folder with more than this is not a scenario's own."""
DEFAULTS: Final = Limits()
MAIN: Final = "scenario"
"""A folder's first module."""
SHIPPED: Final = "scenarios"


class BundleError(Exception):
    """A scenario that cannot be loaded; `faults` holds all reasons, str() shows them."""

    def __init__(self, scenario: str, faults: Iterable[str]) -> None:
        self.scenario = scenario
        self.faults = tuple(faults)
        super().__init__(f"cannot load {scenario}: " + "; ".join(self.faults))


class AssetError(Exception):
    """A sound file that cannot be used; str() is what PlaybackFinished(error) says."""


@attrs.frozen(kw_only=True)
class Module:
    """One Python file. `path` is what tracebacks and timelines show."""

    name: str
    path: str
    source: str


@attrs.frozen
class Assets:
    """The files beside a scenario. Names are relative, with forward slashes."""

    folder: Path | None

    def path(self, name: str) -> Path:
        """The real path of a sound; AssetError when it is not a readable file of the folder."""
        if self.folder is None:
            raise AssetError(f"{name!r}: this scenario has no files of its own")
        pure = PurePosixPath(name)
        if not name or "\0" in name or pure.is_absolute() or ".." in pure.parts:
            raise AssetError(f"{name!r}: not a relative name inside the scenario's folder")
        root = self.folder.resolve()
        try:
            real = (root / pure).resolve(strict=True)
        except (OSError, RuntimeError):
            raise AssetError(f"{name!r}: no such file in the scenario's folder") from None
        if not real.is_relative_to(root):
            raise AssetError(f"{name!r}: leads out of the scenario's folder")
        return real

    def open(self, name: str) -> int:
        """A descriptor for reading, owned by the caller; AssetError as for `path`."""
        real = self.path(name)
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            descriptor = os.open(real, flags)
        except OSError as exc:
            why = "is not a regular file" if exc.errno == errno.ELOOP else exc.strerror
            raise AssetError(f"{name!r}: {why}") from None
        try:
            self._check(name, os.fstat(descriptor))
        except AssetError:
            os.close(descriptor)
            raise
        os.set_blocking(descriptor, True)
        return descriptor

    def open_bytes(self, name: str) -> bytes:
        """The whole content, as the media port asks for it; SoundError as for `open`."""
        try:
            with open(self.open(name), "rb") as stream:
                return stream.read(MAX_ASSET)
        except AssetError as exc:
            raise SoundError(str(exc)) from exc

    @staticmethod
    def _check(name: str, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise AssetError(f"{name!r}: is not a regular file")
        if status.st_size > MAX_ASSET:
            size = status.st_size / (1024 * 1024)
            raise AssetError(f"{name!r}: {size:.1f} MB, the limit for a sound is 10 MB")


@attrs.frozen(kw_only=True)
class Bundle:
    """One version of one scenario."""

    name: str
    main: str
    modules: tuple[Module, ...]
    folder: Path | None = None
    version: str

    @property
    def assets(self) -> Assets:
        return Assets(self.folder)


def load_bundle(scenario: str, limits: Limits = DEFAULTS) -> Bundle:
    """Read "x.py", a folder with scenario.py, or "module:scenarios.ivr"; BundleError if it cannot.

    Blocks for the time of some file reads.
    """
    shipped = scenario.removeprefix("module:")
    if scenario.startswith("module:") or shipped.startswith(f"{SHIPPED}."):
        return _load_path(scenario, _shipped_path(scenario, shipped), name=shipped, limits=limits)
    path = Path(scenario)
    name = path.resolve().stem if path.suffix == ".py" else path.resolve().name
    return _load_path(scenario, path, name=name, limits=limits)


def make_bundle(
    name: str,
    sources: Mapping[str, str],
    *,
    main: str = MAIN,
    folder: Path | None = None,
    limits: Limits = DEFAULTS,
) -> Bundle:
    """A bundle of texts (module name -> source), for uploads and tests; BundleError if refused."""
    modules = tuple(
        Module(name=key, path=f"{key}.py", source=source) for key, source in sorted(sources.items())
    )
    faults = [*_faults(modules, main, limits)]
    if faults:
        raise BundleError(name, faults)
    digest = hashlib.sha256(main.encode())
    for module in modules:
        for part in (module.name, module.source):
            data = part.encode()
            digest.update(len(data).to_bytes(8, "big") + data)
    version = digest.hexdigest()[:12]
    return Bundle(name=name, main=main, modules=modules, folder=folder, version=version)


def _faults(modules: tuple[Module, ...], main: str, limits: Limits) -> Iterable[str]:
    if all(module.name != main for module in modules):
        yield f"there is no {main}.py"
    if len(modules) > limits.bundle_files:
        yield _too_many(len(modules), limits)
    longest = limits.bundle_file_chars
    total = 0
    for module in modules:
        total += len(module.source.encode("utf-8", "surrogatepass"))
        if len(module.source) > longest:
            yield f"{module.path} has {len(module.source)} characters, the limit is {longest}"
        if not _is_text(module.source):
            yield f"{module.path} holds characters that are not text (NUL or half a character)"
        if module.name != main and module.name in IMPORTABLE:
            yield f"{module.path} would hide the module {module.name}; give it another name"
    if total > limits.bundle_bytes:
        yield f"{total} bytes of Python, the limit is {limits.bundle_bytes}"


def _too_many(files: int, limits: Limits) -> str:
    return f"{files} Python files, the limit is {limits.bundle_files}"


def _is_text(source: str) -> bool:
    try:
        source.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in source


def _shipped_path(scenario: str, dotted: str) -> Path:
    """The place of a shipped scenario, beside the package `runtime` of this distribution."""
    package, _, rest = dotted.partition(".")
    if package != SHIPPED or not rest or not rest.replace(".", "_").isidentifier():
        raise BundleError(scenario, ["module: names a shipped scenario, e.g. module:scenarios.ivr"])
    assert runtime.__file__ is not None
    base = Path(runtime.__file__).resolve().parents[1].joinpath(SHIPPED, *rest.split("."))
    if base.is_dir():
        return base
    file = base.with_suffix(".py")
    if file.is_file():
        return file
    known = ", ".join(f"{SHIPPED}.{file.stem}" for file in sorted(base.parent.glob("[a-z]*.py")))
    raise BundleError(scenario, [f"there is no shipped scenario {dotted}; there are {known}"])


def _load_path(scenario: str, path: Path, *, name: str, limits: Limits) -> Bundle:
    if path.is_dir():
        files = _python_files(scenario, path)
        if not any(file.stem == MAIN for file in files):
            raise BundleError(scenario, [f"the folder {path} has no {MAIN}.py"])
        return _read(scenario, name, files, MAIN, path.resolve(), limits)
    if path.suffix != ".py":
        raise BundleError(
            scenario, ["give a .py file, a folder with scenario.py, or module:scenarios.NAME"]
        )
    if not path.is_file():
        raise BundleError(scenario, [f"the file {path} does not exist"])
    return _read(scenario, name, [path], path.stem, path.resolve().parent, limits)


def _python_files(scenario: str, folder: Path) -> list[Path]:
    """The folder's modules; tests that lie beside them are not part of the scenario."""
    files: list[Path] = []
    with os.scandir(folder) as entries:
        for count, entry in enumerate(entries):
            if count >= MAX_FOLDER_ENTRIES:
                raise BundleError(scenario, [f"more than {MAX_FOLDER_ENTRIES} entries in {folder}"])
            stem, suffix = os.path.splitext(entry.name)
            if suffix != ".py" or stem.startswith((".", "test_")) or stem == "conftest":
                continue
            if stem != "__init__":
                files.append(folder / entry.name)
    return sorted(files)


def _read(
    scenario: str, name: str, files: list[Path], main: str, root: Path, limits: Limits
) -> Bundle:
    if len(files) > limits.bundle_files:  # not even read
        raise BundleError(scenario, [_too_many(len(files), limits)])
    faults: list[str] = []
    sources: dict[str, str] = {}
    for file in files:
        try:
            sources[file.stem] = _read_module(file, root, limits.bundle_bytes)
        except (OSError, ValueError) as exc:
            why = exc.strerror if isinstance(exc, OSError) else exc
            faults.append(f"{file.name}: {why}")
    if faults:
        raise BundleError(scenario, faults)
    try:
        return make_bundle(name, sources, main=main, folder=root, limits=limits)
    except BundleError as exc:
        raise BundleError(scenario, exc.faults) from None


def _read_module(file: Path, root: Path, most: int) -> str:
    if not file.resolve(strict=True).is_relative_to(root):
        raise ValueError("is a link that leads out of the scenario's folder")
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("is not a regular file")
        data = stream.read(most + 1)
    if len(data) > most:
        raise ValueError(f"more than {most} bytes, the limit of a whole scenario")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as exc:
        raise ValueError(f"is not UTF-8 text (byte {exc.start})") from None
