"""Scripts that compute or block for ever."""

from tests.hostile.case import Hostile

UNINTERRUPTIBLE = "computed for too long and could not be interrupted"

CASES = (
    Hostile(
        name="loop",
        proof="held",
        tries="loop",
        attack="def attack():\n    while True: pass",
        hangs_up=True,
        says="HandlerTimeout",
    ),
    Hostile(
        name="loop-that-swallows",
        proof="held",
        tries="swallow every interruption",
        attack="""
def attack():
    while True:
        try:
            spin()
        except BaseException:
            continue
""",
        ends="cpu-limit",
        says=UNINTERRUPTIBLE,
    ),
    Hostile(
        name="loop-in-c",
        proof="held",
        tries="loop where no interruption arrives",
        attack="def attack(): sum(range(10**15))",
        ends="cpu-limit",
        says=UNINTERRUPTIBLE,
    ),
    Hostile(
        name="regular-expression",
        proof="held",
        tries="a pattern with exponential backtracking",
        attack="import re\ndef attack(): re.match('(a+)+b', 'a' * 60)",
        hangs_up=True,
        says="HandlerTimeout",
    ),
    Hostile(
        name="power",
        proof="held",
        tries="a number of a hundred million digits",
        attack="def attack(): 7 ** (10 ** 8)",
        hangs_up=True,
        says="HandlerTimeout",
    ),
    Hostile(
        name="disarm-the-timer",
        proof="held",
        tries="switch the interruption off, then loop",
        attack="""
def attack():
    signal.setitimer(signal.ITIMER_PROF, 0)
    while True: pass
""",
        ends="cpu-limit",
        says=UNINTERRUPTIBLE,
    ),
    Hostile(
        name="block-the-signal",
        proof="held",
        tries="mask the interruption, then loop",
        attack="""
def attack():
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
    while True: pass
""",
        ends="cpu-limit",
        says=UNINTERRUPTIBLE,
    ),
    Hostile(
        name="destructor",
        proof="held",
        tries="loop in __del__, where exceptions vanish",
        attack="""
class Trap:
    def __del__(self):
        while True:
            try:
                spin()
            except BaseException:
                pass
def attack():
    Trap()
""",
        ends="cpu-limit",
        says=UNINTERRUPTIBLE,
    ),
    Hostile(
        name="finally",
        proof="held",
        tries="loop again while being interrupted",
        attack="""
def attack():
    try:
        while True: pass
    finally:
        while True: pass
""",
        hangs_up=True,
        says="HandlerTimeout",
    ),
    Hostile(
        name="sleep-without-trio",
        proof="held",
        tries="block the event loop without computing",
        attack="import time\ndef attack(): time.sleep(3600)",
        ends="unresponsive",
        says="did not react",
    ),
    Hostile(
        name="deadlock",
        proof="held",
        tries="wait for a lock that nobody will give back",
        attack="""
def attack():
    lock = sys.modules["threading"].Lock()
    lock.acquire()
    lock.acquire()
""",
        ends="unresponsive",
        says="did not react",
    ),
    Hostile(
        name="yielding-loop",
        proof="held",
        tries="use a whole processor politely, with a checkpoint every time",
        attack="""
async def attack():
    while True:
        await trio.lowlevel.checkpoint()
""",
        ends="cpu-limit",
        says="% of a processor",
        hungry=True,
    ),
    Hostile(
        name="trickle",
        tries="use a fifth of each second, by timers",
        attack="""
import time
def burn():
    end = time.process_time() + 0.2
    while time.process_time() < end: pass
def attack():
    setInterval(burn, 1000)
""",
        ends="cpu-limit",
        says="% of a processor",
        hungry=True,
        unproved="timers are the API's",
    ),
    Hostile(
        name="thrice",
        tries="be interrupted again and again",
        attack="""
def burn():
    while True: pass
def attack():
    for delay in (1, 2, 3):
        setTimeout(burn, delay)
""",
        ends="cpu-limit",
        says="HandlerTimeout",
        unproved="timers are the API's",
    ),
    Hostile(
        name="loop-at-import",
        proof="held",
        tries="never finish loading, and swallow the interruption",
        attack="""
while True:
    try:
        spin()
    except BaseException:
        pass
""",
        at_import=True,
        ends="cpu-limit",
        says="the script's top level computed for too long",
    ),
    Hostile(
        name="sleep-at-import",
        proof="held",
        tries="block while it is loaded",
        attack="import time\ntime.sleep(3600)",
        at_import=True,
        ends="unresponsive",
        says="the script's top level was not done",
    ),
    Hostile(
        name="parser",
        tries="overload the compiler",
        attack="def attack(): tell(compile, '(' * 10**6, 'x', 'eval')",
        says="refused",
        unproved="the compiler refuses it by itself",
    ),
)
