"""The endpoint: everything the runtime needs of SIP, on trio."""

from sip.address import BoundAddress as BoundAddress
from sip.address import ListenAddress as ListenAddress
from sip.address import PeerAddress as PeerAddress
from sip.agent import Admission as Admission
from sip.agent import ConductReport as ConductReport
from sip.agent import EndpointSettings as EndpointSettings
from sip.agent import Refusal as Refusal
from sip.agent import RefusalReport as RefusalReport
from sip.agent import SipTrace as SipTrace
from sip.agent import TooManySessionsError as TooManySessionsError
from sip.auth import Credentials as Credentials
from sip.dialog import Acknowledged as Acknowledged
from sip.dialog import Answered as Answered
from sip.dialog import Ended as Ended
from sip.dialog import InfoReceived as InfoReceived
from sip.dialog import InviteObserver as InviteObserver
from sip.dialog import InviteSession as InviteSession
from sip.dialog import Outcome as Outcome
from sip.dialog import Provisional as Provisional
from sip.dialog import ReinviteAnswered as ReinviteAnswered
from sip.dialog import ReinviteFailed as ReinviteFailed
from sip.dialog import ReinviteOffered as ReinviteOffered
from sip.dialog import ReinviteReceived as ReinviteReceived
from sip.dialog import SessionEvent as SessionEvent
from sip.dialog import SessionStateError as SessionStateError
from sip.driver import Fault as Fault
from sip.mailbox import MailboxState as MailboxState
from sip.message import MessageError as MessageError
from sip.registrar import Binding as Binding
from sip.registrar import RegistrationChanged as RegistrationChanged
from sip.transport import ListenError as ListenError
from sip.transport import TlsError as TlsError
from sip.transport import TlsSettings as TlsSettings
from sip.transport import WebSocketSettings as WebSocketSettings

from .endpoint import Endpoint as Endpoint
from .lifecycle import NotRunningError as NotRunningError

__all__ = [
    "Acknowledged",
    "Admission",
    "Answered",
    "Binding",
    "BoundAddress",
    "ConductReport",
    "Credentials",
    "Ended",
    "Endpoint",
    "EndpointSettings",
    "Fault",
    "InfoReceived",
    "InviteObserver",
    "InviteSession",
    "ListenAddress",
    "ListenError",
    "MailboxState",
    "MessageError",
    "NotRunningError",
    "Outcome",
    "PeerAddress",
    "Provisional",
    "Refusal",
    "RefusalReport",
    "RegistrationChanged",
    "ReinviteAnswered",
    "ReinviteFailed",
    "ReinviteOffered",
    "ReinviteReceived",
    "SessionEvent",
    "SessionStateError",
    "SipTrace",
    "TlsError",
    "TlsSettings",
    "TooManySessionsError",
    "WebSocketSettings",
]
