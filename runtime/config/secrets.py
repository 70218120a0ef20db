"""Where the values of [[secret]] come from: the file itself, a file beside it, the environment.

A value never stands in a fault, a log line or a repr.
"""

from __future__ import annotations

from pathlib import Path

import attrs

from runtime.config.secret_sources import SourceFault, from_environment, from_file
from runtime.config.settings import Config, SecretSettings
from runtime.decisions.secrets import why_no_value


def with_secret_values(config: Config, base: Path) -> tuple[Config, list[tuple[str, str]]]:
    """The configuration with each secret's value in `value`, and (key, problem) of those without.

    Paths are relative to `base`, the folder of the configuration file.
    """
    found: list[SecretSettings] = []
    faults: list[tuple[str, str]] = []
    for number, secret in enumerate(config.secret):
        try:
            if sum(_clash(secret, other) for other in config.secret) > 1:
                raise SourceFault("name", f"there are several secrets called {secret.name!r}")
            value = _value(secret, base)
        except SourceFault as exc:
            faults.append((f"secret[{number}].{exc.key}", str(exc)))
        else:
            found.append(attrs.evolve(secret, value=value, file=None, env=""))
    return attrs.evolve(config, secret=tuple(found)), faults


def _clash(one: SecretSettings, other: SecretSettings) -> bool:
    """Whether an application would have two of this name, as each one has with itself."""
    overlap = one.is_for(other.application) or other.is_for(one.application)
    return one.name == other.name and overlap


def _value(secret: SecretSettings, base: Path) -> str:
    given = [key for key in ("value", "file", "env") if getattr(secret, key)]
    if len(given) != 1:
        raise SourceFault("value", "give one of value, file and env")
    key = given[0]
    value = secret.value
    if secret.file is not None:
        value = from_file(base / secret.file, "file")
    elif secret.env:
        value = from_environment(secret.env, "env")
    why = why_no_value(value)
    if why is not None:
        raise SourceFault(key, why)
    return value
