"""Mail by the operator's relay: SMTP (RFC 5321), one connection for each message, in a thread.

The only host that is ever connected to is the one of the configuration. A relay that does not
answer holds one of a few threads for a bounded time, and nobody else.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from functools import partial
from typing import Final, Literal, Protocol

import attrs
import trio

from runtime.decisions.mail import MAX_TOLD, Mail, Sent, refuse_mail

Security = Literal["starttls", "tls", "none"]

PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}
"""RFC 6409 3.1, RFC 8314 3.3, RFC 5321 4.5.4.2."""
ANSWER_S: Final = 20.0
"""For each answer of the relay. RFC 5321 4.5.3.2 would wait minutes; a submission server of the
operator's own answers in a second."""
WHOLE_S: Final = 120.0
"""For a whole message; afterwards the script is told and the thread is left to itself."""
THREADS: Final = 8
"""Messages of all sessions on their way at once."""


class MailRefused(Exception):
    """The message is not given to the relay; str() says why."""


class MailPort(Protocol):
    """Where a session's mail goes."""

    async def send(self, mail: Mail, asked: str) -> Sent:
        """`asked` is the server that the script named. Raises MailRefused."""
        ...


@attrs.frozen(kw_only=True)
class Relay:
    """The operator's submission server; without a host there is none."""

    host: str = ""
    port: int = 0
    """0: the usual one."""
    security: Security = "starttls"
    user: str = ""
    password: str = attrs.field(default="", repr=False)
    senders: tuple[str, ...] = ()
    trust: ssl.SSLContext | None = attrs.field(default=None, repr=False)
    """Whose certificates count; None for those of the system."""


class RelayedMail:
    """Implements MailPort by a relay."""

    def __init__(self, relay: Relay | None = None) -> None:
        """Without one every message is refused."""
        self._relay = relay or Relay()
        self._limiter = trio.CapacityLimiter(THREADS)

    async def send(self, mail: Mail, asked: str) -> Sent:
        relay = self._relay
        why = refuse_mail(mail, asked=asked, host=relay.host, senders=relay.senders)
        if why is not None:
            raise MailRefused(why)
        deliver = partial(_deliver, relay, mail)
        with trio.move_on_after(WHOLE_S):
            return await trio.to_thread.run_sync(
                deliver, abandon_on_cancel=True, limiter=self._limiter
            )
        return Sent(code=0, error=f"the mail relay did not take it within {WHOLE_S:g} s")


def composed(mail: Mail) -> EmailMessage:
    """The message, as RFC 5322 has it."""
    message = EmailMessage(policy=SMTP.clone(cte_type="7bit"))  # RFC 5321: 8 bits are an extension
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=mail.sender.rpartition("@")[2])
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.to)
    if mail.cc:
        message["Cc"] = ", ".join(mail.cc)
    message["Subject"] = mail.title
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834 5: nobody's holiday notice answers it
    message.set_content(mail.text)
    if mail.html:
        message.add_alternative(mail.html, subtype="html")
    return message


def _deliver(relay: Relay, mail: Mail) -> Sent:
    """Blocking: one connection, one message."""
    try:
        with _connection(relay) as smtp:
            if relay.user:
                smtp.login(relay.user, relay.password)
            refused = smtp.sendmail(mail.sender, mail.recipients, composed(mail).as_bytes())
            return Sent(code=250, error=_refusals(refused) if refused else None)
    except smtplib.SMTPRecipientsRefused as exc:
        first = next(iter(exc.recipients.values()))
        return Sent(code=first[0], error=_refusals(exc.recipients))
    except smtplib.SMTPResponseException as exc:
        return Sent(code=exc.smtp_code, error=_words(exc.smtp_error))
    except smtplib.SMTPException as exc:
        return Sent(code=0, error=f"the mail relay: {exc}"[:MAX_TOLD])
    except TimeoutError:
        return Sent(code=0, error=f"the mail relay did not answer within {ANSWER_S:g} s")
    except (OSError, UnicodeError) as exc:
        return Sent(code=0, error=f"the mail relay cannot be reached: {exc}"[:MAX_TOLD])


def _connection(relay: Relay) -> smtplib.SMTP:
    """Greeted, and private as configured. Raises SMTPException and OSError."""
    port, hello = relay.port or PORTS[relay.security], socket.gethostname()
    if relay.security == "tls":
        trust = relay.trust or ssl.create_default_context()
        return smtplib.SMTP_SSL(relay.host, port, hello, timeout=ANSWER_S, context=trust)
    smtp = smtplib.SMTP(relay.host, port, hello, timeout=ANSWER_S)
    if relay.security == "starttls":
        try:
            smtp.starttls(context=relay.trust or ssl.create_default_context())
        except BaseException:
            smtp.close()
            raise
    return smtp


def _refusals(refused: dict[str, tuple[int, bytes]]) -> str:
    told = (f"{address}: {code} {_words(words)}" for address, (code, words) in refused.items())
    return "; ".join(told)[:MAX_TOLD]


def _words(said: bytes | str) -> str:
    text = said if isinstance(said, str) else said.decode("utf-8", "replace")
    return " ".join(text.split())[:MAX_TOLD]
