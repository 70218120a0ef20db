"""Key-value pairs that an application's sessions share: what is kept, for how long, and how many.

Pure: times are Unix times, given. Runs in the core.
"""

from __future__ import annotations

import json
from typing import Final

import attrs

MAX_KEY: Final = 200
MAX_VALUE: Final = 2_000
MAX_TTL_S: Final = 90 * 24 * 3600
"""VoxEngine's limits of a pair (voxengine.md 1.9)."""
MAX_LISTED: Final = 1_000
"""Keys of one answer."""
MAX_LISTED_BYTES: Final = 512 * 1024
"""Of them as JSON within JSON, half of what may wait for a script: a thousand keys of 200 letters
have 0.2 MB, of 200 that are not ASCII twelve times as much at worst."""
MAX_ALL_PAIRS: Final = 100_000
"""Of all applications together: some 200 MB where every pair is as large as it may be."""


class TooManyKeys(Exception):
    """They do not fit into an answer; str() is for the script."""


class StorageFull(Exception):
    """There are too many pairs; str() is for the script."""


def listed(keys: list[str]) -> str:
    """An answer of keys, as JSON. Raises TooManyKeys."""
    text = json.dumps(keys, ensure_ascii=False)
    size = len(json.dumps(text))
    if size > MAX_LISTED_BYTES:
        raise TooManyKeys(
            f"{len(keys):,} keys are {size:,} bytes, the limit is {MAX_LISTED_BYTES:,}; ask for "
            "fewer, by `count` or a narrower `pattern`"
        )
    return text


@attrs.frozen
class Pair:
    """One pair as scripts see it."""

    key: str
    value: str
    expire: int
    """Unix time at which it is gone."""


class Pairs:
    """All pairs of one application; `changes` are those that are not in its file yet."""

    def __init__(self, known: dict[str, Pair] | None = None) -> None:
        self._pairs = known or {}
        self.changes: dict[str, Pair | None] = {}
        """Key -> what it is now; None: it is gone. Whoever writes the file empties it."""

    def __len__(self) -> int:
        return len(self._pairs)

    def put(self, key: str, value: str, ttl_s: int, now: float, most: int) -> Pair:
        """Set a pair, until `ttl_s` seconds from now. Raises StorageFull."""
        if key not in self._pairs and len(self._pairs) >= most:
            self._forget_old(now)
            if len(self._pairs) >= most:
                raise StorageFull(
                    f"there are {most:,} pairs already, the limit; remove some, or give them a "
                    "shorter ttl"
                )
        pair = Pair(key, value, int(now) + ttl_s)
        self._pairs.pop(key, None)
        self._pairs[key] = self.changes[key] = pair
        return pair

    def get(self, key: str, now: float) -> Pair | None:
        pair = self._pairs.get(key)
        return pair if pair is not None and pair.expire > now else None

    def remove(self, key: str, now: float) -> Pair | None:
        """What was there."""
        pair = self.get(key, now)
        if self._pairs.pop(key, None) is not None:
            self.changes[key] = None
        return pair

    def keys(self, pattern: str, most: int, now: float) -> list[str]:
        """Keys that match, those set first first. A `*` in the pattern stands for any characters;
        only the first is looked at, so that no pattern takes long. Without one the pattern is a key
        or a namespace, what stands before the colon of keys (VoxEngine reference:
        ApplicationStorage.put)."""
        head, star, tail = pattern.partition("*")
        namespace = f"{pattern}:"
        found: list[str] = []
        for key, pair in self._pairs.items():
            if len(found) >= most:
                break
            fits = (
                len(key) >= len(head) + len(tail) and key.startswith(head) and key.endswith(tail)
                if star
                else key == pattern or key.startswith(namespace)
            )
            if fits and pair.expire > now:
                found.append(key)
        return found

    def _forget_old(self, now: float) -> None:
        for key in [key for key, pair in self._pairs.items() if pair.expire <= now]:
            del self._pairs[key]
            self.changes[key] = None
