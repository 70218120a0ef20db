"""Message waiting without I/O (RFC 3842): mailboxes, and the phones that are told of them."""

from .subscriber import Subscriber as Subscriber
from .subscriptions import Port as Port
from .subscriptions import Subscriptions as Subscriptions
from .subscriptions import Taken as Taken
from .summary import MAILBOX_EVENT as MAILBOX_EVENT
from .summary import MailboxState as MailboxState
from .wish import Refused as Refused
from .wish import asks_for_mailbox as asks_for_mailbox

__all__ = [
    "MAILBOX_EVENT",
    "MailboxState",
    "Port",
    "Refused",
    "Subscriber",
    "Subscriptions",
    "Taken",
    "asks_for_mailbox",
]
