"""Problems of what reaches the HTTP interface and is no request: E1006 to E1008."""

from __future__ import annotations

from runtime.decisions.problems.known import KnownProblem


class Unreadable(KnownProblem):
    """As problem bodies show them; no application has seen what they are about."""

    NOT_HTTP = (
        "E1006",
        400,
        "The request is not HTTP",
        "Its first line, a header or the framing of its body breaks a rule of RFC 9112, or "
        "something else is spoken, as TLS.",
        "The text says what cannot be read; the connection is closed. A library for HTTP does it "
        "right.",
    )
    HEAD_TOO_LARGE = (
        "E1007",
        431,
        "The head of the request is too large",
        "First line and headers have 32 KiB together.",
        "Send what is long in the body.",
    )
    UNKNOWN_CODING = (
        "E1008",
        501,
        "The transfer coding is unknown",
        "Only chunked is served (RFC 9112 6.1).",
        "Send the body as it is, with Content-Length or chunked.",
    )
