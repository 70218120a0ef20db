"""The server transaction of every request but INVITE and ACK: RFC 3261 17.2.2.

A repeated request is answered with the last response, if there is one yet; timer J keeps the final
response for as long as the client may repeat its request.
"""

from __future__ import annotations

from .vocabulary import Action, Input, MachineKind, Start, State, Step, Timer

_FINISH = Step(State.COMPLETED, (Action.SEND, Start(Timer.J)))
_FAIL = Step(State.TERMINATED, (Action.REPORT_FAILURE,))

SERVER = MachineKind(
    "server",
    {
        (State.INITIAL, Input.START): Step(State.TRYING, (Action.DELIVER,)),
        (State.TRYING, Input.REPEAT): Step(State.TRYING),
        (State.TRYING, Input.SEND_PROVISIONAL): Step(State.PROCEEDING, (Action.SEND,)),
        (State.TRYING, Input.SEND_SUCCESS): _FINISH,
        (State.TRYING, Input.SEND_FAILURE): _FINISH,
        (State.TRYING, Input.TRANSPORT_ERROR): _FAIL,
        (State.PROCEEDING, Input.REPEAT): Step(State.PROCEEDING, (Action.RESEND,)),
        (State.PROCEEDING, Input.SEND_PROVISIONAL): Step(State.PROCEEDING, (Action.SEND,)),
        (State.PROCEEDING, Input.SEND_SUCCESS): _FINISH,
        (State.PROCEEDING, Input.SEND_FAILURE): _FINISH,
        (State.PROCEEDING, Input.TRANSPORT_ERROR): _FAIL,
        (State.COMPLETED, Input.REPEAT): Step(State.COMPLETED, (Action.RESEND,)),
        (State.COMPLETED, Input.TRANSPORT_ERROR): Step(State.TERMINATED, (Action.REPORT_FAILURE,)),
        (State.COMPLETED, Timer.J): Step(State.TERMINATED),
    },
)
