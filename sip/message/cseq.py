"""CSeq: number and method of a request within its dialog (RFC 3261 8.1.1.5, 20.16)."""

from __future__ import annotations

import attrs

from .error import MessageError
from .limits import MAX_CSEQ
from .scan import LWS, is_token, parse_number


@attrs.frozen
class CSeq:
    """Sequence number, below 2**31, and method."""

    number: int
    method: str

    @classmethod
    def parse(cls, text: str) -> CSeq:
        """Read `number method`; MessageError otherwise."""
        number, _, method = text.replace("\t", " ").strip(LWS).partition(" ")
        method = method.lstrip(LWS)
        if not is_token(method):
            raise MessageError(400, f"CSeq without a method: {text[:60]!r}")
        return cls(parse_number(number, MAX_CSEQ, "CSeq number"), method)

    def __str__(self) -> str:
        return f"{self.number} {self.method}"
