"""Mail by a real SMTP server: what it is given, and what its refusals become."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from runtime.decisions.mail import Mail, Sent
from runtime.mail import MailRefused, Relay, RelayedMail
from tests.ports import free_port
from tests.sip.certificates import Authority

pytestmark = pytest.mark.loopback

NOTE = Mail(
    sender="pbx@example.com",
    to=("ann@example.com", "bob@example.com"),
    cc=("cid@example.com",),
    bcc=("dan@example.com",),
    title="Пропущенный звонок",
    text="From +442079460001\n.\nat 10:00\n",
    html="<p>From <b>+442079460001</b></p>",
)


@attrs.define
class Server:
    """What the server was given."""

    port: int = 0
    envelopes: list[Envelope] = attrs.field(factory=list)
    refuses: dict[str, str] = attrs.field(factory=dict)
    after_data: str = "250 OK"
    logins: list[tuple[bytes, bytes]] = attrs.field(factory=list)

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Envelope, address: str, options: Any
    ) -> str:
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        self.envelopes.append(envelope)
        return self.after_data

    def authenticate(self, server: Any, session: Any, envelope: Any, how: str, data: Any) -> Any:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"s3cret", handled=False)

    def message(self) -> Message:
        content = self.envelopes[0].content
        assert isinstance(content, bytes)
        return message_from_bytes(content)


@contextmanager
def smtp(**settings: Any) -> Iterator[Server]:
    there = Server(port=free_port())
    controller = Controller(there, hostname="127.0.0.1", port=there.port, **settings)
    controller.start()
    try:
        yield there
    finally:
        controller.stop()


def relay(there: Server, **settings: Any) -> RelayedMail:
    given = {"security": "none", **settings}
    return RelayedMail(Relay(host="127.0.0.1", port=there.port, **given))


async def test_the_server_gets_the_message_and_each_recipient() -> None:
    with smtp() as there:
        assert await relay(there).send(NOTE, "") == Sent(code=250)
    [envelope] = there.envelopes
    assert envelope.mail_from == "pbx@example.com"
    assert envelope.rcpt_tos == [f"{name}@example.com" for name in ("ann", "bob", "cid", "dan")]
    message = there.message()
    assert message["To"] == "ann@example.com, bob@example.com"
    assert message["Cc"] == "cid@example.com"
    assert "dan" not in str(message)
    assert message["Subject"].startswith("=?utf-8?")
    assert message["Date"]
    assert message["Message-ID"].endswith("@example.com>")
    text, html = (
        part.get_payload(decode=True) for part in message.walk() if not part.is_multipart()
    )
    assert text.replace(b"\r\n", b"\n") == NOTE.text.encode()
    assert html.strip() == NOTE.html.encode()


async def test_one_recipient_that_is_refused_is_told_and_the_others_get_it() -> None:
    with smtp() as there:
        there.refuses["bob@example.com"] = "550 no such user"
        sent = await relay(there).send(NOTE, "")
    assert sent == Sent(code=250, error="bob@example.com: 550 no such user")
    assert "bob@example.com" not in there.envelopes[0].rcpt_tos


async def test_when_all_are_refused_the_first_code_counts() -> None:
    with smtp() as there:
        there.refuses = dict.fromkeys(NOTE.recipients, "452 mailbox is full")
        sent = await relay(there).send(NOTE, "")
    assert sent.code == 452
    assert sent.error is not None
    assert sent.error.startswith("ann@example.com: 452 mailbox is full; bob@")
    assert there.envelopes == []


async def test_a_message_that_is_refused_has_the_server_s_words() -> None:
    with smtp() as there:
        there.after_data = "554 5.7.1 looks like spam"
        assert await relay(there).send(NOTE, "") == Sent(code=554, error="5.7.1 looks like spam")


async def test_a_password_is_given_to_a_server_whose_certificate_is_right(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    issued, trust = authority.issue("127.0.0.1"), authority.client()
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_side.load_cert_chain(issued.certificate, issued.key)
    there = Server(port=free_port())
    controller = Controller(
        there,
        hostname="127.0.0.1",
        port=there.port,
        tls_context=server_side,
        require_starttls=True,
        authenticator=there.authenticate,
        auth_required=True,
    )
    controller.start()
    try:
        login = {"security": "starttls", "user": "pbx"}
        good = relay(there, **login, password="s3cret", trust=trust)
        assert await good.send(NOTE, "") == Sent(code=250)
        wrong = await relay(there, **login, password="guess", trust=trust).send(NOTE, "")
        assert (wrong.code, len(there.envelopes)) == (535, 1)
        asked = len(there.logins)
        unknown = await relay(there, **login, password="s3cret").send(NOTE, "")
        assert unknown.code == 0
        assert "certificate verify failed" in str(unknown.error)
        assert len(there.logins) == asked
    finally:
        controller.stop()


async def test_a_server_without_tls_gets_nothing_when_tls_is_wanted() -> None:
    with smtp() as there:
        sent = await relay(there, security="starttls").send(NOTE, "")
    assert sent.code == 0
    assert "STARTTLS" in str(sent.error)
    assert there.envelopes == []


async def test_a_server_that_is_not_there_is_an_answer_too() -> None:
    sent = await relay(Server(port=free_port())).send(NOTE, "")
    assert sent.code == 0
    assert str(sent.error).startswith("the mail relay cannot be reached: ")


async def test_no_other_host_is_ever_asked_nor_another_sender() -> None:
    with smtp() as there:
        for sending, why in (
            (relay(there).send(NOTE, "smtp.evil.example"), "by the operator's relay only"),
            (relay(there, senders=("@acme.example",)).send(NOTE, ""), "may not send"),
            (RelayedMail().send(NOTE, ""), "no mail relay is configured"),
        ):
            with pytest.raises(MailRefused, match=why):
                await sending
    assert there.envelopes == []


async def test_a_silent_server_holds_nobody_who_gives_up() -> None:
    listener = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener[0].socket.getsockname()[1]
    threads = threading.active_count()
    with trio.move_on_after(0.2) as scope:
        await relay(Server(port=port)).send(NOTE, "")
    assert scope.cancelled_caught
    for each in listener:
        await each.aclose()  # resets the connection that waits in its queue
    with trio.fail_after(20):
        while threading.active_count() > threads + 1:  # noqa: ASYNC110 - trio keeps idle threads
            await trio.sleep(0.02)
