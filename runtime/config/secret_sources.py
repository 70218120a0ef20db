"""Where secret values come from besides the configuration file: a file beside it, the environment.

A value never stands in a fault.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from runtime.decisions.secrets import MAX_VALUE

MAX_FILE_BYTES: Final = 2 * MAX_VALUE
"""A larger file is the wrong file."""


class SourceFault(Exception):
    """There is no value that can be used; `key` is what to look at."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(problem)
        self.key = key


def from_file(path: Path, key: str) -> str:
    """Without the line end that editors put there. Raises SourceFault."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
        return raw.decode().removesuffix("\n").removesuffix("\r")
    except OSError as exc:
        raise SourceFault(key, f"{path} cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise SourceFault(key, f"{path} is not UTF-8 text") from exc


def from_environment(name: str, key: str) -> str:
    """The value of a variable that must be set. Raises SourceFault."""
    value = os.environ.get(name, "")
    if not value:
        raise SourceFault(key, f"the environment variable {name!r} is not set")
    return value
