"""Where the key of the database comes from: [data] key, key_file or key_env, or the data folder.

The key never stands in a fault, a log line or a repr.
"""

from __future__ import annotations

from pathlib import Path

import attrs

from runtime.config.secret_sources import SourceFault, from_environment
from runtime.config.settings import Config

SOURCES = ("key", "key_file", "key_env")


def with_data_key(config: Config, base: Path) -> tuple[Config, list[tuple[str, str]]]:
    """The configuration with the key in `key` or a whole path in `key_file`, and (key, problem)."""
    data = config.data
    given = [name for name in SOURCES if getattr(data, name)]
    if len(given) > 1:
        return config, [(f"data.{given[1]}", f"give one of {', '.join(SOURCES)}")]
    try:
        if data.key_env:
            key = from_environment(data.key_env, "data.key_env")
            data = attrs.evolve(data, key=key, key_env="")
    except SourceFault as exc:
        return config, [(exc.key, str(exc))]
    if data.key_file is not None:
        data = attrs.evolve(data, key_file=base / data.key_file)
    return attrs.evolve(config, data=data), []
