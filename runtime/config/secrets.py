"""Where the values of [[secret]] come from: the file itself, a file beside it, the environment.

A value never stands in a fault, a log line or a repr.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Final

import attrs

from runtime.config.settings import Config, SecretSettings
from runtime.decisions.secrets import MAX_VALUE, why_no_value

MAX_FILE_BYTES: Final = 2 * MAX_VALUE
"""A larger file is the wrong file."""


class SecretFault(Exception):
    """A secret has no value that can be used; `key` is what to look at."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(problem)
        self.key = key


def with_secret_values(config: Config, base: Path) -> tuple[Config, list[tuple[str, str]]]:
    """The configuration with each secret's value in `value`, and (key, problem) of those without.

    Paths are relative to `base`, the folder of the configuration file.
    """
    found: list[SecretSettings] = []
    faults: list[tuple[str, str]] = []
    names = Counter(secret.name for secret in config.secret)
    for number, secret in enumerate(config.secret):
        try:
            if names[secret.name] > 1:
                raise SecretFault("name", f"there are several secrets called {secret.name!r}")
            value = _value(secret, base)
        except SecretFault as exc:
            faults.append((f"secret[{number}].{exc.key}", str(exc)))
        else:
            found.append(attrs.evolve(secret, value=value, file=None, env=""))
    return attrs.evolve(config, secret=tuple(found)), faults


def _value(secret: SecretSettings, base: Path) -> str:
    given = [key for key in ("value", "file", "env") if getattr(secret, key)]
    if len(given) != 1:
        raise SecretFault("value", "give one of value, file and env")
    key = given[0]
    value = secret.value
    if secret.file is not None:
        value = _read(base / secret.file)
    elif secret.env:
        value = os.environ.get(secret.env, "")
        if not value:
            raise SecretFault("env", f"the environment variable {secret.env!r} is not set")
    why = why_no_value(value)
    if why is not None:
        raise SecretFault(key, why)
    return value


def _read(path: Path) -> str:
    """Without the line end that editors put there."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
        return raw.decode().removesuffix("\n").removesuffix("\r")
    except OSError as exc:
        raise SecretFault("file", f"{path} cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise SecretFault("file", f"{path} is not UTF-8 text") from exc
