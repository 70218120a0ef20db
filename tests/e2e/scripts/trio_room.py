"""Answers, calls X-One and X-Two, and puts all three into one conference."""

from runtime import AppEvents, Call, CallEvents, Logger, VoxEngine


def enter(call: Call, room: object) -> None:
    VoxEngine.sendMediaBetween(call, room)  # type: ignore[arg-type]
    Logger.write(f"in the room: {call.number()}")


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    room = VoxEngine.createConference()
    e.call.addEventListener(CallEvents.Disconnected, VoxEngine.terminate)
    await e.call.answer()
    enter(e.call, room)
    for name in ("X-One", "X-Two"):
        member = VoxEngine.callSIP(e.headers[name], callerid="room")
        await member.answered()
        enter(member, room)
