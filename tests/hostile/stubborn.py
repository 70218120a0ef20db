"""Loops in places where an interruption is swallowed, late, or never arrives."""

from tests.hostile.case import Hostile
from tests.hostile.loops import UNINTERRUPTIBLE


def unstoppable(name: str, tries: str, attack: str, **changes: object) -> Hostile:
    """Only the watchdog ends it; or, once in many runs, an interruption that comes in the very
    moment in which the script does not swallow it."""
    known = {
        "ends": "cpu-limit",
        "says": UNINTERRUPTIBLE,
        "or_ends": ("operator",),
        "or_says": "HandlerTimeout",
        "proof": "held",
        **changes,
    }
    return Hostile(name=name, tries=tries, attack=attack, **known)  # type: ignore[arg-type]


def interrupted(name: str, tries: str, attack: str) -> Hostile:
    """The worker's own timer gets it out."""
    return Hostile(
        name=name, tries=tries, attack=attack, hangs_up=True, says="HandlerTimeout", proof="held"
    )


CASES = (
    unstoppable(
        "continue-in-finally",
        "a loop whose finally throws every exception away",
        """
def attack():
    while True:
        try:
            spin()
        finally:
            continue
""",
    ),
    unstoppable(
        "context-manager",
        "a context manager that swallows in __exit__, for ever",
        """
class Deaf:
    def __enter__(self): return self
    def __exit__(self, *exc): return True
def attack():
    while True:
        with Deaf(): spin()
""",
    ),
    unstoppable(
        "exit-that-loops",
        "loop while being interrupted, in __exit__",
        """
class Deaf:
    def __enter__(self): return self
    def __exit__(self, *exc):
        while True:
            try: spin()
            except BaseException: pass
def attack():
    with Deaf(): spin()
""",
    ),
    unstoppable(
        "generator",
        "a generator that cannot be closed",
        """
def stubborn():
    while True:
        try:
            yield spin()
        except BaseException: pass
def attack():
    for _ in stubborn(): pass
""",
    ),
    unstoppable(
        "async-generator",
        "an async generator that never gives back control",
        """
async def stubborn():
    while True:
        try:
            spin()
            yield
        except BaseException: pass
async def attack():
    async for _ in stubborn(): pass
""",
    ),
    unstoppable(
        "metaclass-loop",
        "loop while a class is being made",
        """
class Slow(type):
    @classmethod
    def __prepare__(meta, *rest):
        while True:
            try: spin()
            except BaseException: pass
def attack():
    class Victim(metaclass=Slow): pass
""",
    ),
    unstoppable(
        "except-star",
        "swallow by except*",
        """
def attack():
    while True:
        try:
            spin()
        except* BaseException:
            pass
""",
    ),
    unstoppable(
        "recursive-handler",
        "answer each interruption with another loop, deeper and deeper",
        """
def deeper():
    try:
        spin()
    except BaseException:
        deeper()
def attack():
    while True:
        try: deeper()
        except BaseException: pass
""",
    ),
    unstoppable(
        "ready-awaits-that-swallow",
        "await what is ready already, and swallow",
        """
async def ready(): return 1
async def attack():
    while True:
        try:
            while True: await ready()
        except BaseException: pass
""",
    ),
    interrupted(
        "ready-awaits",
        "await what is ready already: no other handler ever gets a turn",
        """
async def ready(): return 1
async def attack():
    while True: await ready()
""",
    ),
    unstoppable(
        "endless-deque",
        "drain an endless iterator in C",
        """
import collections, itertools
def attack(): collections.deque(itertools.count(), maxlen=0)
""",
    ),
    unstoppable(
        "endless-search",
        "look for what is not there, in C",
        "import itertools\ndef attack(): -1 in itertools.count()",
    ),
    unstoppable(
        "endless-max",
        "the greatest of the same, in C",
        "import itertools\ndef attack(): max(itertools.cycle([1]))",
    ),
    unstoppable(
        "any-map",
        "any() over map() over repeat(), in C",
        "import itertools\ndef attack(): any(map(bool, itertools.repeat(0)))",
    ),
    interrupted(
        "factorial",
        "a number of twenty million digits",
        "import math\ndef attack(): math.factorial(10**7)",
    ),
    unstoppable(
        "decimal-root",
        "a square root of a million digits, again and again in C",
        """
import decimal
def attack():
    context = decimal.Context(prec=10**6)
    while True:
        try:
            decimal.Decimal(2).sqrt(context).exp(context)
        except BaseException: pass
""",
    ),
    interrupted(
        "digits-of-a-number",
        "text of a number of ten million digits",
        """
def attack():
    sys.set_int_max_str_digits(0)
    str(1 << 10**8)
""",
    ),
    interrupted(
        "colliding-keys",
        "a dictionary whose keys all have one hash",
        """
def attack():
    step = sys.hash_info.modulus
    table = {}
    for number in range(1, 10**7): table[number * step] = 0
""",
    ),
    interrupted(
        "translate",
        "translate sixteen megabytes, over and over",
        """
def attack():
    data, table = bytes(1 << 24), bytes(range(256))
    while True: data = data.translate(table)
""",
    ),
    interrupted(
        "compress",
        "compress at the highest level, where the interpreter lock is given up",
        """
import zlib
def attack():
    data = bytes(range(256)) * (1 << 14)
    while True: zlib.compress(data, 9)
""",
    ),
    interrupted(
        "sort-with-key",
        "a sort whose key computes",
        "def attack(): [0, 1].sort(key=lambda n: spin())",
    ),
    Hostile(
        name="json-encoder",
        tries="JSON whose parts are made without end",
        attack="""
import json
def attack(): json.dumps(object(), default=lambda o: [object()])
""",
        hangs_up=True,
        says="RecursionError",
        proof="ended exit 1",
    ),
    unstoppable(
        "pattern-again",
        "an exponential pattern, and swallow",
        """
import re
def attack():
    while True:
        try:
            re.match('(a|a)*b', 'a' * 60)
        except BaseException: pass
""",
    ),
    unstoppable(
        "ignore-the-signal",
        "ignore the interruption's signal, then loop",
        """
def attack():
    signal.signal(signal.SIGPROF, signal.SIG_IGN)
    while True: pass
""",
    ),
    unstoppable(
        "own-signal-handler",
        "take the interruption's signal over, then loop",
        """
def attack():
    signal.signal(signal.SIGPROF, lambda *a: None)
    while True: pass
""",
    ),
    unstoppable(
        "no-instrument",
        "take the watch's instrument out of trio, rearm its counter, loop",
        """
def attack():
    for guard in find("CpuGuard"): guard._limit_s = 10**9
    while True: pass
""",
    ),
    unstoppable(
        "collector",
        "loop in a callback of the garbage collector",
        """
def stay(phase, info):
    while True:
        try: spin()
        except BaseException: pass
def attack():
    gc = sys.modules["gc"]
    gc.callbacks.append(stay)
    gc.collect()
""",
    ),
    unstoppable(
        "weak-reference",
        "loop in the callback of a weak reference",
        """
import weakref
class Thing: pass
def stay(_):
    while True:
        try: spin()
        except BaseException: pass
def attack():
    thing = Thing()
    ref = weakref.ref(thing, stay)
    del thing
""",
    ),
    unstoppable(
        "profile-function",
        "loop in a profile function, which every call enters",
        """
def stay(*_):
    sys.setprofile(None)
    while True:
        try: spin()
        except BaseException: pass
def attack():
    sys.setprofile(stay)
    len("x")
""",
    ),
    unstoppable(
        "audit-hook",
        "loop in an audit hook, which can never be removed",
        """
def stay(event, arguments):
    while True:
        try: spin()
        except BaseException: pass
def attack():
    sys.addaudithook(stay)
    compile("1", "x", "eval")
""",
    ),
    Hostile(
        name="sleep-that-swallows",
        tries="block without computing, whatever interrupts",
        attack="""
import time
def attack():
    while True:
        try:
            time.sleep(3600)
        except BaseException: pass
""",
        ends="unresponsive",
        says="did not react",
        proof="held",
    ),
    Hostile(
        name="steal-the-loop",
        proof="held",
        tries="wait on trio's own epoll, so that trio never hears of anything",
        attack="""
def attack():
    poll = find("EpollIOManager")[0]._epoll
    while True: poll.poll()
""",
        ends="unresponsive",
        or_ends=("cpu-limit",),
        says="the script's process",
    ),
    Hostile(
        name="read-the-control-socket",
        proof="held",
        tries="take the core's frames away, pings too",
        attack="""
def attack():
    os.set_blocking(3, True)
    while True: os.read(3, 65536)
""",
        ends="unresponsive",
        says="did not react",
    ),
    Hostile(
        name="unrelenting-shields",
        proof="held",
        tries="shield every wait from cancellation when it is told to leave",
        attack="""
async def attack():
    with trio.CancelScope(shield=True):
        while True:
            with trio.CancelScope(shield=True):
                try: await trio.sleep(0.01)
                except BaseException: pass
""",
        on_stop=True,
        says="worker ended: ",
    ),
    Hostile(
        name="nine-tenths",
        tries="stay just under the limit of a handler, in timers without end",
        attack="""
import time
def burn():
    end = time.process_time() + 0.2
    while time.process_time() < end: pass
    setTimeout(burn, 0)
def attack(): setTimeout(burn, 0)
""",
        ends="cpu-limit",
        says="% of a processor",
        hungry=True,
        unproved="timers are the API's",
    ),
)
