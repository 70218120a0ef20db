"""A live endpoint gets all torture messages of RFC 4475 while a call is running on it.

Each is answered as its section demands, and the call neither ends nor stops working.
"""

from __future__ import annotations

import socket

import pytest
import trio

from sip.endpoint import Acknowledged, Ended, InfoReceived, ReinviteReceived
from sip.message import Response, parse_datagram
from tests.torture.messages import TortureMessage, torture_messages

from .endpoints import PATIENCE_S, SDP, running

pytestmark = pytest.mark.loopback

SILENCE = 0
EXPECTED = {
    **dict.fromkeys(["bcast", "bigcode", "noreason", "scalarlg", "unreason"], SILENCE),
    **dict.fromkeys(["badaspec", "badbranch", "baddn", "lwsdisp", "zeromf"], 200),
    **dict.fromkeys(["semiuri", "transports"], 200),
    # taken as calls
    **dict.fromkeys(["baddate", "esc01", "escruri", "inv2543", "longreq"], 100),
    **dict.fromkeys(["badinv01", "clerr", "insuf", "ltgtruri", "lwsruri", "lwsstart"], 400),
    **dict.fromkeys(["mcl01", "mismatch01", "mismatch02", "multi01", "ncl", "quotbal"], 400),
    **dict.fromkeys(["regbadct", "scalar02", "trws"], 400),
    # no registrar here
    **dict.fromkeys(["cparam01", "cparam02", "dblreq", "escnull", "regaut01", "regescrt"], 403),
    **dict.fromkeys(["unksm2"], 403),
    # nobody reads texts outside a call
    **dict.fromkeys(["mpart01"], 403),
    **dict.fromkeys(["sdp01"], 406),
    **dict.fromkeys(["invut"], 415),
    **dict.fromkeys(["novelsc", "unkscm"], 416),
    **dict.fromkeys(["bext01"], 420),
    # understood in all its odd spelling: it has a To tag, and no dialog of ours has that
    **dict.fromkeys(["wsinv"], 481),
    **dict.fromkeys(["esc02", "intmeth"], 501),
    **dict.fromkeys(["badvers"], 505),
}
END = (
    b"OPTIONS sip:us@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bKend\r\n"
    b"Max-Forwards: 70\r\nFrom: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:us@127.0.0.1>\r\n"
    b"Call-ID: the-end\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)
"""Answered after the message before it: what came until then is the answer to that one."""


def test_every_message_has_an_expectation() -> None:
    assert {message.name for message in torture_messages()} == set(EXPECTED)


async def statuses(port: int, message: TortureMessage) -> list[Response]:
    """The responses to one message, sent from a socket of its own."""
    answers: list[Response] = []
    with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        await sock.bind(("127.0.0.1", 0))
        await sock.sendto(message.data, ("127.0.0.1", port))
        await sock.sendto(END, ("127.0.0.1", port))
        with trio.fail_after(PATIENCE_S):
            while True:
                answer = parse_datagram(await sock.recv(65_535))
                assert isinstance(answer, Response)
                if answer.headers.get("Call-ID") == "the-end":
                    return answers
                answers.append(answer)


async def test_every_torture_message_is_answered_and_a_running_call_goes_on(
    nursery: trio.Nursery,
) -> None:
    async with running(nursery) as us, running(nursery) as caller:
        session = caller.call(us.uri())
        await us.owner.heard(Acknowledged)
        us.owner.on_invite = lambda _: None
        us.owner.on_event = lambda call, event: (
            call.answer_reinvite(SDP) if isinstance(event, ReinviteReceived) else None
        )
        for number, message in enumerate(torture_messages(), 1):
            answers = await statuses(us.port(), message)
            expected = EXPECTED[message.name]
            assert [a.status for a in answers] == ([expected] if expected else []), message.name
            if expected >= 400:
                assert "Warning" in answers[0].headers, message.name
            session.info("text/plain", message.name.encode())
            info = await us.owner.heard(InfoReceived, number)
            assert isinstance(info, InfoReceived)
            assert info.body == message.name.encode()
        assert us.owner.faults == []
        assert not [event for event in caller.owner.events if isinstance(event, Ended)]
        assert {answer for answer in EXPECTED.values() if answer >= 400} == {
            report.status for report in us.owner.refusals
        }
