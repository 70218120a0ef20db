from runtime.remote.client import Client as Client
from runtime.remote.client import RemoteError as RemoteError
from runtime.remote.client import Server as Server

__all__ = ["Client", "RemoteError", "Server"]
