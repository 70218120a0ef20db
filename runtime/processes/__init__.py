"""Child processes of the core and the links to them."""

from .child import Child as Child
from .child import describe_exit as describe_exit
from .child import enter_child as enter_child
from .child import start_child as start_child
from .link import BlockingLink as BlockingLink
from .link import Link as Link
from .link import LinkClosed as LinkClosed
from .link import LinkFull as LinkFull

__all__ = [
    "BlockingLink",
    "Child",
    "Link",
    "LinkClosed",
    "LinkFull",
    "describe_exit",
    "enter_child",
    "start_child",
]
