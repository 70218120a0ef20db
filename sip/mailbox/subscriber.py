"""One phone that is told of one mailbox: its dialog, and the NOTIFYs in it (RFC 6665 4.2.2).

One NOTIFY at a time, because one that overtakes another would be refused; a change meanwhile is
told after it, and changes within a second are told as one.
"""

from __future__ import annotations

import enum

import attrs

from sip.dialog import Dialog
from sip.message import Request

from .limits import NOTIFY_PAUSE_S
from .summary import CONTENT_TYPE, MailboxState, write_summary


class Telling(enum.Enum):
    QUIET = "the phone knows all there is"
    PAUSED = "it is told when the pause is over"
    TOLD = "a NOTIFY waits for its answer"
    BEHIND = "a NOTIFY waits for its answer, and there is more to tell"


@attrs.define(kw_only=True, eq=False)
class Subscriber:
    user: str
    dialog: Dialog
    event: str
    expires_at: float
    telling: Telling = Telling.QUIET
    pause_until: float = 0.0

    @property
    def key(self) -> tuple[str, str]:
        return self.dialog.call_id, self.dialog.local_tag

    def may_tell(self, now: float, *, at_once: bool) -> bool:
        """Whether a NOTIFY is to be sent now; if not, it is noted that there is something to tell.

        `at_once`: a SUBSCRIBE is answered without a pause (RFC 6665 4.2.1.3).
        """
        if self.telling in (Telling.TOLD, Telling.BEHIND):
            self.telling = Telling.BEHIND
            return False
        if now < self.pause_until and not at_once:
            self.telling = Telling.PAUSED
            return False
        return True

    def was_answered(self) -> bool:
        """The NOTIFY has its answer; whether there is more to tell."""
        more = self.telling is Telling.BEHIND
        self.telling = Telling.QUIET
        return more

    def notify(self, state: MailboxState, now: float) -> Request:
        """The NOTIFY with the present state."""
        self.telling = Telling.TOLD
        self.pause_until = now + NOTIFY_PAUSE_S
        return self._notify(state, f"active;expires={max(0, round(self.expires_at - now))}")

    def last_notify(self, state: MailboxState, reason: str) -> Request:
        """The NOTIFY that ends the subscription (RFC 6665 4.1.3)."""
        return self._notify(state, f"terminated;reason={reason}")

    def _notify(self, state: MailboxState, subscription_state: str) -> Request:
        request = self.dialog.request("NOTIFY")
        request.headers.add("Event", self.event)
        request.headers.add("Subscription-State", subscription_state)
        request.headers.add("Content-Type", CONTENT_TYPE)
        return Request("NOTIFY", request.uri, request.headers, write_summary(state))
