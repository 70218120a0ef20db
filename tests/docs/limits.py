"""The page docs/reference/limits.md, made from the table of limits.

`python -m tests.docs.limits` writes it; a test sees that it is current.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import attrs

from runtime.api.timers import MIN_INTERVAL_MS
from runtime.decisions.limit import facts, shown
from runtime.decisions.limits import Limits
from runtime.legs.sip.pace import TOLD_PER_S, WELCOME_BURST, WELCOME_PER_S
from runtime.media.sounds.alive import MAX_ALIVE_BYTES, MAX_OWNER_BYTES
from runtime.media.sounds.decoders import ARRIVING
from runtime.media.sounds.library import OPEN_S
from runtime.media.sounds.url_cache import MAX_URLS
from runtime.media.sounds.url_sounds import DOWNLOAD_S
from runtime.media.sounds.url_sounds import STALLED_S as STALLED_DOWNLOAD_S
from runtime.media.units.detectors import MAX_LISTENED
from runtime.recognition.embedded import MAX_LISTENING
from runtime.sandbox import schema, wire
from runtime.sandbox.bundle import MAX_ASSET
from runtime.sandbox.lock import DESCRIPTORS
from runtime.sandbox.nurseries import RELEASE_GRACE_S
from runtime.sandbox.player_commands import MAX_SEGMENTS
from runtime.session.apology import APOLOGY_S
from runtime.session.channel import MAX_QUEUED_BYTES, PARTIAL_S
from runtime.session.player import MAX_MARKERS
from runtime.session.sounds import LOAD_S
from runtime.speech.ssml import MAX_TEXT

PAGE: Final = Path(__file__).resolve().parents[2] / "docs/reference/limits.md"

INTRODUCTION: Final = """\
# Limits

Each limit is a key of `[limits]` in [callstage.toml](configuration.md), where the operator sets
any value of its range, and of `[application.limits]`, where an application *lowers* what the
operator set; a higher value there is a fault that stops the start. `callstage doctor` shows what
is in force.

```toml
[limits]
memory_mib = 128
live_calls = 8

[application.limits]
memory_mib = 32
```

Beyond a limit the session's timeline says which one and why. Where a session ends, its reason is
the name in the table (`idle`, `memory`, `cpu-limit`, `limit:session-length`, ...): answered callers
get BYE with the text in `Reason`, unanswered ones 500, or 480 for an orderly end, with the text in
`Warning`. What is refused before there is a session stands in the log and in `/api/v1/refusals`.

*Kept by* says who is trusted with a limit. What the **script's process** alone keeps costs nobody
else anything: a hostile script that goes beyond it uses up its own memory and CPU time. Where the
process keeps a limit and the **core** after it, the process gives the better message, and the core
does not rely on it. The **kernel** keeps memory: a process is locked with the operator's value
before it is known whose session it will serve, and gives up the rest, for good, before it sees the
script. That needs no privilege and works for root, for ordinary users and in containers.

This page is made from the code: `python -m tests.docs.limits`.
"""
FIXED: Final[tuple[tuple[str, str, str], ...]] = (
    ("descriptors of a session's process", shown(DESCRIPTORS), "a lock: it cannot open any"),
    ("files it writes, core dumps, processes, threads", "none", "a lock"),
    (
        "handlers of a leg's end, after it",
        f"{RELEASE_GRACE_S:g} s",
        "then its other tasks are cancelled",
    ),
    (
        "requests outside calls from one address that may call",
        f"{WELCOME_PER_S:g}/s, {shown(WELCOME_BURST)} at once",
        f"503 with Retry-After ({TOLD_PER_S:g}/s), then silence; none on loopback",
    ),
    ("an apology", f"{APOLOGY_S:g} s", "loading included; then BYE"),
    (
        "one SIP header of a script; all of them",
        f"{shown(schema.MAX_HEADER_VALUE)} and {shown(schema.MAX_HEADERS_TOTAL)} bytes, "
        f"{schema.MAX_HEADERS} headers",
        "ValueError",
    ),
    ("sendInfo, sendMessage", f"{shown(schema.MAX_INFO_BODY)} bytes", "ValueError"),
    ("digits of one sendDigits", shown(schema.MAX_DIGITS), "ValueError"),
    (
        "customData of a rule or a start request",
        f"{shown(schema.MAX_CUSTOM_DATA)} bytes",
        "a fault of the configuration",
    ),
    ("text of one say", f"{shown(MAX_TEXT)} characters", "PlaybackFinished with the error"),
    ("a sound file", f"{MAX_ASSET >> 20} MiB", "PlaybackFinished with the error"),
    (
        "opening a sound; loading it",
        f"{OPEN_S:g} s; {LOAD_S:g} s",
        "PlaybackFinished with the error",
    ),
    (
        "a download that is played as it comes; without a byte",
        f"{DOWNLOAD_S:g} s; {STALLED_DOWNLOAD_S:g} s",
        "PlaybackFinished with the error, after what came",
    ),
    (
        "such downloads at once, of all sessions",
        shown(ARRIVING),
        "the next is played when it is there",
    ),
    (
        "URLs whose sounds are remembered",
        shown(MAX_URLS),
        "the least recently used is fetched again",
    ),
    ("segments of a sequence player", shown(MAX_SEGMENTS), "ValueError at the line"),
    (
        "decoded and spoken sounds of all sessions",
        f"{MAX_ALIVE_BYTES >> 30} GiB",
        "PlaybackFinished with the error",
    ),
    (
        "of them, sounds of one scenario",
        f"{MAX_OWNER_BYTES >> 20} MiB",
        "PlaybackFinished with the error",
    ),
    (
        "legs listened to for voices, beeps, machines and tones, of all sessions",
        f"{MAX_LISTENED}; three times what is free for one application",
        "BeepDetectionError, AMD's DetectionError, with the reason",
    ),
    (
        "recognitions of the embedded recogniser, of all sessions",
        f"{MAX_LISTENING}; three times what is free for one application",
        "ASRError with the reason",
    ),
    ("markers of a player", shown(MAX_MARKERS), "CommandFailed"),
    ("shortest interval of a timer", f"{MIN_INTERVAL_MS} ms", "shorter ones are raised to it"),
    (
        "a message from a session's process",
        f"{wire.MAX_WORKER_FRAME >> 10} KiB, complete within {PARTIAL_S:g} s",
        "the session ends: `protocol`",
    ),
    (
        "what it has not taken yet",
        f"{MAX_QUEUED_BYTES >> 20} MiB, nothing for `blocked_s`",
        "the session ends: `limit:events`, `unresponsive`",
    ),
)
"""Bounds of the wire and of formats: their values are in the code that keeps them."""


def page() -> str:
    """The whole page."""
    return "\n".join(
        (
            INTRODUCTION,
            "## Configurable\n",
            *_table(),
            "\nLimits that only the operator can set: "
            + ", ".join(f"`{name}`" for name in _operator_only())
            + ". Lowering them would loosen the limits they belong to.\n",
            "## Fixed\n",
            "Sizes of the wire and of formats, and locks. None of them can be configured.\n",
            *_fixed(),
            "",
        )
    )


def _table() -> Iterator[str]:
    yield "| key | default | range | meaning | beyond it | kept by |"
    yield "|---|---|---|---|---|---|"
    for field in attrs.fields(Limits):
        yield _row(field)


def _row(field: attrs.Attribute[Any]) -> str:
    known = facts(Limits, field.name)
    cells = (
        f"`{field.name}`",
        shown(field.default),
        known.allowed,
        known.what,
        known.beyond,
        known.keeper.value,
    )
    return f"| {' | '.join(cells)} |"


def _operator_only() -> Iterator[str]:
    for field in attrs.fields(Limits):
        if facts(Limits, field.name).operator_only:
            yield field.name


def _fixed() -> Iterator[str]:
    yield "| what | bound | beyond it |"
    yield "|---|---|---|"
    for cells in FIXED:
        yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    PAGE.write_text(page())
