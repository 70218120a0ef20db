"""The INVITE client transaction: RFC 3261 17.1.1 with the Accepted state of RFC 6026 7.2.

Timer A retransmits on unreliable transports only; timer B bounds the wait for any response; timer D
answers repeated failures with the same ACK; timer M keeps the transaction open for further 2xx
responses (other branches of a fork, or the same one again), each of which goes to the user.
"""

from __future__ import annotations

from .vocabulary import Action, BackOff, Input, MachineKind, Start, State, Step, Stop, Timer

_STOP_CALLING = (Stop(Timer.A), Stop(Timer.B))

INVITE_CLIENT = MachineKind(
    "INVITE client",
    {
        (State.INITIAL, Input.START): Step(
            State.CALLING, (Start(Timer.A), Start(Timer.B), Action.SEND)
        ),
        (State.CALLING, Timer.A): Step(State.CALLING, (Action.RESEND, BackOff(Timer.A))),
        (State.CALLING, Timer.B): Step(State.TERMINATED, (Action.REPORT_TIMEOUT,)),
        (State.CALLING, Input.TRANSPORT_ERROR): Step(State.TERMINATED, (Action.REPORT_FAILURE,)),
        # RFC 3261 9.1: no final response came within 64*T1 of the CANCEL
        (State.CALLING, Input.GIVE_UP): Step(State.TERMINATED),
        (State.PROCEEDING, Input.GIVE_UP): Step(State.TERMINATED),
        (State.ACCEPTED, Input.GIVE_UP): Step(State.ACCEPTED),
        (State.COMPLETED, Input.GIVE_UP): Step(State.COMPLETED),
        (State.CALLING, Input.PROVISIONAL): Step(
            State.PROCEEDING, (*_STOP_CALLING, Action.DELIVER)
        ),
        (State.CALLING, Input.SUCCESS): Step(
            State.ACCEPTED, (*_STOP_CALLING, Start(Timer.M), Action.DELIVER)
        ),
        (State.CALLING, Input.FAILURE): Step(
            State.COMPLETED, (*_STOP_CALLING, Action.SEND_ACK, Action.DELIVER, Start(Timer.D))
        ),
        (State.PROCEEDING, Input.PROVISIONAL): Step(State.PROCEEDING, (Action.DELIVER,)),
        (State.PROCEEDING, Input.SUCCESS): Step(State.ACCEPTED, (Start(Timer.M), Action.DELIVER)),
        (State.PROCEEDING, Input.FAILURE): Step(
            State.COMPLETED, (Action.SEND_ACK, Action.DELIVER, Start(Timer.D))
        ),
        (State.PROCEEDING, Input.TRANSPORT_ERROR): Step(State.TERMINATED, (Action.REPORT_FAILURE,)),
        (State.ACCEPTED, Input.SUCCESS): Step(State.ACCEPTED, (Action.DELIVER,)),
        # RFC 6026 7.2: after a 2xx nothing but further 2xx responses matters
        (State.ACCEPTED, Input.PROVISIONAL): Step(State.ACCEPTED),
        (State.ACCEPTED, Input.FAILURE): Step(State.ACCEPTED),
        (State.ACCEPTED, Input.TRANSPORT_ERROR): Step(State.ACCEPTED),
        (State.ACCEPTED, Timer.M): Step(State.TERMINATED),
        (State.COMPLETED, Input.FAILURE): Step(State.COMPLETED, (Action.SEND_ACK,)),
        (State.COMPLETED, Input.PROVISIONAL): Step(State.COMPLETED),
        (State.COMPLETED, Input.SUCCESS): Step(State.COMPLETED),
        # the ACK could not be sent: the failure itself was delivered already, so nothing is lost
        (State.COMPLETED, Input.TRANSPORT_ERROR): Step(State.TERMINATED),
        (State.COMPLETED, Timer.D): Step(State.TERMINATED),
    },
)
