"""Dialogs and INVITE sessions without I/O (RFC 3261 12-15, 3262, 3264, 3311, 4028)."""

from .body import SDP as SDP
from .body import sdp_of as sdp_of
from .call import Call as Call
from .call import TimerName as TimerName
from .dialog import Dialog as Dialog
from .events import Acknowledged as Acknowledged
from .events import Answered as Answered
from .events import Ended as Ended
from .events import InfoReceived as InfoReceived
from .events import MessageReceived as MessageReceived
from .events import MessageRefused as MessageRefused
from .events import Provisional as Provisional
from .events import Redirected as Redirected
from .events import ReinviteAnswered as ReinviteAnswered
from .events import ReinviteFailed as ReinviteFailed
from .events import ReinviteOffered as ReinviteOffered
from .events import ReinviteReceived as ReinviteReceived
from .events import SessionEvent as SessionEvent
from .events import TransferEnded as TransferEnded
from .events import TransferProgress as TransferProgress
from .events import TransferRequested as TransferRequested
from .invite import Enter as Enter
from .invite import InviteObserver as InviteObserver
from .invite import InviteSession as InviteSession
from .invite import ReplaceableObserver as ReplaceableObserver
from .invite_request import InviteOrder as InviteOrder
from .invite_request import build_invite as build_invite
from .invite_request import outbound_proxy as outbound_proxy
from .invite_request import own_headers as own_headers
from .phases import OVER as OVER
from .phases import Phase as Phase
from .phases import SessionStateError as SessionStateError
from .port import HeaderItems as HeaderItems
from .port import IdSource as IdSource
from .port import Incoming as Incoming
from .port import OnOutcome as OnOutcome
from .port import Outcome as Outcome
from .port import Port as Port
from .port import SentAck as SentAck
from .reason import one_line as one_line
from .reason import reason_header as reason_header
from .reason import warning as warning
from .session import Session as Session
from .session import incoming_session as incoming_session
from .session import outgoing_session as outgoing_session
from .session_timer import MIN_SE as MIN_SE
from .session_timer import is_too_small as is_too_small
from .sipfrag import EVENT as EVENT
from .sipfrag import EventHeader as EventHeader

__all__ = [
    "EVENT",
    "MIN_SE",
    "OVER",
    "SDP",
    "Acknowledged",
    "Answered",
    "Call",
    "Dialog",
    "Ended",
    "Enter",
    "EventHeader",
    "HeaderItems",
    "IdSource",
    "Incoming",
    "InfoReceived",
    "InviteObserver",
    "InviteOrder",
    "InviteSession",
    "MessageReceived",
    "MessageRefused",
    "OnOutcome",
    "Outcome",
    "Phase",
    "Port",
    "Provisional",
    "Redirected",
    "ReinviteAnswered",
    "ReinviteFailed",
    "ReinviteOffered",
    "ReinviteReceived",
    "ReplaceableObserver",
    "SentAck",
    "Session",
    "SessionEvent",
    "SessionStateError",
    "TimerName",
    "TransferEnded",
    "TransferProgress",
    "TransferRequested",
    "build_invite",
    "incoming_session",
    "is_too_small",
    "one_line",
    "outbound_proxy",
    "outgoing_session",
    "own_headers",
    "reason_header",
    "sdp_of",
    "warning",
]
