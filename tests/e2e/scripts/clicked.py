"""Click-to-call: what is asked at the access URL places a call, looks at it, and ends it."""

import json

from runtime import AppEvents, Call, CallEvents, Logger, VoxEngine

calls: list[Call] = []


@VoxEngine.on(AppEvents.HttpRequest)
async def asked(e: AppEvents.HttpRequest) -> object:
    match e.path.partition("?")[0].split("/")[3:]:
        case ["call"]:
            wanted = json.loads(e.content)
            call = VoxEngine.callSIP(wanted["to"], callerid="4711")
            call.addEventListener(CallEvents.Disconnected, lambda: Logger.write("it is over"))
            calls.append(call)
            outcome = await call.answered(timeout=15)
            call.startPlayback("440-long.wav")
            return {"answered": bool(outcome)}
        case ["status"]:
            return [call.state() for call in calls]
        case ["wait"]:
            await VoxEngine.sleep(30)
            return "slept"
        case ["end"]:
            VoxEngine.terminate()
            return "good bye"
        case _:
            return f"{e.method} {e.headers['X-Kind']} {e.content}"
