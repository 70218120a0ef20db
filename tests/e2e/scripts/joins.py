"""A caller's way into a shared session of another rule, whose name is in X-Conference."""

from runtime import AppEvents, CallEvents, Logger, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    room = VoxEngine.callConference(
        e.headers["X-Conference"], e.callerid, "a guest", {"X-From": e.destination}
    )
    room.on(CallEvents.Failed)(lambda f: Logger.write(f"conference failed {f.code} {f.reason}"))
    VoxEngine.easyProcess(e.call, room)
