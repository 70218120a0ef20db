"""Answers, calls X-Target, and lets the two hear each other; either end takes the other along."""

from runtime import AppEvents, CallEvents, Logger, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    call = e.call
    other = VoxEngine.callSIP(e.headers["X-Target"], callerid=call.callerid())
    for end in (CallEvents.Disconnected, CallEvents.Failed):
        call.addEventListener(end, VoxEngine.terminate)
        other.addEventListener(end, VoxEngine.terminate)
    await call.answer()
    if "X-Record" in e.headers:
        call.record(stereo=True, container="wav")
    outcome = await other.answered()
    Logger.write(f"bridge {bool(outcome)} {outcome.code}")
    VoxEngine.sendMediaBetween(call, other)
