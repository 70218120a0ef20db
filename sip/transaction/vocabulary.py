"""The words in which the four transaction tables are written.

A table maps (state, input) to a step: the next state and the actions to perform, in order. An input
that has no entry is a fault of our own code (an illegal command), never of the peer: everything a
peer can send has an entry, if only one that ignores it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

import attrs


class IllegalInputError(Exception):
    """A local fault: this input cannot happen in this state. Nothing was changed or sent."""


class State(enum.Enum):
    INITIAL = "initial"
    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


class Timer(enum.Enum):
    """The letters of RFC 3261 table 4 and RFC 6026 7.2."""

    A = "A"
    B = "B"
    D = "D"
    E = "E"
    F = "F"
    G = "G"
    H = "H"
    I = "I"  # noqa: E741  the RFC's letter
    J = "J"
    K = "K"
    L = "L"
    M = "M"


class Input(enum.Enum):
    START = "start"
    # a client hears
    PROVISIONAL = "1xx"
    SUCCESS = "2xx"
    FAILURE = "3xx-6xx"
    # a server hears
    REPEAT = "request again"
    ACK = "ACK"
    # the transaction user of a server says
    SEND_PROVISIONAL = "send 1xx"
    SEND_SUCCESS = "send 2xx"
    SEND_FAILURE = "send 3xx-6xx"
    # the transaction user of a client says
    GIVE_UP = "give up"
    # the network says
    TRANSPORT_ERROR = "transport error"


class Action(enum.Enum):
    SEND = "send"
    """Transmit the request, or the response that the transaction user gave."""
    RESEND = "resend"
    """Transmit the last message again."""
    SEND_ACK = "send ACK"
    DELIVER = "deliver"
    """Pass the message to the transaction user."""
    REPORT_TIMEOUT = "report time-out"
    REPORT_FAILURE = "report transport error"


@attrs.frozen
class Start:
    """Start a timer, at its first interval."""

    timer: Timer


@attrs.frozen
class BackOff:
    """Start a retransmission timer again, at its next and longer interval."""

    timer: Timer


@attrs.frozen
class Slow:
    """Start a retransmission timer at T2 at once (RFC 3261 17.1.2.2, Proceeding)."""

    timer: Timer


@attrs.frozen
class Stop:
    timer: Timer


Deed = Action | Start | BackOff | Slow | Stop


@attrs.frozen
class Step:
    state: State
    deeds: tuple[Deed, ...] = ()


Table = Mapping[tuple[State, Input | Timer], Step]


@attrs.frozen
class MachineKind:
    """One of the four transaction kinds: its name and its transitions."""

    name: str
    table: Table

    def step(self, state: State, event: Input | Timer) -> Step:
        """The step for `event` in `state`; IllegalInputError when there is none."""
        try:
            return self.table[state, event]
        except KeyError:
            raise IllegalInputError(
                f"{self.name} transaction: {event.value!r} cannot happen in state {state.value}"
            ) from None
