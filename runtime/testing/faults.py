"""What goes wrong in a scenario must fail its test, with the script's own traceback.

A test that wants an error says so first (`expect_error`); then it must happen.
"""

from __future__ import annotations

import re
from weakref import WeakSet

import attrs

from runtime.testing.agenda import Signal


class ScenarioFailed(AssertionError):
    """The script raised an exception that nobody caught, or its session broke."""


@attrs.frozen(kw_only=True)
class Fault:
    """One thing that went wrong."""

    t: float
    session: str
    """Empty where it is not known."""
    what: str
    """In one line, with the script's file and line where known."""
    traceback: str = ""

    def __str__(self) -> str:
        whose = f" (session {self.session})" if self.session else ""
        text = f"the scenario failed at {self.t:.2f} s{whose}: {self.what}"
        return f"{text}\n\n{self.traceback.rstrip()}" if self.traceback else text


@attrs.define
class _Expected:
    pattern: str
    happened: bool = False


class Faults:
    """All faults of a simulation, and which of them were wanted."""

    def __init__(self) -> None:
        self.all: list[Fault] = []
        self._unwanted: list[Fault] = []
        self._expected: list[_Expected] = []
        self._watchers: WeakSet[Signal] = WeakSet()

    def watch(self, signal: Signal) -> None:
        """Notify it at every fault."""
        self._watchers.add(signal)

    def expect(self, pattern: str) -> None:
        """Faults in whose text `pattern` (a regular expression) is found are wanted."""
        self._expected.append(_Expected(pattern))

    def add(self, fault: Fault) -> None:
        self.all.append(fault)
        wanted = [one for one in self._expected if re.search(one.pattern, str(fault))]
        for one in wanted:
            one.happened = True
        if not wanted:
            self._unwanted.append(fault)
        for signal in list(self._watchers):
            signal.notify()

    def check(self) -> None:
        """Raise ScenarioFailed for the first unwanted fault."""
        __tracebackhide__ = True
        if self._unwanted:
            raise ScenarioFailed(str(self._unwanted[0]))

    @property
    def unwanted(self) -> bool:
        return bool(self._unwanted)

    @property
    def missing(self) -> list[str]:
        """Expected errors that did not happen."""
        return [one.pattern for one in self._expected if not one.happened]
