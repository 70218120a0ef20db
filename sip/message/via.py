"""Via: the way back of a response (RFC 3261 18.2, 20.42; RFC 3581 rport).

Rule: white space may stand around every slash and colon; unknown transports are kept,
because a Via below the topmost is none of our business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from .error import MessageError
from .host import parse_host_port, write_host
from .params import HeaderParams
from .scan import LWS, is_token, parse_number

MAGIC_COOKIE: Final = "z9hG4bK"
"""Begins every branch that is unique in space and time (RFC 3261 8.1.1.7)."""

_NO_PARAMS: Final = HeaderParams()


def _to_params(value: Mapping[str, str | None]) -> HeaderParams:
    return value if isinstance(value, HeaderParams) else HeaderParams(value)


@attrs.frozen(kw_only=True)
class Via:
    """One hop."""

    transport: str
    """As written: UDP, TCP, TLS, WS, WSS or something unknown."""
    host: str
    port: int | None = None
    params: HeaderParams = attrs.field(default=_NO_PARAMS, converter=_to_params)
    version: str = "2.0"

    @property
    def branch(self) -> str | None:
        """The branch, whatever it looks like."""
        return self.params.get("branch") or None

    @property
    def has_magic_branch(self) -> bool:
        """The branch identifies the transaction alone (RFC 3261 17.2.3)."""
        branch = self.params.get("branch") or ""
        return len(branch) > len(MAGIC_COOKIE) and branch.startswith(MAGIC_COOKIE)

    @property
    def received(self) -> str | None:
        """The address the request came from, when it differs from the host."""
        return self.params.get("received") or None

    @property
    def wants_rport(self) -> bool:
        """The sender asks for the answer at its source port (RFC 3581 3)."""
        return "rport" in self.params

    @property
    def rport(self) -> int | None:
        """The source port filled in by the receiver; None when absent or not filled in."""
        text = self.params.get("rport")
        return parse_number(text, 65_535, "rport") if text else None

    @classmethod
    def parse(cls, text: str) -> Via:
        """Read one hop (one element of the header's list); MessageError if it is none."""
        head, semicolon, params = text.partition(";")
        pieces = head.split()
        if len(pieces) == 2 and pieces[0][:8] == "SIP/2.0/":
            version, transport, sent_by = "2.0", pieces[0][8:], pieces[1]
        else:
            version, transport, sent_by = _split_spaced(head)
        if not is_token(transport):
            raise MessageError(400, f"Via without a transport: {text[:60]!r}")
        host, port = parse_host_port(sent_by)
        return cls(
            transport=transport,
            host=host,
            port=port,
            params=HeaderParams.parse(params) if semicolon else _NO_PARAMS,
            version=version,
        )

    def __str__(self) -> str:
        sent_by = write_host(self.host, self.port)
        return f"SIP/{self.version}/{self.transport} {sent_by}{self.params}"


def _split_spaced(head: str) -> tuple[str, str, str]:
    """Version, transport, sent-by of a Via with spaces around its slashes, or a foreign one."""
    protocol, slash, rest = head.partition("/")
    version, second_slash, rest = rest.partition("/")
    if not slash or not second_slash or protocol.strip(LWS).upper() != "SIP":
        raise MessageError(400, f"Via does not begin with SIP/2.0/: {head[:60]!r}")
    version = version.strip(LWS)
    if version != "2.0":
        raise MessageError(505, f"Via of SIP version {version[:20]!r}; only 2.0 is supported")
    transport, _, sent_by = rest.strip(LWS).replace("\t", " ").partition(" ")
    return version, transport, sent_by.strip(LWS)
