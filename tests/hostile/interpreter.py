"""Scripts that reach through the interpreter for the worker's own objects and rewrite them."""

from tests.hostile.case import Hostile


def rewrites(name: str, tries: str, attack: str, **changes: object) -> Hostile:
    known = {"says": "", **changes}
    return Hostile(name=name, tries=tries, attack=attack, **known)  # type: ignore[arg-type]


CASES = (
    rewrites(
        "no-timer-limit",
        "lift the limit of timers where it is kept, then set a hundred thousand",
        """
def attack():
    find("Session")[0].max_timers = 10**9
    for _ in range(10**5): setInterval(print, 100)
""",
        ends="limit:commands",
        or_ends=("cpu-limit", "memory", "unresponsive"),
    ),
    rewrites(
        "no-outbox-limit",
        "lift the limit of what may wait for the core, then flood",
        """
async def attack():
    outbox = sys.modules["runtime.sandbox.outbox"]
    outbox.MAX_WAITING = outbox.MAX_WAITING_BYTES = 10**12
    for number in range(10**6):
        call.sendMessage("x" * 100)
        if number % 100 == 0: await trio.sleep(0)
""",
        ends="limit:commands",
        says="commands in arrears",
    ),
    rewrites(
        "other-session",
        "say that it is the witness's session",
        """
async def attack():
    session = find("Session")[0]
    session.id = "witness"
    call._unit = 2
    call.sendMessage("from another session")
    await trio.sleep(0.2)
""",
        says="out MESSAGE sip:wire@",
    ),
    rewrites(
        "numbers-again",
        "use a command number twice",
        """
async def attack():
    session = find("Session")[0]
    session._request = 0
    call.sendMessage("again")
    await trio.sleep_forever()
""",
        ends="protocol",
        says="command number 1 after",
    ),
    rewrites(
        "wrong-json",
        "replace the encoder of every frame",
        """
def attack():
    sys.modules["json"].dumps = lambda *a, **k: '{"type":"shutdown"}'
    Logger.write("anything")
""",
        ends="protocol",
        says="unknown frame type 'shutdown'",
    ),
    rewrites(
        "no-validators",
        "switch off every check on the worker's side, then break a SIP header",
        """
def attack():
    import attr
    attr.validators.set_disabled(True)
    call.hangup({"X-A": "a\\r\\nEvil: 1"})
""",
        ends="protocol",
        says="must not hold CR, LF or NUL",
    ),
    rewrites(
        "pongs-twice",
        "answer each ping twice, so that one answer is for the next",
        """
async def attack():
    outbox = find("Outbox")[0]
    put = outbox.put
    def twice(frame):
        put(frame)
        if type(frame).__name__ == "PongFrame": put(frame)
    for worker in find("_Worker"): worker._outbox.put = twice
    type(outbox).put = lambda self, frame: twice(frame) if False else put(frame)
    sys.modules["runtime.sandbox.worker"].PongFrame = pong_twice(put)
    await trio.sleep_forever()
def pong_twice(put):
    from_core = sys.modules["runtime.sandbox.frames"].PongFrame
    def make(nonce):
        put(from_core(nonce=nonce))
        return from_core(nonce=nonce)
    return make
""",
        ends="protocol",
        says="pong to no ping",
    ),
    rewrites(
        "no-recursion",
        "leave the worker no room on its stack",
        """
def attack():
    frame, depth = sys._getframe(), 0
    while frame is not None: frame, depth = frame.f_back, depth + 1
    sys.setrecursionlimit(depth + 3)
    Logger.write("no room")
""",
        hangs_up=True,
        or_ends=("script-error", "crashed"),
        says="RecursionError",
        proof="ended",
    ),
    rewrites(
        "lying-isinstance",
        "let everything be an instance of everything",
        """
def attack():
    sys.modules["builtins"].isinstance = lambda *a: True
    Logger.write("x")
""",
        ends="script-error",
        or_ends=("crashed", "protocol", "operator"),
    ),
    rewrites(
        "no-current-session",
        "take away what says whose code is running",
        """
def attack():
    sys.modules["runtime.api.running"].RUNNING.set(None)
    Logger.write("whose?")
""",
        hangs_up=True,
        says="NoSession",
    ),
    rewrites(
        "frames-of-the-worker",
        "clear and rewrite the frames that called it",
        """
def attack():
    frame = sys._getframe()
    while frame is not None:
        frame.f_locals.clear()
        tell(frame.clear)
        frame.f_trace = lambda *a: None
        frame = frame.f_back
""",
        says="refused RuntimeError",
    ),
    rewrites(
        "code-of-the-worker",
        "put other code into the worker's own functions",
        """
async def attack():
    deliver = type(inside() or find("Dispatcher")[0])._deliver
    async def nothing(self, delivery): Logger.write("delivered to nobody")
    deliver.__code__ = nothing.__code__
    call.sendMessage("x")
    await trio.sleep_forever()
""",
        ends="script-error",
        says="worker ended: exit 70",
    ),
    rewrites(
        "rescheduled",
        "wake the tasks of the worker as if they had been answered",
        """
def attack():
    for task in list(trio.lowlevel.current_root_task().child_nurseries[0].child_tasks):
        try: trio.lowlevel.reschedule(task)
        except BaseException: pass
""",
        ends="script-error",
        or_ends=("crashed", "operator"),
        says="worker ended: ",
    ),
    rewrites(
        "foreign-await",
        "await what is not trio's",
        """
import types
@types.coroutine
def nonsense(): yield 42
async def attack():
    await nonsense()
""",
        hangs_up=True,
        says="TypeError",
    ),
    rewrites(
        "nested-run",
        "a second trio run in the worker's",
        """
async def nothing(): pass
def attack(): tell(trio.run, nothing)
""",
        says="refused RuntimeError",
    ),
    rewrites(
        "forged-cancellation",
        "raise trio's own cancellation",
        """
async def attack():
    await trio.sleep(0)
    raise trio.Cancelled._create(source="unknown")
""",
        hangs_up=True,
        or_ends=("script-error", "crashed"),
    ),
    rewrites(
        "generator-exit",
        "raise what only the interpreter raises",
        "async def attack():\n    raise GeneratorExit",
        hangs_up=True,
        says="GeneratorExit",
        proof="ended",
    ),
    rewrites(
        "stop-iteration",
        "raise StopIteration out of a plain handler",
        "def attack(): raise StopIteration(1)",
        hangs_up=True,
        says="StopIteration",
        proof="ended",
    ),
    rewrites(
        "tracing",
        "trace every line of the worker, and remember each",
        """
seen = []
def trace(frame, event, arg):
    seen.append((frame, event))
    return trace
def attack():
    sys.settrace(trace)
    Logger.write("tracing")
""",
        says="tracing",
    ),
    rewrites(
        "failing-audit-hook",
        "an audit hook that refuses everything",
        """
def refuse(*_): raise RuntimeError("refused by the script")
def attack():
    sys.addaudithook(refuse)
    Logger.write("hooked")
""",
        ends="crashed",
        says="the script's process ended by itself",
    ),
    rewrites(
        "unraisable",
        "exceptions in destructors, and a hook for them that fails",
        """
class Bad:
    def __del__(self): raise SystemExit
def attack():
    sys.unraisablehook = lambda *a: 1 / 0
    sys.excepthook = lambda *a: os._exit(1)
    for _ in range(1000): Bad()
    Logger.write("nothing was raised")
""",
        says="nothing was raised",
    ),
    rewrites(
        "no-collection",
        "collect for every object, or never again",
        """
def attack():
    gc = sys.modules["gc"]
    gc.set_threshold(1, 1, 1)
    gc.unfreeze()
    [[] for _ in range(1000)]
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.disable()
    Logger.write("gc is mine")
""",
        says="gc is mine",
    ),
    rewrites(
        "kill-itself",
        "signals to its own process",
        """
def attack():
    for number in (9, 15, 2, 11):
        tell(signal.raise_signal, number)
        tell(os.kill, os.getpid(), number)
""",
        says="refused PermissionError",
    ),
    rewrites(
        "alarm",
        "let a timer of the kernel end the process",
        """
async def attack():
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    await trio.sleep_forever()
""",
        ends="crashed",
        says="ended by signal 14",
        proof="ended signal 14",
    ),
    rewrites(
        "alarms",
        "a thousand interruptions a second in the worker's own loop",
        """
async def attack():
    def burst(*_): raise RuntimeError("alarm")
    signal.signal(signal.SIGALRM, burst)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    await trio.sleep_forever()
""",
        ends="script-error",
        or_ends=("crashed",),
        says="worker ended: ",
        proof="ended",
    ),
    rewrites(
        "own-timeouts",
        "catch the worker's own limits and use them as control flow",
        """
def attack():
    for _ in range(2):
        try: spin()
        except BaseException as exc: Logger.write(f"caught {type(exc).__name__}")
""",
        says="caught HandlerTimeout",
        or_ends=("cpu-limit",),
        proof="held",
    ),
    rewrites(
        "borrowed-module",
        "a module of its own in place of the API's",
        """
def attack():
    for name in [n for n in sys.modules if n.startswith(("runtime", "trio", "attr"))]:
        sys.modules[name] = None
    del sys.modules["sys"]
    call.sendMessage("still")
    Logger.write("gone")
""",
        says="gone",
    ),
    rewrites(
        "hash-seed",
        "set numbers that only C should set",
        """
def attack():
    sys.set_int_max_str_digits(0)
    sys.setswitchinterval(1e-9)
    sys.set_asyncgen_hooks(lambda g: 1 / 0, lambda g: 1 / 0)
    sys.set_coroutine_origin_tracking_depth(10**6)
    async def never(): pass
    never()
    Logger.write("set")
""",
        says="set",
    ),
)
