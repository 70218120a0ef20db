"""The pages docs/reference/problems/, one for each numbered problem, made from their table.

`python -m tests.docs.problems` writes them; a test sees that they are current.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Final

from runtime.decisions.problems import (
    EVERY,
    Calls,
    Commands,
    Dials,
    Http,
    KnownProblem,
    Setup,
    Unreadable,
)

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs/reference/problems"
INTRODUCTION: Final = """\
# Problems by number

What is refused has a number. A number belongs to one kind of problem for good; the text beside it
says what was asked this time, and what prevented it.

- **HTTP**: `code` in a problem body; `type` leads to what this page says, on the runtime itself:
  `GET /api/v1/problems/E1101`, without a token.
- **Calls and requests refused before there is a session**: `problem` in the log, in
  `GET /api/v1/refusals`, and as a label of `callstage_refusals_total`. The status and the text that
  the caller gets are beside it. What the SIP endpoint refuses by itself is numbered by its status.
- **What callers' phones show**: the text of `Warning` begins with the number.
- **Calls that a script dials** and that are refused here: `problem` in the log, in the session's
  timeline and in what `callstage explain` says. What the far side refuses has its SIP status.
- **Commands of scripts**: the text of `CommandFailed` ends with it; it is in the timeline too.
- **Configuration and start**: each line that `callstage` writes to standard error ends with it.
- **Access URLs**: the number is in the answer, and in the session's timeline as `problem` of what
  is of the kind `refusal`.

These pages are made from the code: `python -m tests.docs.problems`.
"""


def pages() -> Mapping[str, str]:
    """By file name."""
    return {
        "README.md": "\n".join(
            (
                INTRODUCTION,
                *_list("HTTP", (*Unreadable, *Http)),
                *_list("Calls and signalling", Calls),
                *_list("Calls that scripts dial", Dials),
                *_list("What scripts ask for", Commands),
                *_list("Before the runtime serves", Setup),
            )
        ),
        **{f"{each.number}.md": _page(each) for each in EVERY},
    }


def _list(title: str, problems: Iterable[KnownProblem]) -> list[str]:
    rows = [f"| [{p.number}]({p.number}.md) | {_status(p)} | {p.title} |" for p in problems]
    return [f"## {title}\n", "| number | status | |", "|---|---|---|", *rows, ""]


def _page(problem: KnownProblem) -> str:
    return "\n".join(
        (
            f"# {problem.number}: {problem.title}",
            "",
            f"Status: {_shown(problem)}.",
            "",
            f"**Why.** {problem.why}",
            "",
            f"**What to do.** {problem.remedy}",
            "",
            "[All numbers](README.md)",
            "",
        )
    )


def _shown(problem: KnownProblem) -> str:
    if isinstance(problem, Http | Unreadable):
        return f"{problem.status} {HTTPStatus(problem.status).phrase}"
    return _status(problem)


def _status(problem: KnownProblem) -> str:
    if isinstance(problem, Commands | Setup):
        return "none"
    return str(problem.status) if problem.status else "as the text says, or none"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text)
