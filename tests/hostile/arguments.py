"""Objects as API arguments that lie, change, loop or fail when somebody looks at them."""

from tests.hostile.case import Hostile


def lies(name: str, tries: str, attack: str, **changes: object) -> Hostile:
    known = {"says": "still here", **changes}
    if "def attack" not in attack:
        attack = f"def attack():\n    {attack}\n    Logger.write('still here')"
    return Hostile(name=name, tries=tries, attack=attack, **known)  # type: ignore[arg-type]


NEW_TEXT = """
class Text(str):
    seen = 0
    def __contains__(self, other): return False
    def encode(self, *a): return b"harmless"
    def isascii(self): return True
    def __iter__(self): return iter("harmless")
    def __str__(self): return self
    def __getitem__(self, key): return self

"""

CASES = (
    lies(
        "changing-headers",
        "headers that are harmless when they are checked",
        """
class Headers(dict):
    looks = 0
    def items(self):
        Headers.looks += 1
        value = "fine" if Headers.looks == 1 else "a\\r\\nEvil: 1"
        return [("X-A", value)]
def attack():
    call.hangup(Headers({"X-A": "fine"}))
""",
        hangs_up=True,
        says="must not hold CR, LF or NUL",
    ),
    lies(
        "text-that-passes",
        "a text whose every method says that it is harmless",
        NEW_TEXT
        + """
def attack():
    tell(call.hangup, {"X-A": Text("a\\r\\nEvil: 1")})
    tell(call.answer, {"X-A": Text("a\\r\\nEvil: 1")})
    tell(call.sendInfo, Text("text/plain\\r\\nEvil: 1"), "body")
    Logger.write("still here")
""",
        ends="protocol",
        or_ends=("operator",),
        says="CR, LF or NUL",
    ),
    lies(
        "endless-mapping",
        "headers without end",
        """
import itertools
class Headers(dict):
    def items(self): return itertools.repeat(("X-A", "b"))
def attack(): call.hangup(Headers(x="y"))
""",
        ends="cpu-limit",
        says="could not be interrupted",
    ),
    lies(
        "not-what-it-says",
        "an object whose class says that it is a text",
        """
class Liar:
    __class__ = str
    def __getattr__(self, name): raise RuntimeError(name)
def attack():
    tell(call.sendMessage, Liar())
    tell(call.say, Liar())
    tell(VoxEngine.customData, Liar())
    Logger.write("still here")
""",
    ),
    lies(
        "numbers-that-are-none",
        "numbers that are text, truth, infinite or not a number",
        """
def attack():
    for value in (float("nan"), float("inf"), 10**400, True, "486", None, [486], 486.0, -1):
        tell(call.reject, value)
        tell(setTimeout, print, value)
    Logger.write("still here")
""",
    ),
    lies(
        "enough-rope",
        "a number whose comparisons are always true",
        """
class Always(int):
    def __le__(self, other): return True
    __lt__ = __ge__ = __gt__ = __eq__ = __le__
    __hash__ = int.__hash__
    def __str__(self): return "486"
def attack():
    tell(call.reject, Always(99999))
    Logger.write("still here")
""",
    ),
    lies(
        "str-without-end",
        "a line whose text is never done",
        """
class Slow:
    def __str__(self):
        while True:
            try: spin()
            except BaseException: pass
def attack(): Logger.write(Slow())
""",
        ends="cpu-limit",
        says="could not be interrupted",
    ),
    lies(
        "getattr-without-end",
        "a handler whose attributes are never done",
        """
class Deep:
    def __getattr__(self, name): return Deep()
    def __call__(self, *a): return Deep()
def attack():
    tell(call.addEventListener, CallEvents.OnHold, Deep())
    tell(setTimeout, Deep(), 1)
    Logger.write("still here")
""",
        or_ends=("cpu-limit", "memory"),
    ),
    lies(
        "signature",
        "a handler that lies about its parameters",
        """
class Handler:
    __signature__ = property(lambda self: 1 / 0)
    __wrapped__ = property(lambda self: self)
    def __call__(self, *a, **k): return self
def attack():
    tell(call.addEventListener, CallEvents.OnHold, Handler())
    Logger.write("still here")
""",
    ),
    lies(
        "callback-equality",
        "handlers that fail when they are compared",
        """
class Handler:
    def __eq__(self, other): raise SystemExit
    __hash__ = None
    def __call__(self): pass
def attack():
    for _ in range(3): tell(call.addEventListener, CallEvents.OnHold, Handler())
    tell(call.removeEventListener, CallEvents.OnHold, Handler())
    Logger.write("still here")
""",
    ),
    lies(
        "endless-handler",
        "a handler that returns a coroutine that returns a coroutine",
        """
async def again(): return again()
def attack():
    setTimeout(again, 0)
    setTimeout(lambda: again(), 0)
    Logger.write("still here")
""",
    ),
    lies(
        "used-coroutine",
        "the same coroutine from two handlers",
        """
async def once(): await trio.sleep(0.05)
running = once()
async def attack():
    setTimeout(lambda: running, 0)
    setTimeout(lambda: running, 1)
    await trio.sleep_forever()
""",
        hangs_up=True,
        says="RuntimeError",
    ),
    lies(
        "group-of-itself",
        "an exception group that is its own first exception",
        """
held = []
class Loop(BaseExceptionGroup):
    exceptions = held
def fail():
    held.extend([Loop("g", [ValueError()])] * 4)
    raise held[0]
async def attack():
    setTimeout(fail, 0)
    await trio.sleep_forever()
""",
        hangs_up=True,
        says="Loop: g",
    ),
    lies(
        "split",
        "an exception group that splits into something else",
        """
class Odd(BaseExceptionGroup):
    def split(self, *a): return (42, "no exception")
    def derive(self, *a): raise SystemExit
async def attack():
    await trio.sleep(0)
    raise Odd("g", [ValueError()])
""",
        hangs_up=True,
        says="Odd",
        or_ends=("script-error", "crashed"),
    ),
    lies(
        "causes-in-a-circle",
        "two exceptions that caused each other",
        """
def attack():
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    one.__context__, two.__context__ = two, one
    raise one
""",
        hangs_up=True,
        says="one",
    ),
    lies(
        "name-of-a-class",
        "an exception whose class has a name of ten megabytes, with line breaks",
        """
def attack(): raise type("Evil\\r\\nEvil: 1\\r\\n" * 10**6, (Exception,), {})("x")
""",
        hangs_up=True,
        says="Evil",
    ),
    lies(
        "file-names",
        "code that says it stands in the runtime's own files",
        """
def attack():
    name = sys.modules["runtime.sandbox.worker"].__file__
    source = "while True:\\n try: sum(range(100))\\n except BaseException: pass"
    exec(compile(source, name, "exec"))
""",
        ends="cpu-limit",
        says="could not be interrupted",
        proof="held",
    ),
    lies(
        "line-numbers",
        "code with places that cannot be shown",
        """
def attack():
    code = compile("1/0", "\\ud800\\r\\nEvil: 1" * 1000, "exec")
    exec(code)
""",
        hangs_up=True,
        says="ZeroDivisionError",
    ),
)
