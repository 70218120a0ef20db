"""The branches of our INVITE: early dialogs, the one that won, and the spare answers.

RFC 3261 13.2.2.4: each 2xx is acknowledged; the first one makes the session, every other branch
that answers too is ended with BYE. What is remembered of them is bounded.
"""

from __future__ import annotations

import attrs

from sip.address import Flow
from sip.message import MessageError, Request, Response
from sip.message.scan import parse_number

from .body import sdp_of
from .dialog import Dialog
from .limits import MAX_EARLY_DIALOGS, MAX_SPARE_ANSWERS
from .port import SentAck
from .reliable import MAX_RSEQ


@attrs.define
class EarlyDialog:
    """One branch that gave a provisional response with a tag."""

    dialog: Dialog
    rseq: int | None = None
    """RSeq of its latest reliable response."""
    sdp: bytes | None = None
    """The latest description it sent."""
    renewed: bool = False
    """It has replaced that one by an offer of its own (RFC 3311)."""

    def is_next(self, rseq: int) -> bool:
        """RFC 3262 4: in order and new; anything else is discarded."""
        return self.rseq is None or rseq == self.rseq + 1


class Forks:
    """All branches of one INVITE, by their To tag."""

    def __init__(self) -> None:
        self._early: dict[str | None, EarlyDialog] = {}
        self._acks: dict[str | None, SentAck | None] = {}

    def early(self, request: Request, response: Response, flow: Flow | None) -> EarlyDialog | None:
        """The early dialog of this response; None without a tag, or when there are too many."""
        tag = response.to.tag
        if tag is None:
            return None
        branch = self._early.get(tag)
        if branch is None:
            if len(self._early) >= MAX_EARLY_DIALOGS:
                return None
            branch = self._early[tag] = EarlyDialog(Dialog.for_client(request, response))
        branch.dialog.flow = flow
        return branch

    def find(self, tag: str | None) -> Dialog | None:
        branch = self._early.get(tag)
        return None if branch is None else branch.dialog

    def renew(self, tag: str | None) -> None:
        """The branch has made an offer of its own, which we have answered."""
        branch = self._early.get(tag)
        if branch is not None:
            branch.sdp, branch.renewed = None, True

    def description(self, response: Response) -> bytes | None:
        """What a response says about the audio.

        Of a branch that has changed it since, nothing: RFC 3261 13.2.1 lets all responses repeat
        the first answer.
        """
        branch = self._early.get(response.to.tag)
        return None if branch is not None and branch.renewed else readable_sdp(response)

    def drop(self, tag: str | None) -> None:
        self._early.pop(tag, None)

    def confirm(
        self, request: Request, response: Response, flow: Flow | None
    ) -> tuple[Dialog, bytes | None]:
        """The dialog of a 2xx, and the description its branch sent earlier.

        RFC 3261 13.2.2.4: the route set is that of the 2xx, the numbers go on from the early one.
        """
        dialog = Dialog.for_client(request, response)
        dialog.flow = flow
        branch = self._early.get(response.to.tag)
        if branch is None:
            return dialog, None
        dialog.local_number = max(dialog.local_number, branch.dialog.local_number)
        dialog.remote_number = branch.dialog.remote_number
        return dialog, branch.sdp

    def clear_early(self) -> None:
        """One branch has won: the other early dialogs are over."""
        self._early.clear()

    def has_answered(self, tag: str | None) -> bool:
        return tag in self._acks

    def is_first_answer(self) -> bool:
        return not self._acks

    def is_full(self) -> bool:
        return len(self._acks) > MAX_SPARE_ANSWERS

    def note_answer(self, tag: str | None, ack: SentAck | None) -> None:
        """Remember how a branch's 2xx was acknowledged; None while ack_with() is awaited."""
        self._acks[tag] = ack

    def ack_again(self, tag: str | None) -> None:
        """The 2xx of this branch was repeated, so its ACK was lost."""
        ack = self._acks.get(tag)
        if ack is not None:
            ack.resend()


def rseq_of(response: Response) -> int | None:
    """The RSeq of a reliable provisional response; None for an unreliable one."""
    if "100rel" not in response.headers.values("Require"):
        return None
    try:
        return parse_number(response.headers.get("RSeq") or "", MAX_RSEQ, "RSeq")
    except ValueError:
        return None


def readable_sdp(response: Response) -> bytes | None:
    """The description of a response; a body that we cannot use counts as none."""
    try:
        return sdp_of(response)
    except MessageError:
        return None
