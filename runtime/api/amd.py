"""AMD: who answered a call, a person or a machine. VoxEngine reference: AMD.

A detector is made before the call and given to it as the option `amd`; it listens from Connected
on, and tells its result once.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final, TypeAlias

from runtime.api import amd_events
from runtime.api.call import Call
from runtime.api.handle import CommandHandle, Handle
from runtime.api.listeners import EventSource, Listeners
from runtime.api.names import NamespaceType, StrictNames
from runtime.api.options import merge
from runtime.api.running import current
from runtime.api.session import Session
from runtime.sandbox.listening_commands import (
    DetectMachine,
)

OPTIONS: Final = ("model", "thresholds", "timeout")
TIMEOUT_MS: Final = 6_500
LONGEST_MS: Final = 20_000


class AMDEvents(metaclass=NamespaceType):
    """Events of a detector. VoxEngine reference: AMD.Events."""

    _shown_as = "AMD.Events"

    DetectionComplete: TypeAlias = amd_events.DetectionComplete
    DetectionError: TypeAlias = amd_events.DetectionError


class AMDDetector(EventSource):
    """Made by AMD.create; give it to callSIP, callPSTN or callUser as `amd`.

    AMD.Events.DetectionComplete follows once: at the latest `timeout` after Connected, or right
    before the call's last event. VoxEngine reference: AMD.
    """

    __slots__ = ("_call", "_result", "_session", "_stopped", "_table", "_timeout", "_unit")
    _namespace = AMDEvents
    _shown_as = "AMD"

    def __init__(self, session: Session, timeout_ms: int) -> None:
        self._session = session
        self._timeout = timeout_ms
        self._table = Listeners(session)
        self._call: Call | None = None
        self._unit = 0
        self._stopped = False
        self._result: Handle[amd_events.DetectionComplete | amd_events.DetectionError]
        self._result = Handle("AMD.detect")

    def __repr__(self) -> str:
        return f"<AMD of {self._call or 'no call yet'}>"

    @property
    def _listeners(self) -> Listeners:
        return self._table

    def call(self) -> Call:
        """The call that it listens to. Raises ValueError before there is one."""
        if self._call is None:
            raise ValueError("AMD.call(): this detector was not given to a call yet")
        return self._call

    def detect(self) -> Detecting:
        """Wait for the result: `result = await detector.detect()` gives DetectionComplete.

        It never raises for a result; it gives DetectionError when the call cannot be listened to.
        Ending the wait does not end the detection.
        """
        self.call()
        return Detecting(self._result)

    def _listen_to(self, call: Call) -> None:
        """The call was placed: the detector begins with its connection."""
        self._call = call
        self._unit = self._session.new_unit()
        self._session.units[self._unit] = self
        command = DetectMachine(unit=call._unit, detector=self._unit, timeout_ms=self._timeout)
        self._session.command(command, CommandHandle("AMD.create"))

    def _happened(self, event: object) -> bool:
        """Settle what waits for the result, after the handlers; whether a task was waiting."""
        awaited = self._result._is_awaited()
        if isinstance(event, amd_events.DetectionComplete | amd_events.DetectionError):
            self._result._settle(event)
        return awaited


class Detecting(StrictNames):
    """The wait of AMD's detect; awaiting it gives DetectionComplete or DetectionError."""

    __slots__ = ("_handle",)

    def __init__(
        self, handle: Handle[amd_events.DetectionComplete | amd_events.DetectionError]
    ) -> None:
        self._handle = handle

    def __await__(
        self,
    ) -> Generator[Any, Any, amd_events.DetectionComplete | amd_events.DetectionError]:
        return self._handle.__await__()


class AMDModel(metaclass=NamespaceType):
    """Names of VoxEngine's models; the same rules are used for all of them."""

    _shown_as = "AMD.Model"

    BR: Final = "br"
    CL: Final = "cl"
    CO: Final = "co"
    EU_GENERAL: Final = "eu_general"
    KZ: Final = "kz"
    MX: Final = "mx"
    PE: Final = "pe"
    PH: Final = "ph"
    RU: Final = "ru"
    US: Final = "us"


class AMD(metaclass=NamespaceType):
    """Answering-machine detection. VoxEngine reference: AMD."""

    Events = AMDEvents
    Model = AMDModel
    ResultClass = amd_events.AMDResultClass
    ResultSubtype = amd_events.AMDResultSubtype

    @staticmethod
    def create(*parameters: object, **options: object) -> AMDDetector:
        """A detector for one call. Options, as keywords or one dict: timeout in milliseconds after
        Connected (0 to 20,000, default 6,500); model and thresholds are accepted and have no
        effect. Raises ValueError and TypeError for other values. VoxEngine reference: AMD.create.
        """
        given = merge("AMD.create", OPTIONS, parameters, options)
        timeout = given.get("timeout", TIMEOUT_MS)
        if type(timeout) is not int:
            kind = type(timeout).__name__
            raise TypeError(f"AMD.create(): timeout must be whole milliseconds, not {kind}")
        if not 0 <= timeout <= LONGEST_MS:
            raise ValueError(f"AMD.create(): timeout must be 0 to {LONGEST_MS:,} ms, not {timeout}")
        return AMDDetector(current(), timeout)


def detector_of(what: str, value: object) -> AMDDetector | None:
    """The option `amd` of a call. Raises TypeError, ValueError."""
    if value is None:
        return None
    if not isinstance(value, AMDDetector):
        raise TypeError(f"{what}(): amd must be what AMD.create() gave, not {type(value).__name__}")
    if value._call is not None:
        raise ValueError(f"{what}(): this detector belongs to {value._call} already; make another")
    return value
