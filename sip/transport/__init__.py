"""The trio shell of the transports: UDP, TCP, TLS, WebSocket, names, choice of addresses."""

from .dns import DnsNames as DnsNames
from .dns import Names as Names
from .hub import TransportHub as TransportHub
from .listening import ListenError as ListenError
from .nat import AddressBook as AddressBook
from .nat import Listener as Listener
from .origins import addresses_of as addresses_of
from .random_ids import RandomIds as RandomIds
from .receiver import Receiver as Receiver
from .source import source_address as source_address
from .tls import TlsError as TlsError
from .tls import TlsIdentity as TlsIdentity
from .tls import TlsSettings as TlsSettings
from .websocket import WebSocketSettings as WebSocketSettings

__all__ = [
    "AddressBook",
    "DnsNames",
    "ListenError",
    "Listener",
    "Names",
    "RandomIds",
    "Receiver",
    "TlsError",
    "TlsIdentity",
    "TlsSettings",
    "TransportHub",
    "WebSocketSettings",
    "addresses_of",
    "source_address",
]
