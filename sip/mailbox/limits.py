"""The bounds of subscriptions to mailboxes, each with its reason."""

from __future__ import annotations

from typing import Final

MIN_EXPIRES_S: Final = 60
"""As for registrations: a phone that refreshes more often costs more than it tells."""
MAX_EXPIRES_S: Final = 3_600
"""A phone that vanished is told of messages for an hour at most; RFC 3842 3.4 advises hours."""
DEFAULT_EXPIRES_S: Final = 3_600
"""What a phone means that does not say."""
MAX_SUBSCRIPTIONS: Final = 10_000
"""All together, as many as registrations; some 3 KiB each. One user has as many as contacts."""
RETRY_AFTER_S: Final = 60
"""What a phone is told when there is no room: others expire meanwhile."""
NOTIFY_PAUSE_S: Final = 1.0
"""RFC 3842 3.10: a change is told at most once a second, the last one for sure."""
MAX_EVENT_CHARS: Final = 128
"""Of an Event with its id, which every NOTIFY repeats."""
MAX_ROUTES: Final = 20
"""Record-Route values: more proxies than any path has."""
