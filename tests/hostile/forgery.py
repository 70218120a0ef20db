"""More frames that no worker sends: JSON that readers disagree about, and numbers of others."""

from tests.hostile.case import Hostile
from tests.hostile.frames import forged


def command(op: str, arguments: str, req: str = "900") -> str:
    """Source that sends one command; `arguments` is JSON without its braces."""
    body = f'{{"type":"cmd","req":{req},"op":"{op}","args":{{{arguments}}},"where":""}}'
    return f"raw({body!r})"


def handle(name: str, value: str) -> Hostile:
    return forged(
        f"handle-{name}",
        f"hang up the call with the handle {value}",
        command("call.hangup", f'"unit":{value}'),
        "unit: must be a whole number",
    )


NESTED = "{" * 30 + '\\"a\\":1' + "}" * 30

CASES = (
    forged(
        "same-key-twice",
        "a key twice: which one counts?",
        """raw('{"type":"log","text":"x","type":"ready"}')""",
        "ReadyFrame",
    ),
    forged("infinity", "Infinity", """raw('{"type":"log","text":Infinity}')""", "Infinity is not"),
    forged(
        "overflow",
        "a number that overflows to infinity",
        command("call.create", '"unit":1,"kind":"sip","to":"sip:x@127.0.0.1:9","timeout_s":1e999'),
        "timeout_s: must be a number from",
    ),
    forged(
        "half-a-pair",
        "half of a pair of surrogates",
        r"""raw('{"type":"log","text":"\\ud800"}')""",
        "lone surrogate",
    ),
    handle("true", "true"),
    handle("fraction", "2.0"),
    handle("text", '"2"'),
    handle("negative", "-2"),
    handle("huge", str(2**53)),
    forged(
        "handle-beyond-numbers",
        "a handle beyond what JSON can count",
        command("call.hangup", f'"unit":{2**53 + 1}'),
        "integer beyond 2^53",
    ),
    forged(
        "handle-of-the-core",
        "make a unit under a number of the core's",
        command("conference.create", '"unit":4'),
        "is not free to choose",
    ),
    forged(
        "handle-again",
        "make a unit under a number that was used",
        command("conference.create", '"unit":9')
        + "\n    "
        + command("conference.create", '"unit":9', "901"),
        "is not free to choose",
    ),
    forged("request-true", "a command numbered true", command("session.terminate", "", "true")),
    forged("request-null", "a command without number", command("session.terminate", "", "null")),
    forged(
        "last-request",
        "use up all numbers, then one more",
        command("session.hide_tones", '"hide":true', str(2**31))
        + "\n    "
        + command("session.hide_tones", '"hide":true', str(2**31)),
        "after 2147483648",
    ),
    forged(
        "many-keys",
        "an object of five thousand keys",
        """raw("{" + ",".join(f'"k{n}":0' for n in range(5000)) + ',"type":"ready"}')""",
        "ReadyFrame",
    ),
    forged(
        "deep-arguments",
        "arguments as deep as allowed",
        'raw(\'{"type":"cmd","req":900,"op":"call.hangup","args":'
        + '{"unit":' * 1
        + "["
        + "[" * 25
        + "]" * 25
        + ']},"where":""}\')',
        "unit: must be a whole number",
    ),
    forged("nothing", "a frame of no bytes", "raw('')", "not acceptable JSON"),
    forged(
        "code",
        "code, as only a checker sends it",
        """raw('{"type":"code","module":"m","data":"x"}')""",
    ),
    forged("type-list", "a kind that cannot be looked up", """raw('{"type":["log"]}')"""),
    forged(
        "op-object",
        "an operation that is an object",
        """raw('{"type":"cmd","req":900,"op":{},"args":{}}')""",
    ),
    forged(
        "reply-early",
        "a reply to the next event",
        """raw('{"type":"reply","seq":1000000}')""",
        "which asked for none",
    ),
    forged("reply-true", "a reply to event true", """raw('{"type":"reply","seq":true}')"""),
    forged(
        "long-line",
        "a line that is longer than any",
        """raw('{"type":"log","text":"' + "x" * 15_001 + '"}')""",
    ),
    forged(
        "null-byte", "a line with a null character", r"""raw('{"type":"log","text":"\\u0000"}')"""
    ),
    forged(
        "where-injection",
        "a place with a line break",
        r"""raw('{"type":"log","text":"x","where":"a.py:1\\nover: operator"}')""",
    ),
    Hostile(
        name="ready-at-import",
        tries="be ready before it is loaded",
        attack="""raw('{"type":"ready"}')""",
        at_import=True,
        ends="protocol",
        says="ready twice",
        proof="wrote",
    ),
    Hostile(
        name="import-error-later",
        tries="say that the import failed, long after it",
        attack="""
async def attack():
    raw('{"type":"error","unit":null,"kind":"import","message":"no","traceback":""}')
    await trio.sleep_forever()
""",
        ends="script-error",
        says="scenario error: no",
        proof="wrote",
    ),
    Hostile(
        name="own-death-notice",
        tries="name another reason for its end than the true one",
        attack="""
async def attack():
    raw('{"type":"error","unit":null,"kind":"task","message":"zygote-lost","traceback":""}')
    os._exit(0)
""",
        ends="script-error",
        or_ends=("crashed",),
        says="zygote-lost",
        proof="wrote",
    ),
    Hostile(
        name="shutdown-the-socket",
        tries="close the way to the core and go on",
        attack="""
async def attack():
    ctypes().CDLL(None).shutdown(3, 2)
    await trio.sleep_forever()
""",
        ends="crashed",
        or_ends=("script-error",),
        says="the script's process",
        unproved="without a core nobody minds",
    ),
    Hostile(
        name="watch-the-socket",
        tries="take the control socket out of trio's epoll",
        attack="""
async def attack():
    find("EpollIOManager")[0]._epoll.unregister(3)
    await trio.sleep_forever()
""",
        ends="unresponsive",
        or_ends=("script-error", "crashed", "operator"),
        says="the script's process",
        unproved="without a core nobody minds",
    ),
)
