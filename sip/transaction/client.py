"""The client transaction of every request but INVITE and ACK: RFC 3261 17.1.2.

Timer E retransmits on unreliable transports, also after a provisional response (then every T2);
timer F bounds the whole; timer K absorbs repeated final responses.
"""

from __future__ import annotations

from .vocabulary import Action, BackOff, Input, MachineKind, Slow, Start, State, Step, Stop, Timer

_FINISH = Step(State.COMPLETED, (Stop(Timer.E), Stop(Timer.F), Action.DELIVER, Start(Timer.K)))
_FAIL = Step(State.TERMINATED, (Action.REPORT_FAILURE,))
_TIME_OUT = Step(State.TERMINATED, (Action.REPORT_TIMEOUT,))

CLIENT = MachineKind(
    "client",
    {
        (State.INITIAL, Input.START): Step(
            State.TRYING, (Start(Timer.E), Start(Timer.F), Action.SEND)
        ),
        (State.TRYING, Timer.E): Step(State.TRYING, (Action.RESEND, BackOff(Timer.E))),
        (State.TRYING, Timer.F): _TIME_OUT,
        (State.TRYING, Input.TRANSPORT_ERROR): _FAIL,
        (State.TRYING, Input.PROVISIONAL): Step(State.PROCEEDING, (Action.DELIVER,)),
        (State.TRYING, Input.SUCCESS): _FINISH,
        (State.TRYING, Input.FAILURE): _FINISH,
        (State.PROCEEDING, Timer.E): Step(State.PROCEEDING, (Action.RESEND, Slow(Timer.E))),
        (State.PROCEEDING, Timer.F): _TIME_OUT,
        (State.PROCEEDING, Input.TRANSPORT_ERROR): _FAIL,
        (State.PROCEEDING, Input.PROVISIONAL): Step(State.PROCEEDING, (Action.DELIVER,)),
        (State.PROCEEDING, Input.SUCCESS): _FINISH,
        (State.PROCEEDING, Input.FAILURE): _FINISH,
        (State.COMPLETED, Input.PROVISIONAL): Step(State.COMPLETED),
        (State.COMPLETED, Input.SUCCESS): Step(State.COMPLETED),
        (State.COMPLETED, Input.FAILURE): Step(State.COMPLETED),
        (State.COMPLETED, Input.TRANSPORT_ERROR): Step(State.COMPLETED),
        (State.COMPLETED, Timer.K): Step(State.TERMINATED),
    },
)
