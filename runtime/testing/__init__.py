"""The test kit: scenarios on simulated calls, with a clock that jumps."""

from runtime.decisions.limits import Limits as Limits
from runtime.session.rules import Rule as Rule
from runtime.testing.callers import SimCallee as SimCallee
from runtime.testing.callers import SimCaller as SimCaller
from runtime.testing.dialer import answers as answers
from runtime.testing.dialer import busy as busy
from runtime.testing.dialer import refused as refused
from runtime.testing.dialer import rejects as rejects
from runtime.testing.dialer import rings as rings
from runtime.testing.dialer import silent as silent
from runtime.testing.ending import LeftOpen as LeftOpen
from runtime.testing.faults import ScenarioFailed as ScenarioFailed
from runtime.testing.hearing import Heard as Heard
from runtime.testing.hearing import speech_seconds as speech_seconds
from runtime.testing.outsiders import SimResponse as SimResponse
from runtime.testing.peers import NotHeard as NotHeard
from runtime.testing.recognition import SimRecogniser as SimRecogniser
from runtime.testing.run import run_simulation as run_simulation
from runtime.testing.simulator import Sim as Sim
from runtime.testing.sockets import SimSocket as SimSocket
from runtime.testing.web import SimRequest as SimRequest
from runtime.testing.web import WebAnswer as WebAnswer
from runtime.testing.web import WebFailure as WebFailure
from runtime.testing.web import fails as fails
from runtime.testing.web import responds as responds

__all__ = [
    "Heard",
    "LeftOpen",
    "Limits",
    "NotHeard",
    "Rule",
    "ScenarioFailed",
    "Sim",
    "SimCallee",
    "SimCaller",
    "SimRecogniser",
    "SimRequest",
    "SimResponse",
    "SimSocket",
    "WebAnswer",
    "WebFailure",
    "answers",
    "busy",
    "fails",
    "refused",
    "rejects",
    "responds",
    "rings",
    "run_simulation",
    "silent",
    "speech_seconds",
]
