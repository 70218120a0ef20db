"""Sends the caller a player: X-Kind is sequence or tone; a key stops it, its end hangs up."""

from runtime import AppEvents, CallEvents, Logger, PlayerEvents, SequencePlayerEvents, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    call, kind = e.call, e.headers["X-Kind"]
    call.handleTones(True)
    await call.answer()
    if kind == "sequence":
        sequence = VoxEngine.createSequencePlayer(
            segments=[{"url": "440.wav"}, {"url": "880.wav"}, {"text": "Good bye."}]
        )
        sequence.on(SequencePlayerEvents.Started)(lambda s: Logger.write(f"takes {s.duration}"))
        sequence.on(SequencePlayerEvents.PlaybackMarkerReached)(
            lambda m: Logger.write(f"marker {m.offset}")
        )
        sequence.on(SequencePlayerEvents.PlaybackFinished)(call.hangup)
        sequence.addMarker(200, 1)
        sequence.sendMediaTo(call)
        return
    tone = VoxEngine.createToneScriptPlayer("440@-13,1000@-13;1(*/0/1);*(.2/.2/2)")
    tone.on(PlayerEvents.Stopped)(lambda: Logger.write("tone stopped"))
    call.on(CallEvents.ToneReceived)(tone.stop)
    tone.sendMediaTo(call)
