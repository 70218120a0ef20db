"""What outlives a session in the history: pictures of it, of its calls and of its recordings.

A picture replaces the one before. Taking one never blocks and never fails; where it goes is the
port's matter (runtime/store/history.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

import attrs

from runtime.decisions.retention import recording_name
from runtime.media.port import RecordingResult
from runtime.session.notice import Notice

if TYPE_CHECKING:
    from runtime.session.call_leg import CallLeg
    from runtime.session.recording import RecordingJob
    from runtime.session.supervisor import SessionHost

CallResult = Literal["live", "answered", "failed", "interrupted"]
"""`interrupted`: the runtime was killed while the call was live."""


@attrs.frozen(kw_only=True)
class SessionPicture:
    """One session as it is now. `duration_s` and `end_cause` are None while it lives."""

    id: str
    application: str
    scenario: str
    version: str
    rule: str | None
    started_at: float
    """Seconds since the epoch."""
    duration_s: float | None
    end_cause: str | None
    end_detail: str
    custom_data: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class CallPicture:
    """One call as it is now."""

    id: str
    session_id: str
    incoming: bool
    number: str
    """The dialled user part; of an outgoing call that never left, what the script dialled."""
    callerid: str
    remote: str
    started_at: float
    """Seconds since the epoch."""
    duration_s: float
    """Since Connected."""
    result: CallResult
    code: int
    """What ended it, as the script was told; 0 while it lives."""
    reason: str
    custom_data: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class RecordingPicture:
    """One recording whose file is complete."""

    session_id: str
    number: int
    result: RecordingResult
    name: str = ""
    keep_s: float | None = None
    """From now; None: as the operator says."""


class History(Protocol):
    """Where the pictures go."""

    def session(self, picture: SessionPicture) -> None: ...
    def call(self, picture: CallPicture) -> None: ...
    def recording(self, picture: RecordingPicture) -> None: ...


class NoHistory:
    """Keeps nothing: simulations, and tests of other things."""

    def session(self, picture: SessionPicture) -> None:
        """Not kept."""

    def call(self, picture: CallPicture) -> None:
        """Not kept."""

    def recording(self, picture: RecordingPicture) -> None:
        """Not kept."""


def picture_of_session(host: SessionHost) -> SessionPicture:
    """As it is now; why it ends is told when it is over."""
    end = host.end_reason if host.duration_s is not None else None
    return SessionPicture(
        id=host.plan.id,
        application=host.plan.application,
        scenario=host.plan.scenario,
        version=host.plan.bundle.version,
        rule=host.plan.rule,
        started_at=host.started,
        duration_s=host.duration_s,
        end_cause=end.cause.value if end else None,
        end_detail=end.detail if end else "",
        custom_data=host.context.custom_data,
    )


def picture_of_call(call: CallLeg, ended: Notice | None = None) -> CallPicture:
    """`ended` is what ended it; None while it lives."""
    identity = call.identity
    if ended is None:
        result: CallResult = "live"
    else:
        result = "answered" if call.was_connected else "failed"
    return CallPicture(
        id=call.id,
        session_id=call.session.id,
        incoming=call.incoming,
        number=identity.number if identity else call.dialled,
        callerid=identity.callerid if identity else "",
        remote=identity.remote if identity else "",
        started_at=call.started_at,
        duration_s=call.duration_s,
        result=result,
        code=ended.code if ended else 0,
        reason=ended.reason if ended else "",
        custom_data=call.custom_data,
    )


def picture_of_recording(
    session_id: str, job: RecordingJob, result: RecordingResult
) -> RecordingPicture:
    order, number = job.order, job.number
    return RecordingPicture(
        session_id=session_id,
        number=number,
        result=result,
        name=recording_name(order.name_prefix, session_id, number, order.form.container),
        keep_s=order.keep_s,
    )
