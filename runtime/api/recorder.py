"""Recorder: a recording that is not bound to one call; it records the mix of what is sent to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from runtime.api.event_constants import RecorderEvents
from runtime.api.handle import CommandHandle
from runtime.api.options import flag, merge, text
from runtime.api.session import Session
from runtime.api.unit import MediaUnit
from runtime.decisions.retention import DAYS
from runtime.sandbox.commands import MuteRecorder, StopRecorder
from runtime.sandbox.schema import MAX_NAME

RECORD_OPTIONS: Final = (
    "container",
    "contentDispositionFilename",
    "dict",
    "expire",
    "format",
    "hd_audio",
    "labels",
    "language",
    "lossless",
    "name",
    "provider",
    "recordNamePrefix",
    "secure",
    "stereo",
    "transcribe",
    "video",
    "videoParameters",
)
CONTAINERS: Final = ("mp3", "wav", "flac", "ogg")
WITHOUT_EFFECT: Final = ("format", "labels", "transcribe", "video")
"""Asking for these and not getting them matters enough for a log line."""


def recording_fields(
    session: Session, what: str, positional: Sequence[object], keywords: Mapping[str, object]
) -> dict[str, Any]:
    """The wire fields of Call.record and createRecorder."""
    merged = merge(what, RECORD_OPTIONS, positional, keywords, legacy=("name", "secure"))
    flags = {key: flag(what, key, merged.get(key, False)) for key in ("hd_audio", "lossless")}
    if flags["hd_audio"] and flags["lossless"]:
        raise ValueError(f"{what}(): hd_audio and lossless exclude each other")
    container = text(what, "container", merged.get("container", ""))
    if flags["lossless"] and container not in ("", "flac"):
        raise ValueError(f"{what}(): lossless records flac, not {container}")
    if merged.get("format") in CONTAINERS:
        raise ValueError(
            f"{what}(): format is the format of a transcription; the kind of file is container"
        )
    for name in WITHOUT_EFFECT:
        if merged.get(name):
            session.log(f"{what}(): option {name} has no effect in this version")
    return {
        "container": container or ("flac" if flags["lossless"] else "mp3"),
        "hd_audio": flags["hd_audio"],
        "stereo": flag(what, "stereo", merged.get("stereo", False)),
        "name": text(what, "name", merged.get("name", "")),
        "expire": _expiry(what, merged.get("expire")),
        "name_prefix": _prefix(what, merged.get("recordNamePrefix")),
    }


def _expiry(what: str, given: object) -> str:
    value = "" if given is None else given
    if not isinstance(value, str) or value not in DAYS:
        raise ValueError(f"{what}(): expire must be one of RecordExpireTime, not {given!r:.40}")
    return value


def _prefix(what: str, given: object) -> str:
    prefix = "" if given is None else text(what, "recordNamePrefix", given)
    if len(prefix) > MAX_NAME or not prefix.isprintable():
        raise ValueError(
            f"{what}(): recordNamePrefix must be at most {MAX_NAME} printable characters"
        )
    return prefix


class Recorder(MediaUnit):
    """Made by VoxEngine.createRecorder; feed it with x.sendMediaTo(recorder).

    Started(url) follows its creation, Stopped(cost, duration) its stop, Error(error) a failure.
    VoxEngine reference: Recorder.
    """

    __slots__ = ()
    _namespace = RecorderEvents
    _made_by = "VoxEngine.createRecorder()"
    _hears = True

    def mute(self, doMute: bool) -> CommandHandle:
        """With True record silence while the sources stay attached; with False go on."""
        return self._command("mute", MuteRecorder, mute=flag("Recorder.mute", "doMute", doMute))

    def stop(self) -> CommandHandle:
        """End the recording: Stopped follows when the file is complete."""
        handle = self._command("stop", StopRecorder)
        self._stopped = True
        return handle
