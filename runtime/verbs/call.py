"""`callstage call`: one call of the small SIP phone, told to a person or as one JSON object."""

from __future__ import annotations
