"""One room for all callers of a rule with conference = true."""

from runtime import AppEvents, Call, Logger, VoxEngine

room = VoxEngine.createConference()
members: list[Call] = []


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    members.append(e.call)
    VoxEngine.sendMediaBetween(e.call, room)
    await e.call.answer()
    Logger.write(f"meeting has {len(members)}")
