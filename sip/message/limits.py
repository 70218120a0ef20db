"""Bounds on what one SIP message may make us read, each with the reason for its size.

Every scanner of this package is linear in its input; these bounds keep the input itself small.
"""

from typing import Final

MAX_DATAGRAM_BYTES: Final = 65_535
"""The largest UDP payload there can be (RFC 768: a 16-bit length)."""

MAX_HEAD_BYTES: Final = 65_536
"""Start line and headers together. Real INVITEs stay below 8 KiB; a STIR Identity header adds 2."""

MAX_BODY_BYTES: Final = 262_144
"""A body on a stream. SDP with ICE is below 16 KiB; a multipart with a picture may be larger."""

MAX_HEADERS: Final = 256
"""Header lines in one message: 70 Vias (Max-Forwards) and as many Record-Routes leave room."""

MAX_HEADER_BYTES: Final = 16_384
"""One header value. The longest seen in use are Identity tokens of about 4 KiB."""

MAX_URI_CHARS: Final = 4_096
"""One URI. A Refer-To with an embedded Replaces is about 400; longer than this is answered 414."""

MAX_PARAMETERS: Final = 64
"""Parameters of one URI or header value. A GRUU contact with feature tags has about 20."""

MAX_HOST_CHARS: Final = 255
"""A domain name (RFC 1035 2.3.4)."""

MAX_DIGITS: Final = 10
"""Significant digits of any number: 2**32 - 1 has ten (RFC 3261 25.1, delta-seconds, CSeq)."""

MAX_CSEQ: Final = 2**31 - 1
"""RFC 3261 8.1.1.5: less than 2**31."""

MAX_FORWARDS: Final = 255
"""RFC 3261 20.22: an integer from 0 to 255."""
