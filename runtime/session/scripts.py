"""The scripts that are served, as they go to workers: encoded once, compiled once.

A bundle is compiled by a locked worker (checking.py) when it is loaded; until that is done, and
when it cannot be done, each session's own worker compiles it and says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import attrs

from runtime.decisions.limits import Limits
from runtime.sandbox.frames import ModuleFrame, core_frame_to_json
from runtime.sandbox.wire import MAX_CORE_FRAME, encode_frame
from runtime.session.checking import Code, compile_bundle
from runtime.session.worker import Bundle, Module, WorkerLauncher

MAX_SHIPPED: Final = 768 * 1024
"""Characters of one module's code; bigger code is compiled where it runs, since source (3 MiB at
worst, as JSON) and code go in one frame."""


@attrs.define(eq=False)
class Scripts:
    """The encoded bundles of what is served, by their version."""

    _launcher: WorkerLauncher
    _limits: Limits
    _encoded: dict[str, bytes] = attrs.field(factory=dict)
    _compiled: set[str] = attrs.field(factory=set)

    def encoded(self, bundle: Bundle) -> bytes:
        """All module frames of a bundle. ValueError when a module is too big for the wire."""
        data = self._encoded.get(bundle.version)
        if data is None:
            data = self._encoded[bundle.version] = _encode(bundle, {})
        return data

    async def compile(self, bundle: Bundle, session_id: str) -> None:
        """Try a bundle, and let its sessions have the code. Raises BundleError."""
        if bundle.version not in self._compiled:
            code = await compile_bundle(self._launcher, bundle, session_id, self._limits)
            self._encoded[bundle.version] = _encode(bundle, code)
            self._compiled.add(bundle.version)

    def keep(self, versions: Collection[str]) -> None:
        """Forget all others; sessions that run them have what they need."""
        for version in self._encoded.keys() - set(versions):
            del self._encoded[version]
        self._compiled.intersection_update(versions)


def _encode(bundle: Bundle, code: Code) -> bytes:
    return b"".join(_frame(module, code.get(module.name, "")) for module in bundle.modules)


def _frame(module: Module, code: str) -> bytes:
    frame = ModuleFrame(
        name=module.name,
        path=module.path,
        source=module.source,
        code=code if len(code) <= MAX_SHIPPED else "",
    )
    return encode_frame(core_frame_to_json(frame), MAX_CORE_FRAME)
