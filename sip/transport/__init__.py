"""The trio shell of the transports: UDP and TCP sockets, name resolution, address choice."""

from .hub import ListenError as ListenError
from .hub import TransportHub as TransportHub
from .nat import AddressBook as AddressBook
from .nat import Listener as Listener
from .random_ids import RandomIds as RandomIds
from .receiver import Receiver as Receiver
from .resolve import Resolver as Resolver
from .resolve import source_address as source_address

__all__ = [
    "AddressBook",
    "ListenError",
    "Listener",
    "RandomIds",
    "Receiver",
    "Resolver",
    "TransportHub",
    "source_address",
]
