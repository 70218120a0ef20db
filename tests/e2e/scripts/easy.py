"""forwardCallToSIP's little sister: joins the caller with X-Target by easyProcess."""

from runtime import AppEvents, Call, Logger, VoxEngine


def established(call1: Call, call2: Call) -> None:
    Logger.write(f"easy established {call1.state()} {call2.state()}")


@VoxEngine.on(AppEvents.CallAlerting)
def incoming(e: AppEvents.CallAlerting) -> None:
    other = VoxEngine.callSIP(e.headers["X-Target"], callerid=e.callerid)
    VoxEngine.easyProcess(e.call, other, established)
