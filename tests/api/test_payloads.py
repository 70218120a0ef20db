"""The payload of every event: the fields of the reference, and no others, with their types."""

from __future__ import annotations

import attrs
import pytest

from runtime import AppEvents, CallEvents, PlayerEvents, RecorderEvents
from runtime.api.events import Event, by_name
from runtime.testing import Sim
from tests.testing.rules.scripts import script

HEADERS = {"headers"}
DOCUMENTED: dict[str, set[str]] = {
    "AudioIdentificationError": set(),
    "AudioIdentificationResult": {"audioType", "audioSubType", "confidence"},
    "AudioIdentificationStarted": set(),
    "AudioIdentificationStopped": set(),
    "AudioQualityDetected": {"quality"},
    "AudioStarted": HEADERS,
    "BeepDetectionComplete": {"frequencies", "timeout"},
    "BeepDetectionError": {"reason"},
    "BlindTransferRequested": {*HEADERS, "transferTo"},
    "Connected": {*HEADERS, "customData", "scheme"},
    "Disconnected": {*HEADERS, "internalCode", "reason", "duration", "cost", "direction"},
    "Failed": {*HEADERS, "code", "reason"},
    "FirstAudioPacketReceived": set(),
    "FirstVideoPacketReceived": set(),
    "Forwarding": set(),
    "InfoReceived": {*HEADERS, "mimeType", "body"},
    "MediaStatisticsReceived": {"audio"},
    "MessageReceived": {*HEADERS, "text"},
    "MicStatusChange": {"active"},
    "OffHold": set(),
    "OnHold": set(),
    "PlaybackFinished": {"error"},
    "PlaybackReady": set(),
    "PlaybackStarted": {"duration"},
    "PushSent": {"result"},
    "ReInviteAccepted": {*HEADERS, "mimeType", "body"},
    "ReInviteReceived": {*HEADERS, "mimeType", "body"},
    "ReInviteRejected": HEADERS,
    "RecordError": {"error"},
    "RecordStarted": {"url"},
    "RecordStopped": {"url", "cost", "duration"},
    "Ringing": HEADERS,
    "RtpResumed": set(),
    "RtpStopped": set(),
    "StateChanged": {"oldState", "newState"},
    "Statistics": set(),
    "ToneDetected": {"ProgressTone", "VoicemailTone"},
    "ToneReceived": {"tone", "type"},
    "TransferComplete": {*HEADERS, "role"},
    "TransferFailed": {*HEADERS, "role", "code", "reason"},
    "VideoTrackCreated": {"url"},
    "VoicemailToneDetected": {"frequency"},
    "VoicemailToneNotDetected": set(),
}
"""Besides call, name and id, which every one has."""


def fields(event: type[Event]) -> set[str]:
    return set(attrs.fields_dict(event))


def test_call_events_have_the_fields_of_the_reference() -> None:
    for name, documented in DOCUMENTED.items():
        event: type[Event] = getattr(CallEvents, name)
        assert fields(event) == {"call", *documented}, name
        assert hasattr(event, "id"), name
        assert hasattr(event, "name"), name
    assert set(DOCUMENTED) == {name for name in dir(CallEvents) if not name.startswith("_")}


def test_other_events_have_their_documented_fields() -> None:
    assert fields(AppEvents.CallAlerting) == {
        "call", "callerid", "destination", "toURI", "fromURI", "displayName", "headers",
        "customData", "scheme",
    }  # fmt: skip
    assert fields(AppEvents.Started) == {
        "accessURL", "accessSecureURL", "accountId", "applicationId", "logURL", "sessionId",
        "conference_name",
    }  # fmt: skip
    assert fields(PlayerEvents.Started) == {"player", "duration"}
    assert fields(PlayerEvents.PlaybackMarkerReached) == {"player", "offset"}
    assert fields(RecorderEvents.Stopped) == {"recorder", "cost", "duration"}


WATCH = script("""
    import attrs

    def tell(e):
        told = {name: type(getattr(e, name)).__name__ for name in attrs.fields_dict(type(e))}
        told["id"] = type(getattr(e, "id", None)).__name__
        told.pop("call", None)
        Logger.write(f"{e.name} {told}")

    def watch(call):
        for name in FIRED:
            call.addEventListener(name, tell)

    FIRED = [f"Call.{name}" for name in (
        "AudioStarted", "Connected", "Disconnected", "Failed", "FirstAudioPacketReceived",
        "InfoReceived", "MessageReceived", "OffHold", "OnHold", "PlaybackFinished",
        "PlaybackReady", "PlaybackStarted", "RecordError", "RecordStarted", "RecordStopped",
        "Ringing", "RtpResumed", "RtpStopped", "StateChanged", "ToneReceived",
    )]

    @on_call
    def alerting(e):
        tell(e)
        watch(e.call)
        e.call.handleTones(True)
        e.call.answer()
        e.call.record()
        e.call.record()
        e.call.say("Hello.")
        for number in ("sip:bob@example.com", "sip:busy@example.com"):
            watch(VoxEngine.callSIP(number))

    VoxEngine.addEventListener(AppEvents.Started, tell)
    VoxEngine.addEventListener(AppEvents.Terminating, tell)
    VoxEngine.addEventListener(AppEvents.Terminated, tell)
    """)
EXPECTED = {
    "Application.CallAlerting": {
        "callerid": "str", "destination": "str", "toURI": "str", "fromURI": "str",
        "displayName": "str", "headers": "dict", "customData": "str", "scheme": "dict",
        "id": "NoneType",
    },
    "Application.Started": {
        "accessURL": "str", "accessSecureURL": "str", "accountId": "int", "applicationId": "str",
        "logURL": "str", "sessionId": "str", "conference_name": "NoneType", "id": "NoneType",
    },
    "Application.Terminated": {"systemError": "NoneType", "id": "NoneType"},
    "Application.Terminating": {"systemError": "NoneType", "id": "NoneType"},
    "Call.AudioStarted": {"headers": "dict", "id": "str"},
    "Call.Connected": {"customData": "str", "headers": "dict", "scheme": "dict", "id": "str"},
    "Call.Disconnected": {
        "headers": "dict", "internalCode": "int", "reason": "str", "duration": "int",
        "cost": "float", "direction": "str", "id": "str",
    },
    "Call.Failed": {"headers": "dict", "code": "int", "reason": "str", "id": "str"},
    "Call.FirstAudioPacketReceived": {"id": "str"},
    "Call.InfoReceived": {"headers": "dict", "mimeType": "str", "body": "str", "id": "str"},
    "Call.MessageReceived": {"headers": "dict", "text": "str", "id": "str"},
    "Call.OffHold": {"id": "str"},
    "Call.OnHold": {"id": "str"},
    "Call.PlaybackFinished": {"error": "NoneType", "id": "str"},
    "Call.PlaybackReady": {"id": "str"},
    "Call.PlaybackStarted": {"duration": "int", "id": "str"},
    "Call.RecordError": {"error": "str", "id": "str"},
    "Call.RecordStarted": {"url": "str", "id": "str"},
    "Call.RecordStopped": {"url": "str", "cost": "str", "duration": "int", "id": "str"},
    "Call.Ringing": {"headers": "dict", "id": "str"},
    "Call.RtpResumed": {"id": "str"},
    "Call.RtpStopped": {"id": "str"},
    "Call.StateChanged": {"oldState": "str", "newState": "str", "id": "str"},
    "Call.ToneReceived": {"tone": "str", "type": "str", "id": "str"},
}  # fmt: skip


async def test_what_is_sent_has_the_documented_types(sim: Sim) -> None:
    sim.load_text(WATCH)
    bob, busy = sim.expect_call("sip:bob@*"), sim.expect_call("sip:busy@*")
    caller = await sim.call(headers={"X-A": "1"}, display_name="Ann")
    await busy.invited()
    busy.busy()
    bob.ring()
    bob.answer()
    await caller.hears("Hello", to_the_end=True)
    await caller.press("5")
    caller.send_info("text/plain", "x")
    caller.send_message("x")
    caller.hold()
    caller.resume()
    caller.lose_network()
    await sim.advance(10)
    caller.regain_network()
    await sim.advance(1)
    caller.hang_up()
    bob.hang_up()
    await sim.advance(61)
    said: dict[str, set[str]] = {}
    for line in sim.logs:
        name, _, told = line.partition(" ")
        said.setdefault(name, set()).add(told)
    assert {name: {str(types)} for name, types in EXPECTED.items()} == said


@pytest.mark.parametrize(
    ("seconds", "duration"), [(0.2, 0), (3.4, 3), (3.9, 4), (104.9, 105), (3600.0, 3600)]
)
async def test_durations_of_calls_are_whole_seconds_and_of_playbacks_milliseconds(
    sim: Sim, seconds: float, duration: int
) -> None:
    sim.load_text(
        script("""
        @on_call
        def alerting(e):
            e.call.on(CallEvents.Disconnected)(lambda e: Logger.write(f"{e.duration} s"))
            e.call.on(CallEvents.PlaybackStarted)(lambda e: Logger.write(f"{e.duration} ms"))
            e.call.answer()
            e.call.startPlayback("http://example.com/a.mp3")
        """)
    )
    sim.sounds.set_length("http://*", 2.5)
    caller = await sim.call()
    await caller.connected()
    await sim.advance(seconds)
    caller.hang_up()
    await sim.settle()
    assert sim.logs == ["2500 ms", f"{duration} s"]


def test_every_event_can_be_listened_to_by_its_string() -> None:
    assert len(by_name(CallEvents)) == len(DOCUMENTED)
