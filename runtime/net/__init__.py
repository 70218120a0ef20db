"""HTTP requests to addresses that strangers choose, under the operator's address rules."""

from .addresses import Network as Network
from .addresses import parse_networks as parse_networks
from .addresses import why_refused as why_refused
from .fetch import Fetcher as Fetcher
from .fetch import FetchError as FetchError
from .fetch import FetchTimeout as FetchTimeout
from .fetch import read_body as read_body

__all__ = [
    "FetchError",
    "FetchTimeout",
    "Fetcher",
    "Network",
    "parse_networks",
    "read_body",
    "why_refused",
]
