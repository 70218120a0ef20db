"""Writes down how it was called, and refuses with 603."""

from runtime import AppEvents, Logger, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
def incoming(e: AppEvents.CallAlerting) -> None:
    Logger.write(f"destination <{e.destination}> to <{e.toURI}> from <{e.callerid}>")
    Logger.write(f"headers {dict(sorted(e.headers.items()))}")
    e.call.reject(603)
