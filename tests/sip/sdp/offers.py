"""Session descriptions for the tests of this folder."""

from __future__ import annotations

from sip.sdp import LocalMedia, MediaCapabilities, SessionDescription

CAPS = MediaCapabilities()
LOCAL = LocalMedia(host="127.0.0.1", port=10_000, session_id=77)


def sdp(*lines: str, address: str = "c=IN IP4 192.0.2.1") -> SessionDescription:
    """The usual session lines, and these; `address` "" leaves the session's c= out."""
    head = ["v=0", "o=alice 1 1 IN IP4 192.0.2.1", "s=-", *([address] if address else []), "t=0 0"]
    return SessionDescription.parse(("\r\n".join([*head, *lines]) + "\r\n").encode())


def audio(*lines: str, formats: str = "0 8", port: int = 4000) -> SessionDescription:
    """One audio stream."""
    return sdp(f"m=audio {port} RTP/AVP {formats}", *lines)
