"""Sessions and calls as the registry would picture them."""

from __future__ import annotations

from typing import Any

from runtime.media.port import RecordingResult
from runtime.session.history import CallPicture, RecordingPicture, SessionPicture

BEGIN = 1_700_000_000.0


def session(name: str, at: float = 0.0, **changes: Any) -> SessionPicture:
    fields: dict[str, Any] = {
        "id": name,
        "application": "default",
        "scenario": "ivr",
        "version": "v1",
        "rule": None,
        "started_at": BEGIN + at,
        "duration_s": 10.0,
        "end_cause": "terminated",
        "end_detail": "",
        "custom_data": "",
    }
    return SessionPicture(**{**fields, **changes})


def call(name: str, of: str, **changes: Any) -> CallPicture:
    fields: dict[str, Any] = {
        "id": name,
        "session_id": of,
        "incoming": True,
        "number": "100",
        "callerid": "200",
        "remote": "udp:127.0.0.1:5060",
        "started_at": BEGIN,
        "duration_s": 8.0,
        "result": "answered",
        "code": 200,
        "reason": "",
        "custom_data": "",
    }
    return CallPicture(**{**fields, **changes})


def recording(of: str, number: int) -> RecordingPicture:
    result = RecordingResult(duration_s=2.0, size_bytes=1_000, sha256="ab" * 32)
    return RecordingPicture(session_id=of, number=number, result=result)
