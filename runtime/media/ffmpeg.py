"""FFmpeg in a worker: loaded whole, before the locks close the file system; silent afterwards."""

from __future__ import annotations

import importlib
import pkgutil

import av


def load() -> None:
    """Import every part of PyAV (it loads many when they are first needed); 30 ms."""
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    av.logging.set_level(None)
