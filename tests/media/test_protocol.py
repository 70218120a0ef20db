"""Messages of the engine's link: every one survives its JSON, and nothing else is understood."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runtime.media.findings import (
    BeepHeard,
    Detection,
    DetectionRefused,
    MachineJudged,
    ProgressToneHeard,
    VoiceChanged,
)
from runtime.media.port import (
    AudioMissing,
    DigitsSent,
    FirstPacketReceived,
    LegClosed,
    LegMeasured,
    LegStatistics,
    PlayerFed,
    PlayerFinished,
    PlayerMarkerReached,
    PlayerStarted,
    PlayerStarved,
    RecorderClosed,
    RtpResumed,
    RtpStopped,
    RtpStream,
    ToneReceivedFromPeer,
)
from runtime.media.protocol import (
    AddMarker,
    CloseUnit,
    Command,
    ConfigureLeg,
    Connect,
    Detect,
    Disconnect,
    EngineReady,
    EngineRefused,
    EngineReport,
    Event,
    HandleTones,
    LegOpened,
    LegRefused,
    MeasureLeg,
    MuteRecorder,
    OpenConference,
    OpenLeg,
    OpenPlayer,
    OpenRecorder,
    OpenTonePlayer,
    PausePlayer,
    ProtocolError,
    ResumePlayer,
    SendDigits,
    StartEngine,
    TapLeg,
    TicksSkipped,
    UnitEvent,
    decode_commands,
    decode_events,
    encode_commands,
    encode_events,
)
from runtime.media.tone_script import ToneScript, ToneStep
from runtime.sandbox.levels import Act, Lock, SandboxReport

SANDBOX = SandboxReport(
    locks=(Lock("seccomp", True, "kernel filter"),), acts=(Act("fork", True, "EPERM"),)
)
STREAM = RtpStream(
    remote_host="192.0.2.1",
    remote_port=4000,
    remote_rtcp_port=4001,
    codec="PCMA",
    send_payload_type=8,
    receive_payload_types=frozenset({0, 8}),
    dtmf_send_payload_type=101,
    ptime_ms=10,
    sending=False,
)
SCRIPT = ToneScript(
    label="busy", steps=(ToneStep(frequencies_hz=(425.0,), duration_ms=500),), loop=False
)
COMMANDS: list[Command] = [
    StartEngine(host="::1", first_port=10000, last_port=19999, max_legs=5, max_players=9),
    OpenLeg(1),
    ConfigureLeg(1, STREAM),
    HandleTones(1, True),
    Detect(1, Detection(digits=True, beeps_hz=(850.0, 1000.0), progress_of="US", owner="acme")),
    MeasureLeg(1),
    SendDigits(1, "12p#"),
    OpenPlayer(unit=2, fd=0, loop=True, paused=False),
    OpenTonePlayer(unit=3, script=SCRIPT, paused=True),
    PausePlayer(2),
    ResumePlayer(2),
    AddMarker(2, 1500),
    OpenConference(4),
    OpenRecorder(unit=5, fd=1),
    TapLeg(5, 1),
    MuteRecorder(5, True),
    CloseUnit(5),
    Connect(2, 1),
    Disconnect(2, 1),
]
EVENTS: list[UnitEvent] = [
    LegOpened(rtp_port=10000, rtcp_port=10001),
    LegRefused(reason="no ports"),
    FirstPacketReceived(),
    ToneReceivedFromPeer(tone="#", duration_ms=80),
    DigitsSent(),
    RtpStopped(),
    RtpResumed(),
    AudioMissing(cause="no packet came"),
    VoiceChanged(active=True),
    BeepHeard(frequency_hz=850.2, duration_ms=400),
    MachineJudged(human=None, rule="no rule decided in time", words=2),
    ProgressToneHeard(tone="busy", country="DE"),
    DetectionRefused(reason="too many"),
    LegMeasured(statistics=LegStatistics(packets_lost=2)),
    LegClosed(statistics=LegStatistics(packets_sent=3, round_trip_ms=1.5)),
    PlayerStarted(),
    PlayerMarkerReached(offset_ms=7),
    PlayerStarved(),
    PlayerFed(missed_frames=3),
    PlayerFinished(),
    PlayerFinished(error="broken"),
    RecorderClosed(frames=5, overrun_frames=0),
    EngineReady(max_legs=7, sandbox=SANDBOX),
    EngineRefused(reason="no"),
    EngineReport(frames=50),
    TicksSkipped(frames=9),
]


def over_the_wire(packet: dict[str, Any]) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(packet))
    return copy


def test_every_command_survives_the_wire() -> None:
    assert {type(c) for c in COMMANDS} == set(Command.__args__)
    assert decode_commands(over_the_wire(encode_commands(COMMANDS))) == COMMANDS


def test_the_engine_is_told_for_whom_it_listens() -> None:
    command = Detect(1, Detection(voice=True, owner="acme"))
    (crossed,) = decode_commands(over_the_wire(encode_commands([command])))
    assert isinstance(crossed, Detect)
    assert crossed.what.owner == "acme"


def test_every_event_survives_the_wire() -> None:
    assert {type(e) for e in EVENTS} == set(UnitEvent.__args__)
    events = [Event(n, what) for n, what in enumerate(EVENTS)]
    assert decode_events(over_the_wire(encode_events(events))) == events


@pytest.mark.parametrize(
    "packet",
    [
        {},
        {"commands": "all"},
        {"commands": ["OpenLeg"]},
        {"commands": [None]},
        {"commands": [{"do": "Fly", "unit": 1}]},
        {"commands": [{"unit": 1}]},
        {"commands": [{"do": "OpenLeg"}]},
        {"commands": [{"do": "OpenLeg", "unit": "one"}]},
        {"commands": [{"do": "OpenLeg", "unit": 1, "colour": "red"}]},
        {"events": [{"unit": 1, "what": {"is": "PlayerStarted"}}]},
    ],
)
def test_anything_else_is_a_protocol_error(packet: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        decode_commands(packet)


def test_events_are_not_commands() -> None:
    with pytest.raises(ProtocolError, match="without a list of events"):
        decode_events(encode_commands(COMMANDS))
