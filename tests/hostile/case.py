"""One hostile script: what it tries, and how that must end."""

from __future__ import annotations

import attrs

PRELUDE = """
from runtime import *
import traceback, inspect, trio

sys = traceback.sys
os = sys.modules["os"]
signal = sys.modules["signal"]
SIGNAL = 9
CONTROL = False


def ctypes():
    return sys.modules["runtime.sandbox.landlock"].ctypes


def tell(act, *arguments):
    try:
        result = act(*arguments)
    except BaseException as exc:
        Logger.write(f"refused {type(exc).__name__}")
    else:
        Logger.write(f"done {str(result)[:60]}")
    return None


def inside():
    "The worker's own object, found by walking up the frames."
    frame = sys._getframe()
    while frame is not None:
        if type(frame.f_locals.get("self")).__name__ == "Dispatcher":
            return frame.f_locals["self"]
        frame = frame.f_back
    return None


def find(kind):
    "Objects of the worker by the name of their class, frozen ones too."
    sys.modules["gc"].unfreeze()
    return [o for o in sys.modules["gc"].get_objects() if type(o).__name__ == kind]


def spin():
    while True: sum(range(100))


async def during(seconds, act, most=700):
    "As often as the worker takes it; more than the core does at once, and then is done with soon."
    end = trio.current_time() + seconds * (0.05 if CONTROL else 1)
    while trio.current_time() < end and most:
        most -= 1
        try:
            act()
        except (LimitReached, BlockingIOError):
            await trio.sleep(0.05)
        await trio.sleep(0.0005)
    while not CONTROL and find("Outbox")[0]._waiting:
        await trio.sleep(0.05)


def raw(text, declared=None):
    "A frame straight to the control socket."
    body = text if isinstance(text, bytes) else text.encode()
    size = len(body) if declared is None else declared
    os.write(3, size.to_bytes(4, "big") + body)

"""

FOOTER = """

@VoxEngine.on(AppEvents.CallAlerting)
def alerting(e):
    global call, event
    call, event = e.call, e
    call.on(CallEvents.Connected)(connected)
    call.answer()


async def connected():
    Logger.write("attacking")
    result = attack()
    if inspect.isawaitable(result):
        await result
    Logger.write("attacked")
"""


@attrs.frozen(kw_only=True)
class Hostile:
    """`attack` runs when the script's call is connected."""

    name: str
    tries: str
    attack: str
    """Source of the function attack, and of what it needs."""
    ends: str | None = None
    """The cause with which the session ends; None: it goes on, and its call too."""
    or_ends: tuple[str, ...] = ()
    """Other causes that are as good: which limit is hit first is a matter of luck."""
    says: str = ""
    """Part of the reason in the timeline, or of a log line: that this very thing happened."""
    or_says: str = ""
    """What is as good, if it happened otherwise."""
    until: tuple[str, ...] = ("attacked",)
    """The log lines of which one shows that the attack is over, if the session goes on."""
    hangs_up: bool = False
    """The session goes on, but this leg does not (an uncaught exception)."""
    proof: str | None = None
    """How a line of the control run begins, where nothing is locked and nobody watches."""
    unproved: str = ""
    """Why there is no such run."""
    at_import: bool = False
    """The attack is the top level itself."""
    on_stop: bool = False
    """What is tried happens when the session is ended."""
    hungry: bool = False
    """It must get much of a processor before its limit is reached."""

    def explained(self, told: str) -> bool:
        return self.says in told or bool(self.or_says and self.or_says in told)

    def attacked(self, logs: list[str]) -> bool:
        return not set(self.until).isdisjoint(logs)

    @property
    def script(self) -> str:
        if self.at_import:
            return PRELUDE + self.attack
        return PRELUDE + self.attack + FOOTER
