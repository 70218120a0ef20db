"""Scripts that go on when they should end, or make the end say something else."""

from tests.hostile.case import Hostile

CASES = (
    Hostile(
        name="calls-in-terminating",
        tries="make calls when everything has ended",
        attack="""
def goodbye(e):
    for act in (
        lambda: VoxEngine.callSIP(event.headers["X-Own"]),
        lambda: VoxEngine.createConference(),
        lambda: call.sendMessage("late"),
        lambda: setTimeout(print, 1),
        lambda: call.startPlayback("440-loop.wav"),
    ):
        tell(act)
def attack(): VoxEngine.on(AppEvents.Terminating)(goodbye)
""",
        on_stop=True,
        says="refused SessionOver",
    ),
    Hostile(
        name="raw-in-terminating",
        tries="the same past the API",
        attack="""
def goodbye(e):
    raw('{"type":"cmd","req":9000,"op":"call.create","args":{"unit":9001,"kind":"sip",'
        '"to":"sip:x@127.0.0.1:9"},"where":""}')
def attack(): VoxEngine.on(AppEvents.Terminating)(goodbye)
""",
        on_stop=True,
        says="the session is ending; nothing was done",
    ),
    Hostile(
        name="loop-in-terminating",
        tries="compute for ever in its last handler",
        attack="""
def goodbye(e):
    while True:
        try: spin()
        except BaseException: pass
def attack(): VoxEngine.on(AppEvents.Terminating)(goodbye)
""",
        on_stop=True,
        says="worker ended: signal 9",
    ),
    Hostile(
        name="flood-in-terminated",
        tries="lines without end in its very last handler",
        attack="""
async def goodbye(e):
    while True:
        Logger.write("still here " * 100)
        await trio.sleep(0)
def attack(): VoxEngine.on(AppEvents.Terminated)(goodbye)
""",
        on_stop=True,
        says="still here",
    ),
    Hostile(
        name="fail-in-terminating",
        tries="an exception in each last handler",
        attack="""
def goodbye(e): raise BaseException("in the last handler")
def attack():
    VoxEngine.on(AppEvents.Terminating)(goodbye)
    VoxEngine.on(AppEvents.Terminated)(goodbye)
""",
        on_stop=True,
        says="in the last handler",
    ),
    Hostile(
        name="terminate-often",
        tries="end the session a thousand times",
        attack="def attack():\n    for _ in range(1000): VoxEngine.terminate()",
        ends="terminated",
        says="worker ended: exit 0",
    ),
    Hostile(
        name="terminate-and-stay",
        tries="end the session and compute on",
        attack="""
async def attack():
    VoxEngine.terminate()
    while True:
        try: spin()
        except BaseException: pass
""",
        ends="terminated",
        says="worker ended: signal 9",
    ),
    Hostile(
        name="leave-after-terminate",
        tries="end the session and crash",
        attack="""
def attack():
    VoxEngine.terminate()
    os._exit(5)
""",
        ends="terminated",
        or_ends=("crashed",),
        says="worker ended: exit 5",
        proof="ended exit 5",
    ),
    Hostile(
        name="system-task",
        tries="a task that nobody's end can cancel",
        attack="""
async def for_ever():
    while True:
        try: await trio.sleep_forever()
        except BaseException: pass
def attack(): trio.lowlevel.spawn_system_task(for_ever)
""",
        on_stop=True,
        says="worker ended: ",
    ),
    Hostile(
        name="at-the-top-level",
        tries="calls, conferences and terminate() before it is loaded",
        attack="""
room = VoxEngine.createConference()
victim = VoxEngine.callSIP("sip:x@127.0.0.1:9")
victim.sendMediaTo(room)
VoxEngine.terminate()
while True:
    try: spin()
    except BaseException: pass
""",
        at_import=True,
        ends="terminated",
        or_ends=("cpu-limit",),
        says="worker ended: signal 9",
    ),
)
