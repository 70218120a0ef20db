"""`[trunk.login]`: passwords of trunks that have to prove who they are when they call us."""

from __future__ import annotations

from pathlib import Path

import attrs

from runtime.config.passwords import password_of
from runtime.config.secret_sources import SourceFault
from runtime.config.settings import Config, TrunkSettings


def with_trunk_logins(config: Config, base: Path) -> tuple[Config, list[tuple[str, str]]]:
    """The configuration with each login's password in `password`, and (key, problem) of those that
    cannot be used; paths are relative to `base`, the folder of the file."""
    faults: list[tuple[str, str]] = []
    taken = dict.fromkeys(config.users, "a user")
    trunks: list[TrunkSettings] = []
    for place, trunk in enumerate(config.trunk):
        login, key = trunk.login, f"trunk[{place}].login"
        if login is None:
            trunks.append(trunk)
            continue
        if login.user in taken:
            faults.append(
                (f"{key}.user", f"{login.user!r} is also the name of {taken[login.user]}")
            )
        taken[login.user] = f"trunk {trunk.name}'s login"
        try:
            password = password_of(login.user, login, base)
        except SourceFault as exc:
            faults.append((f"{key}.{exc.key}", str(exc)))
            continue
        found = attrs.evolve(login, password=password, password_file=None, password_env="")
        trunks.append(attrs.evolve(trunk, login=found))
    return attrs.evolve(config, trunk=tuple(trunks)), faults
