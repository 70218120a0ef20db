"""Writes lines of all kinds to the log."""

from runtime import AppEvents, Logger, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    await e.call.answer()
    for number in range(50):
        Logger.write(f'line {number:02d} of the talker: äöü ☎ "quoted" {{braces}}')
    Logger.write("two\nlines and \x1b[31mcolour\x1b[0m")
    Logger.write("long " + "x" * 20_000)
    Logger.write("last of the talker")
