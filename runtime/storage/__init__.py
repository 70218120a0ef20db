"""What outlives sessions: the key-value pairs of the application."""

from .file import StorageError as StorageError
from .file import StorageFile as StorageFile
from .store import ApplicationStore as ApplicationStore

__all__ = ["ApplicationStore", "StorageError", "StorageFile"]
