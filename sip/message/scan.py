"""Linear scanners shared by the header values: tokens, numbers, lists, quoted strings.

Rule: each looks at a character a bounded number of times. The regular expressions are
single character classes, never nested, so that no input can make them backtrack.
"""

import re
from typing import Final

from .error import MessageError
from .limits import MAX_DIGITS

LWS: Final = " \t"
"""What is left of linear white space once folded lines are joined (RFC 3261 25.1)."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_MARKS: Final = re.compile(r'[",;<>\\]')
_QUOTE_MARKS: Final = re.compile(r'["\\]')
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_NEEDS_ESCAPE: Final = re.compile(r'(["\\\x00])')


def is_token(text: str) -> bool:
    """True for a non-empty `token` (RFC 3261 25.1)."""
    if text.isalnum() and text.isascii():  # most are, and this costs a third of the expression
        return True
    return _TOKEN.fullmatch(text) is not None


def parse_number(text: str, limit: int, what: str) -> int:
    """Read 1*DIGIT no larger than `limit`; `what` names the field in the error."""
    digits = text.strip(LWS)
    # str.isdigit alone accepts other scripts, and int() of thousands of digits is quadratic.
    if digits.isascii() and digits.isdigit():
        significant = digits if len(digits) <= MAX_DIGITS else digits.lstrip("0") or "0"
        if len(significant) <= MAX_DIGITS and (number := int(significant)) <= limit:
            return number
    raise MessageError(400, f"{what} is not a number from 0 to {limit}: {digits[:40]!r}")


def split_outside_quotes(text: str, separator: str) -> list[str]:
    """Split at each `separator` (a comma or semicolon) outside quoted strings and <...>."""
    if '"' not in text and "<" not in text:
        return text.split(separator)
    parts: list[str] = []
    start, escaped_at = 0, -1
    quoted = angle = False
    for match in _MARKS.finditer(text):
        at = match.start()
        mark = text[at]
        if at == escaped_at:
            continue
        if quoted:
            if mark == "\\":
                escaped_at = at + 1
            elif mark == '"':
                quoted = False
        elif angle:
            angle = mark != ">"
        elif mark == separator:
            parts.append(text[start:at])
            start = at + 1
        elif mark == '"':
            quoted = True
        elif mark == "<":
            angle = True
    parts.append(text[start:])
    return parts


def end_of_quoted(text: str) -> int:
    """Index after the quoted string that begins at text[0]; MessageError when it never ends."""
    escaped_at = -1
    for match in _QUOTE_MARKS.finditer(text, 1):
        at = match.start()
        if at == escaped_at:
            continue
        if text[at] == '"':
            return at + 1
        escaped_at = at + 1
    raise MessageError(400, f"unterminated quoted string: {text[:40]!r}")


def unquote(quoted: str) -> str:
    """The text of a quoted string, given with its quotes; each `\\x` stands for x."""
    inner = quoted[1:-1]
    return _ESCAPED.sub(r"\1", inner) if "\\" in inner else inner


def quote(text: str) -> str:
    """A quoted string; quotes, backslashes and NUL become quoted pairs (RFC 3261 25.1)."""
    return '"' + _NEEDS_ESCAPE.sub(r"\\\1", text) + '"'
