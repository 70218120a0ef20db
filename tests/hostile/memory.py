"""Scripts that want more than their share: memory, timers, tasks, lines, commands."""

from tests.hostile.case import Hostile

CASES = (
    Hostile(
        name="big-string",
        proof="grew",
        tries="a gigabyte at once",
        attack="def attack(): 'x' * (1 << 30)",
        ends="memory",
        says="MemoryError",
    ),
    Hostile(
        name="growing-list",
        proof="grew",
        tries="a gigabyte piece by piece",
        attack="""
def attack():
    held = []
    while True: held.append(bytearray(1 << 20))
""",
        ends="memory",
        says="MemoryError",
    ),
    Hostile(
        name="small-objects",
        proof="grew",
        tries="memory by small objects, which has to be found again to report it",
        attack="""
def attack():
    global held
    held = []
    while True: held.append([object()] * 100)
""",
        ends="memory",
        says="MemoryError",
    ),
    Hostile(
        name="zip-bomb",
        proof="grew",
        tries="unpack a gigabyte from a megabyte",
        attack="""
import zlib
def attack():
    packed = zlib.compress(bytes(1 << 24))
    while True: packed = zlib.decompress(packed) * 64
""",
        ends="memory",
        says="MemoryError",
    ),
    Hostile(
        name="swallowed-memory-error",
        proof="grew",
        tries="go on after each refusal",
        attack="""
def attack():
    while True:
        try:
            held = []
            while True: held.append(bytearray(1 << 20))
        except BaseException:
            pass
""",
        ends="cpu-limit",
        says="could not be interrupted",
    ),
    Hostile(
        name="tasks",
        proof="held",
        tries="a million sleeping tasks",
        attack="""
async def attack():
    async with trio.open_nursery() as nursery:
        while True: nursery.start_soon(trio.sleep_forever)
""",
        ends="cpu-limit",
        or_ends=("crashed", "memory", "script-error"),
    ),
    Hostile(
        name="timers",
        proof="called",
        tries="a million timers",
        attack="def attack():\n    for _ in range(10**6): setTimeout(print, 10**6)",
        hangs_up=True,
        says="LimitReached",
    ),
    Hostile(
        name="listeners",
        proof="held",
        tries="a million listeners",
        attack="""
def attack():
    for _ in range(10**6): call.addEventListener(CallEvents.OnHold, lambda e: None)
""",
        hangs_up=True,
        says="LimitReached",
    ),
    Hostile(
        name="calls",
        proof="called",
        tries="a thousand outgoing calls",
        attack="""
async def attack():
    for _ in range(1000):
        VoxEngine.callSIP("sip:victim@127.0.0.1")
        await trio.sleep(0)
""",
        says="the limit is",
    ),
    Hostile(
        name="log-bomb",
        proof="xxx",
        tries="more lines of log than anybody reads",
        attack="""
async def attack():
    for number in range(12_000):
        Logger.write("x" * 1000)
        if number % 100 == 0: await trio.sleep(0)
""",
        until=("(log truncated: the script writes more than 64 KiB/s)",),
        says="log truncated",
    ),
    Hostile(
        name="endless-line",
        proof="yyy",
        tries="one line of ten megabytes",
        attack="def attack(): Logger.write('y' * 10_000_000)",
        says="y" * 100,
    ),
    Hostile(
        name="commands",
        proof="called",
        tries="a hundred thousand commands at once",
        attack="""
async def attack():
    for number in range(10**5):
        try:
            call.sendMessage("x" * 100)
        except LimitReached:
            await trio.sleep(0.01)
        if number % 100 == 0: await trio.sleep(0)
""",
        ends="limit:commands",
    ),
    Hostile(
        name="many-errors",
        proof="called",
        tries="an uncaught exception in each of a thousand timers",
        attack="""
def fail(): raise ValueError("again")
def attack():
    for _ in range(90): setInterval(fail, 1)
""",
        ends="limit:commands",
        says="ValueError: again",
    ),
)
