"""The part of Net that sends mail, by the operator's relay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import attrs

from runtime.api.handle import Handle
from runtime.api.listeners import wanted_arguments
from runtime.api.names import StrictNames
from runtime.api.options import merge, text
from runtime.api.running import current
from runtime.decisions.mail import MAX_CONTENT, MAX_RECIPIENTS, address, addresses
from runtime.decisions.mail import title as plain_title
from runtime.sandbox.mail_commands import SendMail

MAIL_OPTIONS: Final = ("bcc", "cc", "html", "login", "password", "port")
"""login, password and port are accepted: the relay is the operator's."""
_SPELLED: Final = {"server": "mailServerAddress", "sender": "from", "text_bytes": "body"}


@attrs.frozen(kw_only=True)
class SendMailResult:
    """What became of a mail; true when the relay has taken it for all recipients.

    `code` is the relay's SMTP code (250 = taken), 0 when the runtime refused it or the relay said
    nothing; `error` says what happened, and is None otherwise. VoxEngine reference: Net
    (SendMailResult).
    """

    code: int
    error: str | None = None

    def __bool__(self) -> bool:
        return 200 <= self.code < 300 and self.error is None


class MailHandle(Handle[SendMailResult]):
    """Awaiting it gives the SendMailResult, and does not raise for failures of the relay."""

    __slots__ = ()


Callback = Callable[[SendMailResult], object] | Callable[[], object]


class Mailing(StrictNames):
    """sendMail, sendMailAsync."""

    __slots__ = ()

    def sendMail(
        self,
        mailServerAddress: str,
        from_: str,
        to: str | list[str],
        title: str,
        body: str,
        callback: Callback,
        *parameters: object,
        **options: object,
    ) -> None:
        """Send a mail by the operator's relay (`[mail]`) and call `callback` with its
        SendMailResult, or with nothing.

        `mailServerAddress` is empty or the relay's own name: no other server is ever connected to.
        `to` is an address, several with commas between, or a list; 50 recipients at most with cc
        and bcc. Options, as keywords or one dict: cc, bcc, html (another form of the body; 256 KiB
        together); login, password and port have no effect. Failures do not raise: they are codes.
        Raises LimitReached when 2 are on their way and 8 wait, TypeError and ValueError for what is
        no address, SessionOver while the session ends. VoxEngine reference: Net.sendMail.
        """
        what = "Net.sendMail"
        wanted = wanted_arguments(callback, 1, f"{what}()")
        told: Any = callback
        given = merge(what, MAIL_OPTIONS, parameters, options)
        letter = (mailServerAddress, from_, to, title, body)
        _send(what, letter, given, told if wanted else lambda _: told())

    def sendMailAsync(
        self,
        mailServerAddress: str,
        from_: str,
        to: str | list[str],
        title: str,
        body: str,
        *parameters: object,
        **options: object,
    ) -> MailHandle:
        """Send a mail; await what is returned for its SendMailResult. Ending the wait does not take
        it back. Otherwise as sendMail. VoxEngine reference: Net.sendMailAsync."""
        what = "Net.sendMailAsync"
        given = merge(what, MAIL_OPTIONS, parameters, options)
        return _send(what, (mailServerAddress, from_, to, title, body), given, None)


def _send(
    what: str,
    letter: tuple[object, object, object, object, object],
    given: Mapping[str, Any],
    callback: Callable[[SendMailResult], object] | None,
) -> MailHandle:
    server, sender, to, title, body = letter
    session = current()
    session.refuse_late(what)
    content = [_encoded(what, "body", body), _encoded(what, "html", given.get("html", ""))]
    if sum(map(len, content)) > MAX_CONTENT:
        size = sum(map(len, content))
        raise ValueError(
            f"{what}(): body and html have {size:,} bytes, the limit is {MAX_CONTENT:,}"
        )
    lists = {"to": to, "cc": given.get("cc", ""), "bcc": given.get("bcc", "")}
    checked = {name: _addresses(what, name, value) for name, value in lists.items()}
    count = sum(map(len, checked.values()))
    if count > MAX_RECIPIENTS:
        raise ValueError(f"{what}(): {count} recipients, the limit is {MAX_RECIPIENTS}")
    if not checked["to"]:
        raise ValueError(f"{what}(): to holds no mail address")
    command = session.build(
        what,
        SendMail,
        _SPELLED,
        server=text(what, "mailServerAddress", server),
        sender=_sender(what, sender),
        title=_title(what, title),
        text_bytes=len(content[0]),
        html_bytes=len(content[1]),
        **{name: ",".join(found) for name, found in checked.items()},
    )
    handle = MailHandle(what)
    session.requests.begin_mail(command, b"".join(content), handle, callback)
    return handle


def _sender(what: str, value: object) -> str:
    try:
        return address(text(what, "from", value))
    except ValueError as exc:
        raise ValueError(f"{what}(): from {exc}") from None


def _title(what: str, value: object) -> str:
    try:
        return plain_title(text(what, "title", value))
    except ValueError as exc:
        raise ValueError(f"{what}(): title {exc}") from None


def _addresses(what: str, name: str, value: object) -> tuple[str, ...]:
    if isinstance(value, list | tuple):
        entries = cast("list[object]", value)
        value = ",".join(text(what, f"an entry of {name}", entry) for entry in entries)
    try:
        return addresses(text(what, name, value))
    except ValueError as exc:
        raise ValueError(f"{what}(): {name} {exc}") from None


def _encoded(what: str, name: str, value: object) -> bytes:
    try:
        return text(what, name, value).encode()
    except UnicodeEncodeError:
        raise ValueError(f"{what}(): {name} holds half a character (a lone surrogate)") from None
