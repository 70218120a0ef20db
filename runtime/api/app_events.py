"""AppEvents: the life of the session itself.

Order: the script's top level, Started, then CallAlerting for a session that a call began; at the
end Terminating, then Terminated, after which nothing runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from runtime.api.events import Event

if TYPE_CHECKING:
    from runtime.api.call import Call


@attrs.frozen(kw_only=True)
class AppEvent(Event):
    """What all AppEvents carry: their name."""


@attrs.frozen(kw_only=True)
class Started(AppEvent):
    """The first event of every session, once.

    Order: once, before every other event, after the top level of the script has run.
    """

    name: ClassVar[str] = "Application.Started"
    accessURL: str = ""
    accessSecureURL: str = ""
    accountId: int = 0
    applicationId: int | str = 0
    logURL: str = ""
    sessionId: int | str = 0
    conference_name: str | None = None


@attrs.frozen(kw_only=True)
class CallAlerting(AppEvent):
    """An incoming call. `destination` is the dialled user part, `toURI` the whole request URI.

    Order: after Started, the first event of its call; once for the session of one call, for each
    caller in a shared session.
    """

    name: ClassVar[str] = "Application.CallAlerting"
    call: Call
    callerid: str = ""
    destination: str = ""
    toURI: str = ""
    fromURI: str = ""
    displayName: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])
    customData: str = ""
    scheme: Mapping[str, Any] = attrs.field(factory=dict[str, Any])


@attrs.frozen(kw_only=True)
class Terminating(AppEvent):
    """The session ends: terminate(), an error, or the idle limit. No calls, no timers any more; one
    HTTP request may be made.

    Order: once, after everything else; Terminated follows, and no event of a call or unit.
    Callbacks of HTTP requests may come in between.
    """

    name: ClassVar[str] = "Application.Terminating"
    systemError: str | None = None


@attrs.frozen(kw_only=True)
class Terminated(AppEvent):
    """The last event; only Logger.write works.

    Order: once, after Terminating; nothing follows.
    """

    name: ClassVar[str] = "Application.Terminated"
    systemError: str | None = None
