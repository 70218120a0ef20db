"""Scripts that use Python itself against the worker, the API and the end of the session."""

from tests.hostile.case import Hostile

CASES = (
    Hostile(
        name="str-raises",
        proof="ended exit 1",
        tries="an exception that cannot be shown",
        attack="""
class Nasty(Exception):
    def __str__(self): raise RuntimeError("no")
    __repr__ = __str__
def attack(): raise Nasty
""",
        hangs_up=True,
        says="Nasty",
    ),
    Hostile(
        name="str-is-huge",
        proof="ended exit 1",
        tries="an exception whose text is ten megabytes",
        attack="""
class Nasty(Exception):
    def __str__(self): return "z" * 10_000_000
def attack(): raise Nasty
""",
        hangs_up=True,
        says="Nasty: zzz",
    ),
    Hostile(
        name="str-loops",
        tries="an exception whose text never ends",
        attack="""
class Nasty(Exception):
    def __str__(self):
        while True:
            try:
                spin()
            except BaseException: pass
def attack(): raise Nasty
""",
        ends="cpu-limit",
        says="could not be interrupted",
    ),
    Hostile(
        name="metaclass",
        proof="ended exit 1",
        tries="a type that lies about its name",
        attack="""
class Meta(type):
    @property
    def __name__(cls): raise RuntimeError
    def __instancecheck__(cls, other): raise RuntimeError
class Nasty(Exception, metaclass=Meta): pass
def attack(): raise Nasty("lies")
""",
        hangs_up=True,
        says="lies",
    ),
    Hostile(
        name="endless-causes",
        proof="ended exit 1",
        tries="a chain of a hundred thousand causes",
        attack="""
def attack():
    first = ValueError("the last of many")
    exc = first
    for _ in range(10**5):
        following = ValueError("cause")
        exc.__cause__ = following
        exc = following
    raise first
""",
        hangs_up=True,
        says="the last of many",
    ),
    Hostile(
        name="exception-group",
        proof="ended exit 1",
        tries="a group of groups of groups",
        attack="""
def attack():
    exc = ValueError("innermost")
    for _ in range(500): exc = BaseExceptionGroup("g", [exc])
    raise exc
""",
        hangs_up=True,
        says="innermost",
    ),
    Hostile(
        name="eq-and-hash",
        tries="arguments that fight back",
        attack="""
class Nasty(str):
    def __eq__(self, other): raise RuntimeError
    def __hash__(self): raise RuntimeError
    def __len__(self): return -1
    def __str__(self): raise RuntimeError
def attack():
    tell(call.sendMessage, Nasty("x"))
    tell(call.hangup, {Nasty("X-A"): Nasty("b")} if False else [Nasty("x")])
    tell(VoxEngine.customData, Nasty("x"))
    tell(Logger.write, Nasty("x"))
    Logger.write("still here")
""",
        says="still here",
    ),
    Hostile(
        name="import-os",
        tries="import what is not for scripts",
        attack="""
def attack():
    for name in ("os", "sys", "socket", "subprocess", "ctypes", "threading", "runtime.sandbox"):
        try:
            __import__(name)
        except ModuleNotFoundError:
            continue
        raise AssertionError(name)
    Logger.write("nothing to import")
""",
        says="nothing to import",
    ),
    Hostile(
        name="import-finder",
        tries="a finder and a fake module for everybody",
        attack="""
def attack():
    sys.meta_path.insert(0, object())
    sys.path.insert(0, "/tmp")
    sys.modules["runtime.sandbox.frames"] = None
    sys.modules["trio"] = None
    Logger.write("modules are gone")
""",
        says="modules are gone",
    ),
    Hostile(
        name="monkeypatch-api",
        tries="replace the API's methods",
        attack="""
def attack():
    type(call).hangup = lambda self, *a: None
    type(VoxEngine).terminate = lambda self: None
    Logger.write("patched")
""",
        says="patched",
    ),
    Hostile(
        name="trace-function",
        proof="ended exit 1",
        tries="be called for every line of the worker",
        attack="""
def attack():
    sys.settrace(lambda *a: 1 / 0)
    sys.setprofile(lambda *a: None)
    Logger.write("traced")
""",
        hangs_up=True,
        says="ZeroDivisionError",
    ),
    Hostile(
        name="instrument",
        tries="an instrument in the worker's own run loop",
        attack="""
class Nasty(trio.abc.Instrument):
    def before_task_step(self, task): raise RuntimeError
def attack():
    trio.lowlevel.add_instrument(Nasty())
    Logger.write("instrumented")
""",
        says="instrumented",
    ),
    Hostile(
        name="swallow-cancellation",
        proof="held",
        tries="outlive the session by swallowing its cancellation",
        attack="""
async def attack():
    while True:
        try:
            await trio.sleep_forever()
        except BaseException:
            pass
""",
        on_stop=True,
        says="worker ended: ",
    ),
    Hostile(
        name="never-leave",
        tries="loop when it is told to leave",
        attack="""
def stay():
    while True:
        try:
            spin()
        except BaseException: pass
async def attack():
    try:
        await trio.sleep_forever()
    finally:
        stay()
""",
        on_stop=True,
        says="worker ended: signal 9",
    ),
    Hostile(
        name="slow-farewell",
        tries="hold up the end from its last handler",
        attack="""
async def goodbye(e): await trio.sleep_forever()
def attack(): VoxEngine.on(AppEvents.Terminating)(goodbye)
""",
        on_stop=True,
        says="worker ended: exit 0",
    ),
    Hostile(
        name="timers-after-the-end",
        tries="go on by timers and system tasks",
        attack="""
async def for_ever():
    while True:
        await trio.sleep(0.01)
        Logger.write("alive")
def attack():
    setInterval(lambda: Logger.write("tick"), 10)
    trio.lowlevel.spawn_system_task(for_ever)
    VoxEngine.terminate()
""",
        ends="terminated",
        says="worker ended: ",
    ),
    Hostile(
        name="exit-handlers",
        tries="run code when the interpreter leaves",
        attack="""
def attack():
    sys.modules["atexit"].register(lambda: [None for _ in iter(int, 1)])
    sys.modules["threading"]._shutdown = lambda: [None for _ in iter(int, 1)]
    Logger.write("registered")
""",
        on_stop=True,
        says="worker ended: ",
    ),
)
