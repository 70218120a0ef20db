"""Transfers the caller, or X-Target, as the X- headers say, and writes down what comes of it."""

from runtime import AppEvents, CallEvents, Logger, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    name, wishes, call = e.callerid, e.headers, e.call

    def tell(text: str) -> None:
        Logger.write(f"{name} {text}")

    call.addEventListener(CallEvents.Disconnected, VoxEngine.terminate)
    await call.answer()
    if "X-Target" in wishes:
        call = VoxEngine.callSIP(wishes["X-Target"])
        VoxEngine.sendMediaBetween(call, e.call)
        await call.answered()
    call.on(CallEvents.TransferComplete)(lambda t: tell(f"complete {t.role}"))
    call.on(CallEvents.TransferFailed)(lambda t: tell(f"failed {t.code} {t.reason}"))
    call.on(CallEvents.Disconnected)(lambda d: tell(f"gone {d.internalCode} {d.reason}"))

    @call.on(CallEvents.BlindTransferRequested)
    def requested(t: CallEvents.BlindTransferRequested) -> None:
        tell(f"asked for {t.transferTo} {dict(t.headers)}")
        if "Replaces" in t.headers:
            take_over(t)
        elif t.transferTo == "busy":
            call.notifyBlindTransferFailed(486, "Busy Here")
        else:
            call.notifyBlindTransferSuccess()

    def take_over(t: CallEvents.BlindTransferRequested) -> None:
        replaces = wishes.get("X-Made-Up", t.headers["Replaces"])
        there = VoxEngine.callSIP(t.headers["Refer-To"], extraHeaders={"Replaces": replaces})
        VoxEngine.sendMediaBetween(call, there)
        there.on(CallEvents.Connected)(lambda _: call.notifyBlindTransferSuccess())
        there.on(CallEvents.Failed)(lambda f: call.notifyBlindTransferFailed(f.code, f.reason))

    call.on(CallEvents.MessageReceived)(lambda m: call.sendMessage(m.text.upper()))
    if "X-Handle" in wishes:
        call.handleBlindTransfer(True)
        tell("handles")
    if "X-Play" in wishes:
        call.startPlayback("440.wav", loop=True)
    if "X-Transfer-To" in wishes:
        call.transferTo(to=wishes["X-Transfer-To"], headers={"X-Ticket": "7"})
    if "X-Join" in wishes:
        call.transferTo(e.call)
