"""The page docs/reference/licences.md, made from what installed distributions say of themselves.

`python -m tests.docs.licences` writes it; a test sees that no dependency is missing. Versions are
left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Final

import attrs
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PAGE: Final = Path(__file__).resolve().parents[2] / "docs/reference/licences.md"
OURS: Final = "callstage"

WHY: Final[Mapping[str, str]] = {
    "alembic": "migrations of the database",
    "attrs": "values, events, messages",
    "av": "PyAV, Python's way to FFmpeg: sound files, recordings, Opus, G.722, resampling",
    "cattrs": "the configuration file, checked as a whole",
    "dnspython": "SRV, NAPTR and addresses of peers",
    "espeakng-loader": "brings espeak-ng, the voice that is always there",
    "google-re2": "patterns of uploaded rules, in linear time whatever they say",
    "h11": "HTTP of scripts, without sockets",
    "httpx": "URLs and headers of what scripts ask; the commands' requests",
    "hypercorn": "the HTTP interface on trio",
    "numpy": "audio: all calls at once as arrays",
    "phonenumberslite": "PhoneNumber.getInfo: Google's libphonenumber",
    "pocketsphinx": "the recogniser that needs no service",
    "prometheus-client": "the text format of /metrics",
    "pylibsrtp": "brings libsrtp: encrypted audio",
    "rich": "tables of the commands",
    "sqlalchemy": "the database's statements",
    "starlette": "requests, routes and answers of the HTTP interface",
    "structlog": "the log, as text and as JSON",
    "trio": "all that waits: sockets, timers, tasks",
    "typer": "the command line",
    "webrtcvad-wheels": "is it speech? for answering machines and gather",
    "wsproto": "WebSockets, without sockets",
}
"""What the direct ones are for."""
WRITTEN: Final[Mapping[str, str]] = {
    "espeakng-loader": "not stated; what it brings is below",
    "google-re2": "BSD-3-Clause",
    "hyperframe": "MIT",
    "numpy": "BSD-3-Clause and others",
    "pocketsphinx": "BSD-2-Clause",
}
"""Read in their licence files: their metadata says nothing, too little, or the whole text."""
NAMES: Final[Mapping[str, str]] = {
    "Apache 2.0": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
"""SPDX's names for what some write."""


@attrs.frozen
class Brought:
    """What is inside a distribution beside what its metadata speaks of. `file` is a part of the
    name of one of its files, where it has one of its own."""

    by: str
    what: str
    licence: str
    why: str
    file: str = ""


BROUGHT: Final = (
    Brought("av", "FFmpeg", "LGPL-3.0-or-later, as built", "shared libraries", "libavcodec"),
    Brought("av", "libopus", "BSD-3-Clause", "Opus", "libopus"),
    Brought("av", "LAME", "LGPL-2.0-or-later", "mp3 recordings", "libmp3lame"),
    Brought("av", "x264", "GPL-2.0-or-later", "video: never asked for", "libx264"),
    Brought("av", "x265", "GPL-2.0-or-later", "video: never asked for", "libx265"),
    Brought(
        "av",
        "dav1d, libvpx, SVT-AV1, libwebp, libxcb, GnuTLS, nettle, GMP, opencore-amr, ...",
        "BSD, MIT, LGPL, Apache",
        "pictures, screens and FFmpeg's own network: never asked for",
    ),
    Brought(
        "espeakng-loader",
        "espeak-ng with its data",
        "GPL-3.0-or-later",
        "the voice; loaded by a process of its own and by no other",
        "libespeak-ng",
    ),
    Brought("google-re2", "RE2, Abseil", "BSD-3-Clause, Apache-2.0", "built in"),
    Brought(
        "numpy",
        "OpenBLAS, libgfortran, libquadmath",
        "BSD-3-Clause; GPL-3.0 with GCC's runtime exception; LGPL-2.1",
        "shared libraries",
    ),
    Brought("phonenumberslite", "the numbering plans of libphonenumber", "Apache-2.0", "data"),
    Brought(
        "pocketsphinx",
        "the acoustic model en-us",
        "BSD-2-Clause (Alpha Cephei)",
        "data",
        "en-us/mdef",
    ),
    Brought(
        "pocketsphinx",
        "CMUdict",
        "BSD-2-Clause (Carnegie Mellon)",
        "how words sound",
        "cmudict-en-us",
    ),
    Brought("pylibsrtp", "libsrtp, OpenSSL's libcrypto", "BSD-3-Clause, Apache-2.0", "built in"),
    Brought("webrtcvad-wheels", "WebRTC's voice activity detector", "BSD-3-Clause", "built in"),
)

INTRODUCTION: Final = """\
# Licences

Callstage itself is Apache-2.0. `pip install callstage` installs what is listed here, each under the
licence of its authors; nothing of it is copied into Callstage. Most ask for no more than that their
notices are kept. What asks for more:

- **espeak-ng is GPL-3.0-or-later.** It speaks in a process of its own, which loads its library and
  exchanges texts and samples with the rest. Without `say` that process has nothing to do, and no
  other loads the library.
- **FFmpeg is LGPL-3.0-or-later as PyAV's wheels build it**, and is used as the shared libraries
  that come with them; who wants others builds PyAV against them (`pip install av --no-binary av`).
  The wheels also carry x264 and x265, which are GPL-2.0-or-later and encode video: never asked for.
- **certifi is MPL-2.0**, as it came.

Who passes a whole installation on, as a container image perhaps, passes all of these on and owes
what each licence says, the source of the GPL and LGPL parts included. This page is no legal advice.
It is made from what the installed distributions say of themselves, without their versions:
`python -m tests.docs.licences`. Tools that only build and test are not on it.
"""


def page() -> str:
    return "\n".join((direct_part(), "## What these need in turn\n", *indirect_rows(), ""))


def direct_part() -> str:
    """All but the last section, which depends on the machine and its Python."""
    rows = [
        f"| {name} | {licence_of(distribution(name))} | {WHY[name]} |" for name in sorted(direct())
    ]
    brought = [f"| {each.by} | {each.what} | {each.licence} | {each.why} |" for each in BROUGHT]
    return "\n".join(
        (
            INTRODUCTION,
            "## Dependencies\n",
            "| distribution | licence | what for |",
            "|---|---|---|",
            *rows,
            "\n## What they bring along\n",
            "Libraries and data inside the distributions, of which these do not always tell.\n",
            "| in | what | licence | |",
            "|---|---|---|---|",
            *brought,
            "",
        )
    )


def indirect_rows() -> list[str]:
    rows = [
        f"| {name} | {licence_of(distribution(name))} |" for name in sorted(needed() - direct())
    ]
    return ["| distribution | licence |", "|---|---|", *rows]


def direct() -> set[str]:
    return {canonicalize_name(each.name) for each in _requirements(distribution(OURS), ())}


def needed() -> set[str]:
    """All distributions that an installation brings here, by name."""
    waiting: list[tuple[str, tuple[str, ...]]] = [(OURS, ())]
    seen = set(waiting)
    while waiting:
        name, extras = waiting.pop()
        for each in _requirements(distribution(name), extras):
            step = (str(canonicalize_name(each.name)), tuple(sorted(each.extras)))
            if step not in seen:
                seen.add(step)
                waiting.append(step)
    return {name for name, _ in seen} - {OURS}


def _requirements(of: Distribution, extras: tuple[str, ...]) -> Iterator[Requirement]:
    for each in map(Requirement, of.requires or ()):
        marker = each.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield each


def licence_of(dist: Distribution) -> str:
    """By SPDX's names. ValueError for one that this page must be told."""
    name, told = canonicalize_name(dist.name), dist.metadata
    if name in WRITTEN:
        return WRITTEN[name]
    classes = [
        each.rpartition(" :: ")[2]
        for each in told.get_all("Classifier", [])
        if each.startswith("License :: OSI Approved :: ")
    ]
    for said in (told.get("License-Expression"), told.get("License"), *classes):
        if said:
            return NAMES.get(said, said) if len(said) <= 80 else _unknown(name)
    return _unknown(name)


def _unknown(name: str) -> str:
    raise ValueError(f"{name} does not say its licence in a few words: read it, add it to WRITTEN")


if __name__ == "__main__":
    PAGE.write_text(page())
