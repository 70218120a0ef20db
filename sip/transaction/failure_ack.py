"""The ACK for a failure response, which belongs to the INVITE transaction (RFC 3261 17.1.1.3)."""

from __future__ import annotations

from sip.message import CSeq, Headers, Request, Response


def failure_ack(invite: Request, response: Response) -> Request:
    """Same Request-URI, Call-ID, From, Route and top Via as the INVITE; To as in the response."""
    headers = Headers()
    headers.add("Via", str(invite.via))
    headers.add("Max-Forwards", "70")
    headers.add("From", invite.headers.get("From") or "")
    headers.add("To", response.headers.get("To") or "")
    headers.add("Call-ID", invite.call_id)
    headers.add("CSeq", str(CSeq(invite.cseq.number, "ACK")))
    for route in invite.headers.lines("Route"):
        headers.add("Route", route)
    return Request("ACK", invite.uri, headers)
