"""Plays the URL in X-Sound as it comes; X-Player: with a player, which the call hears."""

from runtime import AppEvents, CallEvents, Logger, PlayerEvents, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    call, url = e.call, e.headers["X-Sound"]
    tell = Logger.write
    call.on(CallEvents.PlaybackReady)(lambda: tell(f"{url} ready"))
    call.on(CallEvents.PlaybackStarted)(lambda p: tell(f"{url} started {p.duration}"))
    call.on(CallEvents.PlaybackFinished)(lambda p: tell(f"{url} finished {p.error}"))
    await call.answer()
    if "X-Player" not in e.headers:
        await call.startPlayback(url, progressivePlayback=True)
        call.hangup()
        return
    player = VoxEngine.createURLPlayer(url, progressivePlayback=True)
    player.on(PlayerEvents.PlaybackBuffering)(lambda: tell(f"{url} buffering"))
    player.on(PlayerEvents.PlaybackFinished)(lambda p: tell(f"{url} over {p.error}"))
    player.on(PlayerEvents.PlaybackFinished)(call.hangup)
    player.addMarker(-500)
    player.on(PlayerEvents.PlaybackMarkerReached)(lambda m: tell(f"{url} marker {m.offset}"))
    player.sendMediaTo(call)
