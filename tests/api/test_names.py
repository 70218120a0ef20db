"""Unknown names: refused at their line, with what was probably meant."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import runtime
from runtime import AppEvents, Call, CallEvents, Logger, Modules, PlayerEvents, VoiceList, VoxEngine
from runtime.api.events import by_name, resolve
from runtime.api.listeners import takes_event
from runtime.api.names import NamespaceType, close_matches


@pytest.mark.parametrize(
    ("space", "name", "message"),
    [
        (CallEvents, "PCM", "CallEvents.PCM does not exist here: audio reaches"),
        (CallEvents, "Conected", "did you mean 'Connected'"),
        (CallEvents, "playbackfinished", "did you mean 'PlaybackFinished'"),
        (PlayerEvents, "PlaybackError", "does not exist here: PlaybackFinished has an error field"),
        (CallEvents, "Answered", "does not exist here: use CallEvents.Connected"),
        (CallEvents, "Hangup", "use CallEvents.Disconnected, and CallEvents.Failed of outgoing"),
        (VoxEngine, "enqueueACDRequest", "does not exist here: there are no queues of operators"),
        (AppEvents, "HttpRequst", "did you mean 'HttpRequest'"),
        (Modules, "Recoder", "did you mean 'Recorder'"),
        (VoiceList, "Amzon", "did you mean 'Amazon'"),
        (VoiceList, "ElevenLabs", "exists in VoxEngine but is not available in this version"),
        (VoiceList.Google, "Wavenet_A", "voices are named by language and region first"),
        (VoiceList.Offline, "en_UK", "did you mean 'en_US'"),
        (VoxEngine, "callSip", "did you mean 'callSIP'"),
        (VoxEngine, "allowWebSocketConnection", "did you mean 'allowWebSocketConnections'"),
        (Logger, "wirte", "Logger has no attribute 'wirte': did you mean 'write'"),
    ],
)
def test_unknown_members_offer_the_closest_ones(space: object, name: str, message: str) -> None:
    with pytest.raises(AttributeError, match=re.escape(message)):
        getattr(space, name)


def test_a_hostile_name_is_not_repeated_at_full_length() -> None:
    with pytest.raises(AttributeError) as caught:
        getattr(VoxEngine, "x" * 1_000_000)
    assert len(str(caught.value)) < 200


def test_nothing_can_be_set_on_api_objects() -> None:
    with pytest.raises(AttributeError, match="cannot be set"):
        VoxEngine.call = 1  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="cannot be set"):
        CallEvents.PCM = 1  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="is a set of names"):
        CallEvents()


@pytest.mark.parametrize(
    ("event", "error", "message"),
    [
        ("Call.Conected", ValueError, "did you mean 'Call.Connected'"),
        ("Call.VoicemailPromptDetected", ValueError, "use AMD.create()"),
        ("Connected", ValueError, "did you mean 'Call.Connected'"),
        ("Player.Started", ValueError, "CallEvents has no event 'Player.Started'"),
        (PlayerEvents.Started, TypeError, "Player.Started is not fired here"),
        (42, TypeError, "must be one of CallEvents or its string value, not int"),
        (Call, TypeError, "must be one of CallEvents"),
    ],
)
def test_events_of_other_objects_and_unknown_strings_are_refused(
    event: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        resolve(CallEvents, event)


def test_a_constant_and_its_string_value_are_the_same_event() -> None:
    for name, event in by_name(CallEvents).items():
        assert resolve(CallEvents, name) is event is resolve(CallEvents, event)


def test_event_values_are_spelled_as_in_the_reference() -> None:
    odd = {"VideoTrackCreated": "Call.Video.TrackCreated"}
    members = {name for name in dir(CallEvents) if not name.startswith("_")}
    older = {"VoicemailToneDetected", "VoicemailToneNotDetected"}
    assert len(members - older) == 41
    for name in members:
        assert getattr(CallEvents, name).name == odd.get(name, f"Call.{name}")


def test_matches_ignore_letter_case_and_are_few() -> None:
    known = ["callSIP", "callPSTN", "callUser", "createConference"]
    assert close_matches("CALLSIP", known)[0] == "callSIP"
    assert len(close_matches("call", [f"call{n}" for n in range(50)])) == 3
    assert close_matches("", known) == []


def test_what_comes_before_the_dot_makes_nothing_similar() -> None:
    known = ["Call.Connected", "Call.Disconnected", "Call.ToneReceived", "Call.Failed"]
    assert close_matches("Call.Conected", known) == ["Call.Connected", "Call.Disconnected"]
    assert close_matches("Call.HttpRequest", known) == []


@pytest.mark.parametrize(
    ("event", "instead"),
    [
        ("Application.WebSocket", "known are AppEvents.NewWebSocketConnection"),
        ("AppEvents.OnNewWebSocketFailed", "use AppEvents.NewWebSocketFailed"),
    ],
)
def test_other_values_of_events_say_which_is_used_here(event: str, instead: str) -> None:
    with pytest.raises(ValueError, match=instead):
        resolve(AppEvents, event)


def with_default(event: object = None) -> None: ...
def optional_second(event: object, other: int = 1) -> None: ...
def star(*args: object) -> None: ...
def keyword(*, event: object) -> None: ...
def two(one: object, other: object) -> None: ...
async def later(event: object) -> None: ...


@pytest.mark.parametrize(
    ("handler", "wants"),
    [
        (lambda: None, False),
        (lambda e: None, True),
        (lambda e, n=1: None, True),
        (lambda n=1: None, False),
        (with_default, False),
        (optional_second, True),
        (star, True),
        (later, True),
        (VoxEngine.terminate, False),
        (print, True),
    ],
)
def test_the_number_of_parameters_is_read_once_and_defaults_do_not_count(
    handler: object, wants: bool
) -> None:
    assert takes_event(handler, "test") is wants


@pytest.mark.parametrize("handler", [two, keyword, "name", None, 5])
def test_what_cannot_be_a_handler_is_refused_at_registration(handler: object) -> None:
    with pytest.raises(TypeError):
        takes_event(handler, "test")


def test_a_generator_would_never_run_and_is_refused() -> None:
    async def endless():  # type: ignore[no-untyped-def]
        yield 1

    with pytest.raises(TypeError, match="must not contain yield"):
        takes_event(endless, "test")


def test_every_public_name_exists_and_the_list_is_complete() -> None:
    source = Path(inspect.getfile(runtime)).with_name("scenario_api.py").read_text()
    imported = set(re.findall(r" as (\w+)", source))
    assert set(runtime.__all__) == imported
    for name in runtime.__all__:
        assert getattr(runtime, name) is not None


def test_outside_of_a_scenario_the_api_says_so() -> None:
    for attempt in (VoxEngine.terminate, lambda: Logger.write("x"), VoxEngine.createConference):
        with pytest.raises(runtime.NoSession, match="works inside a running scenario"):
            attempt()


def test_every_public_method_documents_itself() -> None:
    for owner in (Call, type(VoxEngine), runtime.Player, runtime.Recorder, runtime.Conference):
        for name, member in inspect.getmembers(owner):
            if not name.startswith("_"):
                assert member.__doc__, f"{owner.__name__}.{name} has no docstring"


def test_name_spaces_are_of_one_kind() -> None:
    assert all(isinstance(space, NamespaceType) for space in (CallEvents, Modules, VoiceList))


@pytest.mark.parametrize(
    ("voice", "language"),
    [
        (VoiceList.Amazon.en_US_Joanna, "en-US"),
        (VoiceList.Google.de_DE_Wavenet_A, "de-DE"),
        (VoiceList.Microsoft.pt_BR_FranciscaNeural, "pt-BR"),
        (VoiceList.Yandex.ru_RU_alena, "ru-RU"),
        (VoiceList.Offline.en_GB, "en-GB"),
    ],
)
def test_voices_of_providers_are_spoken_in_their_language(voice: str, language: str) -> None:
    assert voice == language
