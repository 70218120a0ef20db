"""An INVITE that is to take the place of a call (RFC 3891), or to be mixed into one (RFC 3911).

Which call is meant, and whether it can be replaced at all; whether it may is the owner's decision.
Calls are never joined here: an endpoint that mixes strangers in would be a listening device.
"""

from __future__ import annotations

import attrs

from sip.dialog import OVER, Phase
from sip.message import HeaderParams, MessageError, Request

from .screening import Verdict
from .sessions import Held, SessionTable

_ANSWERS = frozenset({Phase.RINGING, Phase.ANSWERING})
_CALLS = frozenset({Phase.CALLING, Phase.PROCEEDING})


@attrs.frozen(kw_only=True)
class DialogName:
    """The value of Replaces or Join, its tags named from our side."""

    call_id: str
    local_tag: str
    remote_tag: str | None
    """None for "0", which stands for a peer of RFC 2543 without tag."""
    early_only: bool

    @classmethod
    def parse(cls, value: str) -> DialogName:
        """RFC 3891 6.1; MessageError (400) for anything else."""
        call_id, _, rest = value.partition(";")
        params = HeaderParams.parse(rest)
        local, remote = params.get("to-tag"), params.get("from-tag")
        if not call_id.strip() or not local or not remote:
            raise MessageError(400, "Replaces or Join without Call-ID, to-tag or from-tag")
        return cls(
            call_id=call_id.strip(),
            local_tag=local,
            remote_tag=None if remote == "0" else remote,
            early_only="early-only" in params,
        )


def find_replaced(request: Request, sessions: SessionTable) -> Held | Verdict | None:
    """The call that `request` is to replace, or why there is none; None when it asks for none."""
    replaces, join = request.headers.get("Replaces"), request.headers.get("Join")
    if replaces is None and join is None:
        return None
    if request.method != "INVITE" or (replaces is not None and join is not None):
        return Verdict(status=400, reason="Replaces, or Join, stands alone and in an INVITE")
    try:
        name = DialogName.parse(replaces or join or "")
    except MessageError as exc:
        return Verdict(status=400, reason=exc.reason)
    held = sessions.named(name.call_id, name.local_tag)
    if held is None or held.core.find_dialog(name.remote_tag) is None:
        return Verdict(status=481, reason="no dialog has this Call-ID and these tags")
    if join is not None:
        return Verdict(status=488, reason="calls here cannot be joined (RFC 3911)")
    return _replaceable(held, name) or held


def _replaceable(held: Held, name: DialogName) -> Verdict | None:
    """RFC 3891 3."""
    phase = held.core.call.phase
    if phase in OVER:
        return Verdict(status=603, reason="the call to be replaced has ended")
    if phase in _ANSWERS:
        return Verdict(status=481, reason="an unanswered call to us cannot be replaced")
    if name.early_only and phase not in _CALLS:
        return Verdict(status=486, reason="the call to be replaced is answered already")
    return None
