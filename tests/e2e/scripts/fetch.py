"""Answers, asks the web server named in X-Web for what X-Ask says, logs it, and hangs up."""

from collections.abc import Callable

from runtime import AppEvents, HttpRequestResult, Logger, Net, VoxEngine

BASE = ""


def report(what: str) -> Callable[[HttpRequestResult], None]:
    def done(result: HttpRequestResult) -> None:
        Logger.write(f"{what}: {result.code} {result.text[:60]!r} {result.error}")

    return done


async def plain() -> None:
    posted = await Net.httpRequestAsync(
        f"{BASE}/page?token=abc123&n=1",
        method="POST",
        postData="größe",
        headers=["X-Kind: test", "Content-Type: text/plain"],
    )
    report("posted")(posted)
    Logger.write(f"header {posted.headers['x-served-by']}")


async def large() -> None:
    body = bytes(range(256)) * 4096
    options = {"method": "PUT", "postData": body, "rawOutput": True}
    made = [Net.httpRequestAsync(f"{BASE}/large", options) for _ in range(3)]
    sizes = [len((await each).data or b"") for each in made]
    Logger.write(f"large: {sizes}")


async def secret() -> None:
    key = VoxEngine.getSecretValue("crm")
    Logger.write(f"missing: {VoxEngine.getSecretValue('nothing')}")
    headers = {"Authorization": f"Bearer {key}"}
    answer = await Net.httpRequestAsync(f"{BASE}/echo", headers=headers)
    Logger.write(f"masked: {answer.code} {answer.text == key}")
    elsewhere = BASE.replace("127.0.0.1", "localhost")
    report("elsewhere")(await Net.httpRequestAsync(f"{elsewhere}/echo", headers=headers))


async def farewell() -> None:
    Net.httpRequest(f"{BASE}/slow", report("after terminate"))
    VoxEngine.terminate()


@VoxEngine.on(AppEvents.Terminating)
async def last() -> None:
    report("terminating")(await Net.httpRequestAsync(f"{BASE}/last", method="POST"))


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    global BASE
    BASE = e.headers["X-Web"]
    await e.call.answer()
    asks = {"plain": plain, "large": large, "secret": secret, "farewell": farewell}
    await asks[e.headers["X-Ask"]]()
    e.call.hangup()
    VoxEngine.terminate()
