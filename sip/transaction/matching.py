"""Which transaction a message belongs to (RFC 3261 17.1.3, 17.2.3, 8.2.2.2).

A branch with the magic cookie identifies the transaction together with the sent-by and the method;
anything else is matched the RFC 2543 way, by the fields that a repeated request shares. The To tag
is left out there: the ACK of a failure carries one that its INVITE did not have.
"""

from __future__ import annotations

from typing import NamedTuple

from sip.message import Request, Response


class ClientKey(NamedTuple):
    """A request of ours."""

    branch: str
    method: str


class ServerKey(NamedTuple):
    """A request of a peer; an ACK has the key of its INVITE."""

    branch: str
    sent_by: str
    method: str

    def of_invite(self) -> ServerKey:
        """The INVITE that a CANCEL with this key is about (RFC 3261 9.2)."""
        return self._replace(method="INVITE")


class MergeKey(NamedTuple):
    """What two branches of one forked request have in common (RFC 3261 8.2.2.2)."""

    call_id: str
    sender: str
    number: int
    method: str


def client_key(response: Response) -> ClientKey:
    """The request that `response` answers, if it is one of ours at all."""
    return ClientKey(response.via.branch or "", response.cseq.method)


def server_key(request: Request) -> ServerKey:
    via = request.via
    method = "INVITE" if request.method == "ACK" else request.method
    if via.has_magic_branch:
        return ServerKey(via.branch or "", f"{via.host.lower()}:{via.port or ''}", method)
    fields = (request.uri, request.from_.tag or "", request.call_id, str(request.cseq.number))
    return ServerKey("\n".join(fields), str(via), method)


def merge_key(request: Request) -> MergeKey:
    sender = request.from_.tag or str(request.from_.uri)
    return MergeKey(request.call_id, sender, request.cseq.number, request.method)
