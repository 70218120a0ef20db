"""What the scripts of these tests have in common: they log every event that they are sent."""

from __future__ import annotations

from textwrap import dedent
from typing import Final

PRELUDE: Final = '''
from runtime import *

CALL_EVENTS = [
    "Call.Ringing", "Call.AudioStarted", "Call.Connected", "Call.Failed", "Call.Disconnected",
    "Call.PlaybackReady", "Call.PlaybackStarted", "Call.PlaybackFinished",
    "Call.RecordStarted", "Call.RecordStopped", "Call.RecordError",
    "Call.ToneReceived", "Call.OnHold", "Call.OffHold", "Call.InfoReceived",
    "Call.MessageReceived",
]
APP_EVENTS = [
    "Application.Started", "Application.CallAlerting", "Application.Terminating",
    "Application.Terminated",
]

def log_calls(call, who="call"):
    """One log line for each event of the call: "call Connected"."""
    for name in CALL_EVENTS:
        call.addEventListener(name, lambda e, n=name: Logger.write(f"{who} {n[5:]}"))

def log_app():
    for name in APP_EVENTS:
        VoxEngine.addEventListener(name, lambda e, n=name: Logger.write(n[12:]))

def on_call(function):
    VoxEngine.addEventListener(AppEvents.CallAlerting, function)
    return function
'''


def script(body: str) -> str:
    """A scenario with these helpers."""
    return PRELUDE + dedent(body)
