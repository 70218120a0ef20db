"""The caller hears himself."""

from runtime import AppEvents, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    e.call.sendMediaTo(e.call)
    await e.call.answer()
