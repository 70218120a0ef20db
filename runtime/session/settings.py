"""What a session may use and how it is set up: values that the start-up wiring hands down.

Nothing here is read from the environment or a file; `Ports` are the only ways out of a session.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from runtime.decisions.failure import OnError, OnFailure
from runtime.decisions.limits import Limits
from runtime.decisions.rates import RateTable
from runtime.decisions.secrets import Secret
from runtime.legs.leg import Dialer
from runtime.mail import MailPort
from runtime.media.port import MediaPort, RecordingStore
from runtime.media.sounds.sound_port import SoundLibrary
from runtime.net import Fetcher
from runtime.recognition.port import RecognitionPort
from runtime.sockets import SocketPort
from runtime.storage import ApplicationStore

LAUNCH_S: Final = 10.0
"""A fork and a lock take milliseconds; a machine that needs longer cannot take the call."""
LAST_WORDS_S: Final = 1.0
"""How long a timeline waits for the answers to its BYEs and the last audio statistics."""
EXIT_S: Final = 2.0
"""A worker that was told to stop leaves within a millisecond; afterwards it is killed."""


def _no_url(_: str) -> str:
    return ""


def _no_secrets(_: str) -> tuple[Secret, ...]:
    return ()


@attrs.frozen(kw_only=True)
class SessionSettings:
    """How sessions of this runtime behave."""

    limits: Limits = Limits()
    on_error: OnError = "leg"
    on_failure: OnFailure = "hangup"
    apology: str = ""
    """What answered calls hear before they are hung up because their session failed: a sound as
    startPlayback takes it, or a text; empty = nothing."""
    breaker: bool = False
    """Whether a scenario that keeps crashing is refused more sessions."""
    sessions_that_fit: int = 200
    """Into this machine, where no limit says how many; the start-up wiring looks at its memory."""
    retry_after_s: int = 10
    """What callers are told who are refused because of a shortage."""
    access_url: Callable[[str], str] = _no_url
    """Of an access token: where requests for the session's script go."""
    log_url: Callable[[str], str] = _no_url
    """Of a session id."""
    recogniser: str = ""
    """Where speech is recognised, an address of the operator's; empty = the embedded one."""
    rates: RateTable = RateTable()
    secrets: tuple[Secret, ...] = attrs.field(default=(), repr=False)
    """Of the operator, for all applications."""
    secrets_of: Callable[[str], tuple[Secret, ...]] = _no_secrets
    """Of an application, as they are now; a session keeps those that it began with."""


@attrs.frozen(kw_only=True)
class Ports:
    """The ways out of a session."""

    media: MediaPort
    dialer: Dialer
    sounds: SoundLibrary
    recordings: RecordingStore
    http: Fetcher
    storage: ApplicationStore
    sockets: SocketPort
    recognition: RecognitionPort
    mail: MailPort
