"""Rings everybody in X-Targets at once, joins the first who answers, and tells who ended it."""

from runtime import AppEvents, Logger, NobodyAnswered, VoxEngine, bridge, first_answered


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    await e.call.answer()
    calls = [
        VoxEngine.callSIP(target, callerid="4711") for target in e.headers["X-Targets"].split()
    ]
    try:
        agent = await first_answered(calls, timeout=20, earlyMedia=e.call)
    except NobodyAnswered as exc:
        Logger.write(f"{e.callerid} {exc}")
        VoxEngine.terminate()
        return
    Logger.write(f"{e.callerid} joined {calls.index(agent)}")
    result = await bridge(e.call, agent, hangup=True)
    who = "caller" if result.by is e.call else "agent"
    Logger.write(f"{e.callerid} {result.reason} by {who}")
