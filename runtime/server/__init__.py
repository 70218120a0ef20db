from runtime.server.fault import StartError as StartError
from runtime.server.fault import leaves as leaves
from runtime.server.fault import numbered as numbered
from runtime.server.server import Listening as Listening
from runtime.server.server import Server as Server

__all__ = ["Listening", "Server", "StartError", "leaves", "numbered"]
