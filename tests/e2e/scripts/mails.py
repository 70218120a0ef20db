"""Tells somebody by mail that it was called, with a long text; logs what the relay said."""

from runtime import AppEvents, Logger, Net, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    result = await Net.sendMailAsync(
        "", "pbx@example.com", "ann@example.com", "Missed call", f"{e.callerid}\n" + "é" * 100_000
    )
    Logger.write(f"mailed {result.code} {result.error}")
    e.call.reject(486)
