"""The torture messages of RFC 4475, byte for byte, and what each demands of an endpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import attrs

_HERE = Path(__file__).parent


@attrs.frozen(kw_only=True)
class TortureMessage:
    """One message of the index."""

    name: str
    title: str
    section: str
    parse: Literal["ok", "reject", "either"]
    required: str
    data: bytes


def torture_messages() -> list[TortureMessage]:
    """All of them, in the order of the index."""
    entries = json.loads((_HERE / "index.json").read_text())
    return [
        TortureMessage(
            name=Path(entry["file"]).stem,
            title=entry["title"],
            section=entry["section"],
            parse=entry["parse"],
            required=entry["required"],
            data=(_HERE / entry["file"]).read_bytes(),
        )
        for entry in entries
    ]


def torture_message(name: str) -> bytes:
    """The bytes of one."""
    return (_HERE / "rfc4475" / f"{name}.dat").read_bytes()
