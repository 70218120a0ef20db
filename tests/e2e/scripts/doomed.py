"""Ends in the way X-Way says: at an INFO once answered, or with X-Target as soon as that rings.

With X-Join the two calls are answered and hear each other first.
"""

import traceback

from runtime import AppEvents, Call, CallEvents, Logger, VoxEngine

held: list[bytearray] = []


def crash() -> None:
    traceback.sys.modules["os"].abort()  # type: ignore[attr-defined]


def eat() -> None:
    while True:
        held.append(bytearray(1 << 20))


def hang() -> None:
    Logger.write("hangs")
    sum(range(10**15))


WAYS = {"crash": crash, "eat": eat, "hang": hang}


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    call, way, target = e.call, WAYS[e.headers["X-Way"]], e.headers.get("X-Target")
    call.on(CallEvents.InfoReceived)(way)
    if target is None:
        await call.answer()
        return
    other = VoxEngine.callSIP(target, callerid=call.callerid())
    if "X-Join" in e.headers:
        await join(call, other)
    else:
        other.on(CallEvents.Ringing)(way)


async def join(call: Call, other: Call) -> None:
    await call.answer()
    await other.answered()
    VoxEngine.sendMediaBetween(call, other)
    Logger.write("joined")
