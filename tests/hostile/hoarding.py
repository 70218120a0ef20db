"""Memory by every other road: strings, classes, cycles, channels, the allocator below Python."""

from tests.hostile.case import Hostile


def hoards(name: str, tries: str, attack: str, **changes: object) -> Hostile:
    """It gets no more than its share, and the refusal is its end."""
    known = {"ends": "memory", "says": "MemoryError", "proof": "grew", **changes}
    return Hostile(name=name, tries=tries, attack=attack, **known)  # type: ignore[arg-type]


CASES = (
    hoards(
        "doubling-string",
        "a string that doubles",
        """
def attack():
    text = "\U0001f600"
    while True: text += text
""",
    ),
    hoards(
        "doubling-bytes",
        "an array of bytes that doubles in place",
        """
def attack():
    data = bytearray(1)
    while True: data.extend(data)
""",
    ),
    hoards(
        "interned",
        "strings that are never given back",
        """
def attack():
    held = []
    while True: held.append(sys.intern("x" * 100_000 + str(len(held))))
""",
    ),
    hoards(
        "channel",
        "a channel without end",
        """
async def attack():
    send, receive = trio.open_memory_channel(10**9)
    while True: send.send_nowait(bytearray(1 << 16))
""",
    ),
    hoards("big-number", "a number of a gigabyte", "def attack(): 1 << (1 << 33)"),
    hoards(
        "cached",
        "a cache without limit",
        """
import functools
@functools.lru_cache(maxsize=None)
def remember(number): return bytearray(1 << 16)
def attack():
    for number in range(10**9): remember(number)
""",
    ),
    hoards(
        "cycles",
        "cycles that nobody collects",
        """
class Node: pass
def attack():
    sys.modules["gc"].disable()
    sys.modules["gc"].freeze()
    while True:
        node = Node()
        node.me, node.data = node, bytearray(1 << 16)
""",
    ),
    hoards(
        "classes",
        "types without end",
        """
def attack():
    global held
    held = []
    while True: held.append(type("T", (), {"x": bytearray(1 << 16)}))
""",
    ),
    hoards("padding", "a line as wide as a gigabyte", "def attack(): '%1073741824d' % 1"),
    hoards(
        "repeated-group",
        "a thousand million exceptions in a group",
        "def attack(): BaseExceptionGroup('g', [ValueError()] * (1 << 28))",
    ),
    Hostile(
        name="below-python",
        tries="memory from the C library, touched",
        attack="""
def act():
    libc = ctypes().CDLL(None)
    libc.malloc.restype = ctypes().c_void_p
    block = libc.malloc(1 << 28)
    if not block: raise MemoryError
    ctypes().memset(block, 1, 1 << 28)
def attack(): tell(act)
""",
        says="refused MemoryError",
        proof="grew",
    ),
    Hostile(
        name="mapped",
        tries="memory from the kernel",
        attack="""
def act(): return sys.modules["mmap"].mmap(-1, 1 << 28).write(bytes(1 << 28))
def attack(): tell(act)
""",
        says="refused",
        proof="grew",
    ),
    Hostile(
        name="all-but-nothing",
        tries="take all memory and go on, so that the worker itself has none",
        attack="""
held = []
def attack():
    size = 1 << 24
    while size:
        try:
            held.append(bytearray(size))
        except MemoryError:
            size //= 2
    held.append(held)
""",
        ends="memory",
        or_ends=("crashed", "script-error"),
        proof="grew",
    ),
    Hostile(
        name="generators",
        tries="generators within generators, deeper than any stack",
        attack="""
def chain(depth):
    inner = iter(())
    for _ in range(depth): inner = (x for x in inner)
    return inner
def attack():
    list(chain(10**5))
    Logger.write("came back")
""",
        ends="crashed",
        or_ends=("operator", "memory"),
        says="",
        proof="ended",
    ),
    Hostile(
        name="deep-lists",
        tries="a list as deep as memory, compared, copied and thrown away",
        attack="""
import copy
def attack():
    deep = []
    for _ in range(10**5): deep = [deep]
    tell(repr, deep)
    tell(copy.deepcopy, deep)
    tell(lambda: deep == deep[:])
    del deep
""",
        says="refused RecursionError",
        unproved="the interpreter refuses it by itself",
    ),
    Hostile(
        name="files-of-its-own",
        tries="more memory by more descriptors",
        attack="""
def act():
    for _ in range(100): os.dup(3)
def attack(): tell(act)
""",
        says="refused",
        proof="done",
    ),
)
