"""Names of VoxEngine's that few scenarios use, each with its effect."""

from __future__ import annotations

import pytest

from runtime.testing import Sim, answers
from tests.testing.rules.scripts import script


async def test_send_message_reaches_the_peer(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            await e.call.answer()
            e.call.sendMessage("a text")
        """)
    )
    caller = await sim.call()
    assert (await caller.sees("message")).body == "a text"
    caller.hang_up()


async def test_remove_event_listener_takes_back_what_the_session_listened_to(sim: Sim) -> None:
    sim.load_text(
        script("""
        def first(e):
            Logger.write("first")
        VoxEngine.addEventListener(AppEvents.Started, first)
        VoxEngine.addEventListener(AppEvents.Started, lambda: Logger.write("second"))
        VoxEngine.removeEventListener(AppEvents.Started, first)
        @on_call
        def alerting(e):
            e.call.reject(603)
        """)
    )
    caller = await sim.call()
    await caller.ended()
    assert sim.logs == ["second"]


async def test_destroy_conference_ends_the_mixer(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            await e.call.answer()
            room = VoxEngine.createConference(hd_audio=True)
            room.addEventListener(ConferenceEvents.Started, lambda: Logger.write("started"))
            room.addEventListener(ConferenceEvents.Stopped, lambda: Logger.write("stopped"))
            VoxEngine.destroyConference(room)
        """)
    )
    caller = await sim.call()
    await caller.connected()
    await sim.settle()
    assert sim.logs == ["started", "stopped"]
    caller.hang_up()


async def test_a_sequence_player_tells_of_each_step(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            await e.call.answer()
            player = VoxEngine.createSequencePlayer(segments=[{"text": "one"}, {"text": "two"}])
            for event in (
                SequencePlayerEvents.Created, SequencePlayerEvents.PlaybackReady,
                SequencePlayerEvents.Started, SequencePlayerEvents.PlaybackMarkerReached,
                SequencePlayerEvents.PlaybackFinished, SequencePlayerEvents.Stopped,
                SequencePlayerEvents.Error,
            ):
                player.addEventListener(event, lambda e: Logger.write(e.name[15:]))
            player.addMarker(0, 1)
            player.sendMediaTo(e.call)
        """)
    )
    caller = await sim.call()
    await caller.hears("two")
    await sim.advance(5)
    assert sim.logs == [
        "Created",
        "PlaybackReady",
        "Started",
        "PlaybackMarkerReached",
        "PlaybackFinished",
    ]
    caller.hang_up()


@pytest.mark.parametrize("state", ["ALERTING", "CONNECTED", "TERMINATED"])
async def test_call_state_names_each_step_of_a_call(sim: Sim, state: str) -> None:
    sim.load_text(
        script("""
        def tell(call):
            Logger.write(next(state for state in CallState if state == call.state()).name)
        @on_call
        def alerting(e):
            assert CallState.PROGRESSING == "PROGRESSING"
            tell(e.call)
            e.call.addEventListener(CallEvents.Connected, lambda c: tell(c.call))
            e.call.addEventListener(CallEvents.Disconnected, lambda c: tell(c.call))
            e.call.answer()
        """)
    )
    caller = await sim.call()
    await caller.connected()
    caller.hang_up()
    await sim.settle()
    assert state in sim.logs
    assert len(sim.logs) == 3


async def test_recordings_take_the_options_of_voxengine(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            await e.call.answer()
            e.call.addEventListener(CallEvents.RecordStarted, lambda r: Logger.write("recorded"))
            for wrong in ({"expire": "-9y"}, {"recordNamePrefix": "a\\nb"}):
                try:
                    e.call.record(**wrong)
                except ValueError as exc:
                    Logger.write(exc)
            e.call.record(
                hd_audio=True, expire=RecordExpireTime.SIXMONTHS, recordNamePrefix="shop/"
            )
        """)
    )
    caller = await sim.call()
    await caller.connected()
    await sim.advance(1)
    assert sim.logs == [
        "Call.record(): expire must be one of RecordExpireTime, not '-9y'",
        "Call.record(): recordNamePrefix must be at most 256 printable characters",
        "recorded",
    ]
    caller.hang_up()


async def test_say_takes_progressive_playback(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            await e.call.answer()
            e.call.say("good morning", progressivePlayback=True)
        """)
    )
    caller = await sim.call()
    await caller.hears("good morning")
    caller.hang_up()


async def test_start_playback_takes_progressive_playback(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            await e.call.answer()
            e.call.startPlayback("http://example.com/a.mp3", progressivePlayback=True)
        """)
    )
    caller = await sim.call()
    await caller.hears("a.mp3")
    caller.hang_up()


@pytest.mark.parametrize(
    "dial",
    [
        'VoxEngine.callSIP("sip:bob@example.com", amd=machine)',
        'VoxEngine.callPSTN("+442079460999", "+442079460001", amd=machine)',
        'VoxEngine.callUser(username="bob", callerid="alice", amd=machine)',
    ],
)
async def test_every_way_to_call_takes_a_detector_as_amd(sim: Sim, dial: str) -> None:
    sim.on_dial("*", answers())
    sim.load_text(
        script(
            """
        @on_call
        def alerting(e):
            machine = AMD.create(model=AMD.Model.US, timeout=1000)
            bob = """
            + dial
            + """
            bob.addEventListener(
                CallEvents.AudioIdentificationStarted, lambda: Logger.write("listening"))
            bob.addEventListener(
                CallEvents.AudioIdentificationError, lambda: Logger.write("not possible"))
            bob.addEventListener(CallEvents.Connected, lambda b: setTimeout(b.call.hangup, 3000))
            e.call.reject(603)
        """
        )
    )
    caller = await sim.call()
    await caller.ended()
    await sim.advance(10)
    assert sim.logs == ["listening"]


async def test_the_older_names_of_beep_detection_tell_the_same(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            call = e.call
            call.addEventListener(
                CallEvents.VoicemailToneDetected, lambda v: Logger.write(f"{v.frequency:g} Hz"))
            call.addEventListener(
                CallEvents.VoicemailToneNotDetected, lambda: Logger.write("nothing"))
            await call.answer()
            call.detectVoicemailTone(5)
            await VoxEngine.sleep(3)
            call.detectVoicemailTone(5)
        """)
    )
    caller = await sim.call()
    await caller.connected()
    await caller.beep(1000)
    await sim.advance(10)
    assert sim.logs == ["1000 Hz", "nothing"]
    caller.hang_up()


async def test_an_event_that_is_never_fired_says_why(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        def alerting(e):
            e.call.addEventListener(CallEvents.PushSent, print)
            e.call.reject(603)
        """)
    )
    caller = await sim.call()
    await caller.ended()
    assert sim.logs == [
        "Call.PushSent is never fired here: push notifications are the vendor's service; "
        "registered phones ring"
    ]


async def test_older_scripts_name_voices_by_country_language_and_gender(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            await e.call.answer()
            e.call.say("hello", Language.UK_ENGLISH_FEMALE, {"rate": "slow"})
        """)
    )
    caller = await sim.call()
    await caller.hears("hello")
    said = next(row for row in sim.timeline if row.what == "media.say")
    assert "en-GB+female" in str(said.detail)
    assert "'rate': 'slow'" in str(said.detail)
    caller.hang_up()


async def test_a_recording_takes_the_names_of_transcription(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            e.call.addEventListener(CallEvents.AudioQualityDetected, lambda q: Logger.write(
                q.quality == CallAudioQuality.STANDARD))
            await e.call.answer()
            e.call.record({
                "transcribe": True, "language": ASRLanguage.ENGLISH_US,
                "dict": [ASRDictionary.ADDRESS], "provider": TranscriptionProvider.GOOGLE,
            })
        """)
    )
    caller = await sim.call()
    await caller.connected()
    await sim.settle()
    assert len(sim.recordings) == 1
    assert sim.logs == ["Call.record(): option transcribe has no effect in this version", "True"]
    caller.hang_up()


async def test_a_model_of_any_provider_is_told_to_the_recogniser(sim: Sim) -> None:
    sim.load_text(
        script("""
        VoxEngine.createASR({"profile": ASRProfileList.YandexV3.auto,
                             "model": ASRModelList.Yandex.general})
        VoxEngine.createASR({"profile": ASRProfileList.Google.en_US, "model": ASRModel.PHONE_CALL})
        """)
    )
    sim.leave_open()
    recognisers = [sim.sockets.expect_recogniser() for _ in range(2)]
    await sim.start()
    for each in recognisers:
        await each.opened()
    assert {each.wishes["model"] for each in recognisers} == {"general", "phone_call"}


async def test_the_scheme_of_an_incoming_call_may_follow_the_options_of_call_sip(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        def alerting(e):
            VoxEngine.callSIP("sip:bob@example.com", {"callerid": e.callerid}, e.scheme)
        """)
    )
    bob = sim.expect_call("sip:bob@*")
    caller = await sim.call(number="+442079460123")
    assert (await bob.invited()).callerid == "+442079460123"
    bob.busy()
    caller.hang_up()


async def test_language_is_the_older_name_of_voice(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            await e.call.answer()
            await e.call.say("hello", {"language": VoiceList.Google.en_GB_Wavenet_A})
            player = VoxEngine.createTTSPlayer("again", language=Language.UK_ENGLISH_MALE)
            player.sendMediaTo(e.call)
        """)
    )
    caller = await sim.call()
    await caller.hears("again")
    spoken = [row.detail for row in sim.timeline if row.what in ("media.say", "player.create_tts")]
    assert [str(each).count("en-GB") for each in spoken] == [1, 1]
    caller.hang_up()
