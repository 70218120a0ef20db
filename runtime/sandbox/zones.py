"""Time zones in memory: a locked worker cannot read the zone files, and its script may ask for any.

All zones together are under a megabyte, shared by every worker of the zygote.
"""

from __future__ import annotations

import io
import zoneinfo
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

MAX_ZONE: Final = 64 * 1024
"""The largest zone file has 4 KB; anything bigger is no zone."""


def preload_zones() -> int:
    """Keep every zone of this machine in memory from now on; how many there are.

    A zone is then found without touching the disk, an unknown one is the usual
    ZoneInfoNotFoundError.
    """
    zones = _read_zones()
    # zoneinfo looks for a file in TZPATH and, when there is none, asks this function.
    module = cast("Any", zoneinfo)
    module._common.load_tzdata = _Zones(zones).load
    module.available_timezones = lambda: set(zones)
    zoneinfo.reset_tzpath(to=())
    return len(zones)


class _Zones:
    def __init__(self, data: Mapping[str, bytes]) -> None:
        self._data = data

    def load(self, key: str) -> io.BytesIO:
        data = self._data.get(key)
        if data is None:
            raise zoneinfo.ZoneInfoNotFoundError(f"No time zone found with key {key}")
        return io.BytesIO(data)


def _read_zones() -> dict[str, bytes]:
    zones: dict[str, bytes] = {}
    for name in zoneinfo.available_timezones():
        for folder in zoneinfo.TZPATH:
            path = Path(folder, name)
            if path.is_file() and path.stat().st_size <= MAX_ZONE:
                zones[name] = path.read_bytes()
                break
    return zones
