"""What a test can look at in a simulation: all that happened, as lists and as text."""

from __future__ import annotations

from runtime.session.views import SessionView
from runtime.testing.agenda import Agenda
from runtime.testing.callers import SimCallee, SimCaller
from runtime.testing.chronicle import Chronicle, Row, SimEvent
from runtime.testing.dialer import SimDialer
from runtime.testing.faults import Fault, Faults
from runtime.testing.peers import SimPeer
from runtime.testing.simulated_runtime import SimulatedRuntime
from runtime.testing.symbolic_recordings import SimRecording, SymbolicRecordings
from runtime.testing.timeline_text import timeline_text


class Looking:
    """The readable half of Sim."""

    agenda: Agenda
    faults: Faults
    chronicle: Chronicle
    recorded: SymbolicRecordings
    dialer: SimDialer
    callers: list[SimCaller]
    runtime: SimulatedRuntime

    @property
    def now(self) -> float:
        """Seconds since the simulation began."""
        return self.agenda.now()

    @property
    def events(self) -> list[SimEvent]:
        """Every event that was sent to a script, in order."""
        return self.chronicle.events

    @property
    def logs(self) -> list[str]:
        """Every Logger.write, in order."""
        return self.chronicle.logs

    @property
    def timeline(self) -> list[Row]:
        """Everything that happened in all sessions, in order."""
        return list(self.chronicle.rows)

    @property
    def errors(self) -> list[Fault]:
        """Errors of the script, expected ones too."""
        return list(self.faults.all)

    @property
    def recordings(self) -> list[SimRecording]:
        """Every recording, in the order of their beginning."""
        return list(self.recorded.made)

    @property
    def callees(self) -> list[SimCallee]:
        """Everybody whom the scenario called, in order."""
        return list(self.dialer.callees)

    @property
    def people(self) -> list[SimPeer]:
        return [*self.callers, *self.dialer.callees]

    @property
    def on_the_line(self) -> list[SimPeer]:
        """Everybody whose call is not over."""
        return [one for one in self.people if one.end is None]

    @property
    def sessions(self) -> list[SessionView]:
        """Sessions that are running."""
        return self.runtime.sessions

    def text(self) -> str:
        """The timeline for people, as it is printed when a test fails."""
        return timeline_text(self.chronicle.rows, self.people)
