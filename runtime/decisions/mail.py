"""What a script may send by mail. Runs in worker and core.

An address is taken only in the plain form that every relay takes (RFC 5321 4.1.2 without quoted
local parts): what is odd is refused, so that no address can hold a second one or a command.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import attrs

MAX_ADDRESS: Final = 254
"""Characters (RFC 5321 4.5.3.1.3, less the brackets)."""
MAX_RECIPIENTS: Final = 50
"""A notice goes to a team; RFC 5321 4.5.3.1.8 lets relays take no more than 100."""
MAX_LIST: Final = MAX_RECIPIENTS * (MAX_ADDRESS + 2)
MAX_TITLE: Final = 500
"""Readers show far less."""
MAX_CONTENT: Final = 256 * 1024
"""Bytes of text and HTML together: a transcript of an hour has a fifth of that."""
MAX_TOLD: Final = 300
"""Characters of a relay's own words that are passed on."""

_ENCODED_WORD: Final = "=?"
"""How an encoded word begins (RFC 2047 2): what stands in it is not what stands there, and may be a
line break or another address."""
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ADDRESS: Final = re.compile(
    rf"{_ATOM}(\.{_ATOM})*@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9-]+)*"
)


@attrs.frozen(kw_only=True)
class Mail:
    """A message as a script asked for it; the lists are checked addresses."""

    sender: str
    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    title: str = ""
    text: str = attrs.field(default="", repr=False)
    html: str = attrs.field(default="", repr=False)

    @property
    def recipients(self) -> tuple[str, ...]:
        """Each once."""
        return tuple(dict.fromkeys((*self.to, *self.cc, *self.bcc)))


@attrs.frozen(kw_only=True)
class Sent:
    """What the relay said: an SMTP code, 0 when it said nothing; `error` is None when it took the
    message for all recipients."""

    code: int
    error: str | None = None


def addresses(text: str) -> tuple[str, ...]:
    """A list with commas between; ValueError says which is none."""
    found = [word.strip() for word in text.split(",") if word.strip()]
    for each in found:
        odd = len(each) > MAX_ADDRESS or _ENCODED_WORD in each
        if odd or not _ADDRESS.fullmatch(each):
            raise ValueError(f"holds {each[:80]!r}, which is no mail address (name@example.com)")
    return tuple(found)


def title(text: str) -> str:
    """The title of a message, which is written as it is; ValueError says why it cannot be."""
    if _ENCODED_WORD in text:
        raise ValueError(f"holds {_ENCODED_WORD!r}, which mail programs read as an encoded word")
    return text


def address(text: str) -> str:
    """Exactly one; ValueError says what is wrong."""
    found = addresses(text)
    if len(found) != 1:
        raise ValueError(f"must be one mail address, not {text[:80]!r}")
    return found[0]


def refuse_mail(mail: Mail, *, asked: str, host: str, senders: Sequence[str]) -> str | None:
    """Why the operator's relay is not asked to send it; None when it is.

    `asked` is the server that the script named, `senders` whom it may be from: addresses, or
    "@example.com" for all of a domain; empty for anybody.
    """
    if not host:
        return "no mail relay is configured: [mail] host in callstage.toml"
    if asked and asked.strip().rstrip(".").lower() != host.lower():
        return f"mail goes by the operator's relay only, not by {asked[:80]!r}: give an empty name"
    if not mail.recipients:
        return "there is no recipient"
    if len(mail.recipients) > MAX_RECIPIENTS:
        return f"{len(mail.recipients)} recipients, the limit is {MAX_RECIPIENTS}"
    sender = mail.sender.lower()
    if senders and not any(_may_send(sender, entry.lower()) for entry in senders):
        return f"{mail.sender} may not send: it is not in [mail] senders"
    return None


def _may_send(sender: str, entry: str) -> bool:
    return sender.endswith(entry) if entry.startswith("@") else sender == entry
