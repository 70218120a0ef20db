"""Small random damage to known inputs, from a seed, so that a failure can be seen again."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from typing import Final

SECONDS: Final = 3.0
"""Cap of one fuzz test; on a slow machine it tries fewer inputs and still passes."""

TRIES: Final = 6_000


def mutated(seeds: Sequence[bytes], words: Sequence[bytes], seed: int) -> Iterator[bytes]:
    """Damaged copies of `seeds`, spliced with `words`, until the tries or the time are used up."""
    rng = random.Random(seed)
    end = time.monotonic() + SECONDS
    for _ in range(TRIES):
        if time.monotonic() > end:
            return
        data = rng.choice(seeds)
        for _ in range(rng.randint(1, 4)):
            data = _damaged(data, rng, seeds, words)
        yield data


def _damaged(
    data: bytes, rng: random.Random, seeds: Sequence[bytes], words: Sequence[bytes]
) -> bytes:
    at = rng.randint(0, len(data))
    to = min(len(data), at + rng.choice((1, 1, 2, 8, 40)))
    match rng.randrange(8):
        case 0:
            return data[:at] + bytes([rng.randrange(256)]) + data[to:]
        case 1:
            return data[:at] + data[to:]
        case 2:
            return data[:at] + rng.choice(words) + data[at:]
        case 3:
            return data[:at] + rng.choice(words) + data[to:]
        case 4:
            return data[:at] + data[at:to] * rng.choice((2, 3, 50)) + data[to:]
        case 5:
            other = rng.choice(seeds)
            return data[:at] + other[rng.randint(0, len(other)) :]
        case 6:
            lines = data.split(b"\r\n")
            rng.shuffle(lines)
            return b"\r\n".join(lines)
        case _:
            return data[:at]
