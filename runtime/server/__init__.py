from runtime.server.server import Listening as Listening
from runtime.server.server import Server as Server
from runtime.server.server import StartError as StartError

__all__ = ["Listening", "Server", "StartError"]
