"""The INVITE server transaction: RFC 3261 17.2.1 with the Accepted state of RFC 6026 7.1.

A repeated INVITE is answered with the last response; the failure response is repeated by timer G
until the ACK arrives or timer H ends the wait. After a 2xx the transaction only absorbs repeated
INVITEs (timer L): the 2xx is repeated by the dialog, and its ACK goes to the dialog.
"""

from __future__ import annotations

from .vocabulary import Action, BackOff, Input, MachineKind, Start, State, Step, Stop, Timer

INVITE_SERVER = MachineKind(
    "INVITE server",
    {
        (State.INITIAL, Input.START): Step(State.PROCEEDING, (Action.DELIVER,)),
        (State.PROCEEDING, Input.REPEAT): Step(State.PROCEEDING, (Action.RESEND,)),
        (State.PROCEEDING, Input.SEND_PROVISIONAL): Step(State.PROCEEDING, (Action.SEND,)),
        (State.PROCEEDING, Input.SEND_SUCCESS): Step(State.ACCEPTED, (Action.SEND, Start(Timer.L))),
        (State.PROCEEDING, Input.SEND_FAILURE): Step(
            State.COMPLETED, (Action.SEND, Start(Timer.G), Start(Timer.H))
        ),
        # an ACK before any final response acknowledges nothing
        (State.PROCEEDING, Input.ACK): Step(State.PROCEEDING),
        # the user goes on: RFC 6026 8.7 leaves the state as it is, later responses may get through
        (State.PROCEEDING, Input.TRANSPORT_ERROR): Step(State.PROCEEDING, (Action.REPORT_FAILURE,)),
        (State.ACCEPTED, Input.REPEAT): Step(State.ACCEPTED),
        (State.ACCEPTED, Input.SEND_SUCCESS): Step(State.ACCEPTED, (Action.RESEND,)),
        (State.ACCEPTED, Input.ACK): Step(State.ACCEPTED, (Action.DELIVER,)),
        (State.ACCEPTED, Input.TRANSPORT_ERROR): Step(State.ACCEPTED),
        (State.ACCEPTED, Timer.L): Step(State.TERMINATED),
        (State.COMPLETED, Input.REPEAT): Step(State.COMPLETED, (Action.RESEND,)),
        (State.COMPLETED, Timer.G): Step(State.COMPLETED, (Action.RESEND, BackOff(Timer.G))),
        (State.COMPLETED, Timer.H): Step(State.TERMINATED, (Action.REPORT_TIMEOUT,)),
        (State.COMPLETED, Input.TRANSPORT_ERROR): Step(State.TERMINATED, (Action.REPORT_FAILURE,)),
        (State.COMPLETED, Input.ACK): Step(
            State.CONFIRMED, (Stop(Timer.G), Stop(Timer.H), Start(Timer.I))
        ),
        (State.CONFIRMED, Input.REPEAT): Step(State.CONFIRMED),
        (State.CONFIRMED, Input.ACK): Step(State.CONFIRMED),
        (State.CONFIRMED, Input.TRANSPORT_ERROR): Step(State.CONFIRMED),
        (State.CONFIRMED, Timer.I): Step(State.TERMINATED),
    },
)
