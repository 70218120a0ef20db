"""What a numbered problem is. A number is never given to another problem, nor taken back."""

from __future__ import annotations

import enum


class KnownProblem(enum.Enum):
    """A kind of refusal; members are (number, status, title, why, what to do).

    The text of one refusal says what was asked and what prevented it; this says what is true of
    all of its kind.
    """

    def __init__(self, number: str, status: int, title: str, why: str, remedy: str) -> None:
        self.number = number
        self.status = status
        """HTTP's or SIP's; 0: there is no answer, or the text of the refusal has it."""
        self.title = title
        self.why = why
        self.remedy = remedy
