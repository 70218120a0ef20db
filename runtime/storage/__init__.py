"""What outlives sessions: the key-value pairs of the applications."""

from .store import ApplicationStore as ApplicationStore

__all__ = ["ApplicationStore"]
