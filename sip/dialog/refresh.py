"""The refreshes of the session timer that are ours to send (RFC 4028 7.4, 10).

UPDATE without a description when the peer understands it, otherwise a re-INVITE that repeats our
description. A session that was not refreshed in time is ended.
"""

from __future__ import annotations

from collections.abc import Callable

from .call import Call
from .own_offers import OwnOffers, is_lost
from .phases import Phase
from .port import Outcome
from .requests import Requests
from .session_timer import EXPIRY, REFRESH, SessionTimer, heard_interval


class Refresh:
    """Sends the refreshes of one session."""

    def __init__(
        self,
        call: Call,
        requests: Requests,
        own: OwnOffers,
        timer: SessionTimer,
        *,
        on_lost: Callable[[Outcome, float], None],
        on_expired: Callable[[float], None],
    ) -> None:
        self._call = call
        self._requests = requests
        self._own = own
        self._timer = timer
        self._on_lost = on_lost
        self._update_refused = False
        call.on_timer[REFRESH] = self._refresh
        call.on_timer[EXPIRY] = lambda _, now: on_expired(now)

    def _refresh(self, _: int, now: float) -> None:
        call = self._call
        if call.phase is not Phase.CONFIRMED:
            self._timer.refresh_failed(now)  # the ACK is still missing: later
        elif call.peer_allows("UPDATE") and not self._update_refused:
            headers = self._timer.request_headers()
            self._requests.send("UPDATE", self._hear_update, now, headers=headers)
        elif self._own.is_idle and call.local_sdp is not None:
            self._own.reinvite(call.local_sdp, now, for_refresh=True)
        # otherwise a re-INVITE is on its way already, and refreshes as well

    def _hear_update(self, outcome: Outcome, now: float) -> None:
        if outcome.status < 200 or self._call.is_over:
            return
        if outcome.response is not None and outcome.status < 300:
            dialog = self._call.dialog
            assert dialog is not None, "the UPDATE was sent in it"
            dialog.refresh_target(outcome.response)
            self._timer.settle(heard_interval(outcome.response), now)
        elif is_lost(outcome):
            self._on_lost(outcome, now)
        elif (
            outcome.status == 422
            and outcome.response is not None
            and self._timer.lengthen(outcome.response)
        ):
            self._refresh(0, now)
        elif outcome.status in (405, 501):
            self._update_refused = True
            self._refresh(0, now)
        else:
            self._timer.refresh_failed(now)
