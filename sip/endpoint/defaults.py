"""Where an endpoint's owner decides nothing: everybody is let in, faults and notices are logged.

The runtime decides all of it; these are for tests and small programs.
"""

from __future__ import annotations

import logging

from sip.address import PeerAddress
from sip.agent import Admission
from sip.driver import Fault

_log = logging.getLogger(__name__)


def log_fault(fault: Fault) -> None:
    """The default report of a fault."""
    _log.error("%s\n%s", fault.where, fault.traceback)


def log_notice(text: str) -> None:
    """The default report of what an operator should know."""
    _log.warning("%s", text)


def accept_all(_: PeerAddress) -> Admission:
    """The default gate: which peers are let in is the owner's decision."""
    return None


def shut_out_nobody(_: PeerAddress) -> bool:
    """The default: everything is read."""
    return False


def ignore(_: object) -> None:
    """The default for reports that nobody wants."""
