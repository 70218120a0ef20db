"""Passes every call on to the user bob, the audio going directly between the telephones."""

from runtime import AppEvents, CallEvents, Logger, VoxEngine

TOLD = (
    CallEvents.Ringing,
    CallEvents.AudioStarted,
    CallEvents.FirstAudioPacketReceived,
    CallEvents.Connected,
    CallEvents.OnHold,
    CallEvents.OffHold,
    CallEvents.Disconnected,
)


@VoxEngine.on(AppEvents.CallAlerting)
def incoming(e: AppEvents.CallAlerting) -> None:
    bob = VoxEngine.callUserDirect(e.call, "bob", callerid=e.callerid)
    for name, call in (("caller", e.call), ("bob", bob)):
        for event in TOLD:
            call.addEventListener(
                event, lambda told, name=name: Logger.write(f"{name}: {told.name}")
            )
    bob.on(CallEvents.Failed)(lambda f: Logger.write(f"bob: failed {f.code} {f.reason}"))
    VoxEngine.easyProcess(e.call, bob, direct=True)
