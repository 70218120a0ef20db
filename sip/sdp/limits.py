"""Bounds on one session description, each with the reason for its size."""

from typing import Final

MAX_BYTES: Final = 65_536
"""A browser's offer with candidates for audio and video is below 16 KiB."""

MAX_LINES: Final = 2_000
"""The same offer has about 200 lines."""

MAX_MEDIA: Final = 32
"""m= lines; each refused one costs a line of our answer."""

MAX_FORMATS: Final = 128
"""Formats of one m= line: there are 128 RTP payload types (RFC 3550 5.1)."""

MAX_DIGITS: Final = 10
"""Digits of a port, clock rate or time."""

MAX_LISTED: Final = 12
"""Offered formats named in one refusal; a Warning header is read by people."""

MAX_LABEL_CHARS: Final = 40
"""Of a peer's own words (a codec or protocol name) quoted in a refusal."""

MAX_WARNING_CHARS: Final = 600
"""The whole text of a refusal; a header of this size passes every element on the way back."""

MAX_CRYPTO_LINES: Final = 16
"""a=crypto lines of one stream that are read; peers offer one to eight."""

MAX_CRYPTO_CHARS: Final = 512
"""Of one such line; the longest usable one has about 120."""
