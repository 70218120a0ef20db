"""What the log says of things that belong to no session: refusals, registrations, faults."""

from __future__ import annotations

import attrs
from structlog.typing import FilteringBoundLogger

from runtime.session.refusals import RefusalView
from sip.endpoint import Fault, RegistrationChanged


@attrs.frozen
class Telling:
    """Callbacks of the parts, in the words of the log."""

    log: FilteringBoundLogger

    def refusal(self, view: RefusalView) -> None:
        self.log.info(
            f"refused ({view.code}): {view.reason}",
            problem=view.problem,
            source=view.source,
            destination=view.destination,
            count=view.count,
        )

    def registration(self, change: RegistrationChanged) -> None:
        tell = self.log.debug if change.change == "refreshed" else self.log.info
        tell(
            f"user {change.user} {change.change}",
            contact=change.contact,
            source=str(change.peer),
            contacts=change.left,
        )

    def sip_fault(self, fault: Fault) -> None:
        self.log.error(f"fault in {fault.where}", traceback=fault.traceback)

    def http_fault(self, fault: str) -> None:
        self.log.error("fault in a connection of the HTTP listener", traceback=fault)
