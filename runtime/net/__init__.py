"""HTTP requests to addresses that strangers choose, under the operator's address rules."""

from .addresses import Network as Network
from .addresses import parse_networks as parse_networks
from .addresses import why_refused as why_refused
from .direct import Direct as Direct
from .failure import Failure as Failure
from .failure import FetchError as FetchError
from .failure import FetchRefused as FetchRefused
from .fetch import Dress as Dress
from .fetch import Fetcher as Fetcher
from .fetch import Request as Request
from .fetch import Transport as Transport
from .hop import Hop as Hop
from .reply import Body as Body
from .reply import Reply as Reply

__all__ = [
    "Body",
    "Direct",
    "Dress",
    "Failure",
    "FetchError",
    "FetchRefused",
    "Fetcher",
    "Hop",
    "Network",
    "Reply",
    "Request",
    "Transport",
    "parse_networks",
    "why_refused",
]
