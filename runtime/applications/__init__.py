from runtime.applications.desk import Applications as Applications
from runtime.applications.faults import Refused as Refused

__all__ = ["Applications", "Refused"]
