"""Fails where X-Where says: before the answer, after it, in a timer, or by computing for ever."""

from runtime import AppEvents, Call, CallEvents, Logger, VoxEngine, setTimeout


def broken() -> None:
    raise RuntimeError("the scenario is broken here")


def for_ever() -> None:
    while True:
        pass


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    where, call = e.headers["X-Where"], e.call
    VoxEngine.on(AppEvents.Terminating)(lambda t: Logger.write(f"{where} terminating"))
    call.on(CallEvents.Disconnected)(lambda d: Logger.write(f"{where} ended {d.internalCode}"))
    call.on(CallEvents.Connected)(lambda: connected(where, call))
    if where == "before":
        broken()
    if where == "loop-before":
        for_ever()
    await call.answer()
    if where == "after":
        broken()
    if where == "timer":
        setTimeout(broken, 100)
    if where == "await":
        await VoxEngine.sleep(0.2)
        broken()


def connected(where: str, call: Call) -> None:
    if where == "handler":
        broken()
    if where == "loop":
        for_ever()
