"""Who may send audio in a call, as one side says it, and how a description says it. Pure."""

from __future__ import annotations

import enum
import re
from typing import Final

_SECTION: Final = re.compile(r"^m=", re.MULTILINE)
_DIRECTION: Final = re.compile(r"^a=(sendrecv|sendonly|recvonly|inactive)[ \t]*\r?$", re.MULTILINE)


class AudioDirection(enum.StrEnum):
    """Seen from whoever says it (RFC 3264 5.1)."""

    BOTH = "sendrecv"
    SENDS = "sendonly"
    RECEIVES = "recvonly"
    NONE = "inactive"


def direction_in(sdp: str) -> AudioDirection:
    """Of the audio in a description, or in a piece of one: its own line, else that of the whole
    session, else both ways (RFC 8866 6.7)."""
    whole, *sections = _SECTION.split(sdp)
    audio = next((each for each in sections if each.startswith("audio")), "")
    found = _DIRECTION.search(audio) or _DIRECTION.search(whole)
    return AudioDirection(found[1]) if found else AudioDirection.BOTH
