"""The user agent without I/O: everything of one endpoint but its sockets and its clock."""

from .addressing import Addressing as Addressing
from .addressing import SentBy as SentBy
from .addressing import UnroutableError as UnroutableError
from .agent import TooManySessionsError as TooManySessionsError
from .agent import UserAgent as UserAgent
from .asking import Question as Question
from .asking import request_outside as request_outside
from .outputs import Admission as Admission
from .outputs import AgentOutput as AgentOutput
from .outputs import Conduct as Conduct
from .outputs import ConductReport as ConductReport
from .outputs import Locate as Locate
from .outputs import MustProve as MustProve
from .outputs import Refusal as Refusal
from .outputs import RefusalReport as RefusalReport
from .outputs import SessionBegan as SessionBegan
from .outputs import SessionForgotten as SessionForgotten
from .outputs import SessionNews as SessionNews
from .outputs import SipTrace as SipTrace
from .outputs import Stranger as Stranger
from .outputs import not_delivered as not_delivered
from .registration import LINE as LINE
from .registration import Registration as Registration
from .registration import RegistrationOrder as RegistrationOrder
from .registration import RegistrationState as RegistrationState
from .registration import RegistrationStatus as RegistrationStatus
from .replacing import DialogName as DialogName
from .settings import EndpointSettings as EndpointSettings

__all__ = [
    "LINE",
    "Addressing",
    "Admission",
    "AgentOutput",
    "Conduct",
    "ConductReport",
    "DialogName",
    "EndpointSettings",
    "Locate",
    "MustProve",
    "Question",
    "Refusal",
    "RefusalReport",
    "Registration",
    "RegistrationOrder",
    "RegistrationState",
    "RegistrationStatus",
    "SentBy",
    "SessionBegan",
    "SessionForgotten",
    "SessionNews",
    "SipTrace",
    "Stranger",
    "TooManySessionsError",
    "UnroutableError",
    "UserAgent",
    "not_delivered",
    "request_outside",
]
