"""Answers, calls X-Target as the other X- headers say, and writes down all its events."""

from typing import Any

from runtime import AppEvents, CallEvents, Logger, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    options: dict[str, Any] = {"callerid": "4711", "headers": {"X-Question": "why"}}
    for header, option in (("X-User", "authUser"), ("X-Password", "password")):
        if header in e.headers:
            options[option] = e.headers[header]
    if "X-Timeout" in e.headers:
        options["headers"]["VI-CallTimeout"] = e.headers["X-Timeout"]
    name = e.callerid

    def tell(text: str) -> None:
        Logger.write(f"{name} {text}")

    e.call.addEventListener(CallEvents.Disconnected, VoxEngine.terminate)
    await e.call.answer()
    if e.headers.get("X-Kind") == "pstn":
        other = VoxEngine.callPSTN(e.headers["X-Target"], "4711")
    else:
        other = VoxEngine.callSIP(e.headers["X-Target"], **options)
    other.on(CallEvents.Ringing)(lambda: tell("ringing"))
    other.on(CallEvents.AudioStarted)(lambda: tell("audio started"))
    other.on(CallEvents.Connected)(lambda c: tell(f"connected {dict(c.headers)}"))
    other.on(CallEvents.Failed)(lambda f: tell(f"failed {f.code} {f.reason} {dict(f.headers)}"))
    other.on(CallEvents.Disconnected)(lambda d: tell(f"gone {d.internalCode} {d.reason}"))
    if "X-Give-Up" in e.headers:
        await VoxEngine.sleep(0.4)
        other.hangup()
    if "X-Play" in e.headers and await other.answered():
        await other.startPlayback("440.wav")
        other.hangup()
