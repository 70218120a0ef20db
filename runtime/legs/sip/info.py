"""What requests within a call mean to a script: an INFO, which is a key press in one of the two
customary bodies or the script's business; a MESSAGE; and a re-INVITE, of which it is only told.

Pure. `application/dtmf-relay` has lines such as `Signal=5`, `application/dtmf` the bare digit.
"""

from __future__ import annotations

import re
from typing import Final, assert_never

from runtime.decisions.timeline import mask_sip
from runtime.legs.leg import (
    InfoReceived,
    MessageReceived,
    ReinviteAccepted,
    Reinvited,
    ReinviteRejected,
    ToneSignalled,
)
from runtime.legs.sip.headers import seen_by_script
from sip.dialog import events
from sip.message import Headers as SipHeaders

SDP: Final = "application/sdp"
MAX_BODY_BYTES: Final = 8_192
"""The limit of a script's own sendInfo; what is longer is cut."""

_SIGNAL: Final = re.compile(r"^\s*signal\s*=\s*(\S+)\s*$", re.IGNORECASE | re.MULTILINE)
_NUMBERED: Final = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}
"""Event numbers of RFC 4733 3.2, which some gateways send instead of the key."""


Understood = (
    ToneSignalled | InfoReceived | MessageReceived | Reinvited | ReinviteAccepted | ReinviteRejected
)


Understandable = (
    events.InfoReceived
    | events.MessageReceived
    | events.ReinviteReceived
    | events.ReinviteAnswered
    | events.ReinviteFailed
)


def understand(event: Understandable) -> Understood | None:
    """The leg's event; None for what says nothing."""
    match event:
        case events.ReinviteReceived():
            return _described(event)
        case events.ReinviteAnswered():
            return _accepted(event)
        case events.ReinviteFailed():
            return ReinviteRejected(
                code=event.status, reason=event.reason, headers=seen_by_script(event.headers)
            )
        case events.MessageReceived():
            return MessageReceived(text=event.text, headers=seen_by_script(event.headers))
        case events.InfoReceived():
            return understand_info(event.content_type, event.body, event.headers)
        case _:
            assert_never(event)


def understand_info(
    content_type: str, body: bytes, headers: SipHeaders
) -> ToneSignalled | InfoReceived | None:
    """The leg's event; None for an INFO without a body (a keep-alive)."""
    text = body[:MAX_BODY_BYTES].decode("utf-8", "replace")
    kind = content_type.lower()
    if kind == "application/dtmf-relay":
        match = _SIGNAL.search(text)
        tone = _tone(match[1]) if match else None
    elif kind == "application/dtmf":
        tone = _tone(text.strip())
    else:
        tone = None
    if tone is not None:
        return ToneSignalled(tone=tone)
    if not body and not kind:
        return None
    return InfoReceived(mime_type=content_type, body=text, headers=seen_by_script(headers))


def _described(event: events.ReinviteReceived) -> Reinvited | None:
    """None for a refresh, and for a request that asks us for a description."""
    if not event.is_news or event.sdp is None:
        return None
    return Reinvited(mime_type=SDP, body=_shown(event.sdp), headers=seen_by_script(event.headers))


def _accepted(event: events.ReinviteAnswered) -> ReinviteAccepted | None:
    """None for the answer to what nobody asked for."""
    if event.headers is None:
        return None
    return ReinviteAccepted(
        mime_type="" if event.sdp is None else SDP,
        body=_shown(event.sdp or b""),
        headers=seen_by_script(event.headers),
    )


def _shown(sdp: bytes) -> str:
    """Without keys."""
    return mask_sip(sdp[:MAX_BODY_BYTES].decode("utf-8", "replace"))


def _tone(text: str) -> str | None:
    key = _NUMBERED.get(text, text).upper()
    return key if len(key) == 1 and key in "0123456789*#ABCD" else None


def line_about(event: events.Redirected | events.ReinviteFailed | events.MessageRefused) -> str:
    """For the timeline: what a script is not told, because no event of VoxEngine says it."""
    if isinstance(event, events.Redirected):
        return f"the call was sent on to {event.target}"
    what = "re-INVITE" if isinstance(event, events.ReinviteFailed) else "MESSAGE"
    return f"our {what} was refused: {event.status} {event.reason}"
