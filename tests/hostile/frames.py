"""Scripts that write to the control socket themselves."""

from tests.hostile.case import Hostile


def forged(
    name: str,
    tries: str,
    body: str,
    says: str = "broke the protocol",
    *,
    unproved: str = "",
) -> Hostile:
    """Something that no worker sends."""
    lines = ("async def attack():", "await trio.sleep(0.1)", body, "await trio.sleep_forever()")
    attack = "\n    ".join(lines)
    return Hostile(
        name=name,
        tries=tries,
        attack=attack,
        ends="protocol",
        says=says,
        proof=None if unproved else "wrote",
        unproved=unproved,
    )


CASES = (
    forged("garbage", "bytes that are no frame", "os.write(3, b'GET / HTTP/1.1\\r\\n\\r\\n')"),
    forged("oversize", "announce four gigabytes", "raw('{', 2**32 - 1)"),
    forged("half", "begin a frame and never end it", "raw('{', 100)", "not finished"),
    forged(
        "drip",
        "one byte at a time, so that something always comes",
        """raw('', 100)
    for _ in range(50):
        os.write(3, b'x')
        await trio.sleep(0.3)""",
        "not finished",
    ),
    forged("deep", "sixty thousand brackets", "raw('[' * 60_000)"),
    forged("no-object", "a list where an object belongs", "raw('[]')"),
    forged("not-a-number", "NaN", 'raw(\'{"type":"log","text":NaN}\')'),
    forged(
        "huge-number", "a number of fifty thousand digits", "raw('{\"type\":' + '9' * 50_000 + '}')"
    ),
    forged(
        "pong", "answer a ping that was not sent", 'raw(\'{"type":"pong","nonce":"n1"}\')', "pong"
    ),
    forged("reply", "answer an event that was not sent", 'raw(\'{"type":"reply","seq":999}\')'),
    forged("ready", "be ready twice", 'raw(\'{"type":"ready"}\')', "ready twice"),
    forged("unknown", "a frame of another kind", 'raw(\'{"type":"shutdown"}\')'),
    forged(
        "unhashable",
        "a handle that is a list",
        'raw(\'{"type":"cmd","req":900,"op":"call.answer","args":{"unit":["x"]},"where":""}\')',
    ),
    forged(
        "header-injection",
        "a line break in a SIP header",
        """raw('{"type":"cmd","req":900,"op":"call.hangup","args":{"unit":2,'
        '"headers":{"X-A":"a\\\\r\\\\nVia: evil"}},"where":""}')""",
    ),
    forged("not-text", "half a character", 'raw(b\'{"type":"log","text":"\\xff"}\')'),
    forged(
        "frame-walk",
        "send a forged frame through the worker's own outbox",
        """frame = type("Ready", (), {"type": "ready"})
    sys.modules["runtime.sandbox.outbox"].worker_frame_to_json = lambda f: {"type": "ready"}
    Logger.write("walked")""",
        "ready twice",
        unproved="it goes through the worker's own objects",
    ),
    forged(
        "garbage-collector",
        "find the worker's socket among all objects and write to it",
        """gc = sys.modules["gc"]
    gc.unfreeze()
    found = [o for o in gc.get_objects() if type(o).__name__ == "SocketStream"]
    found[0].socket._sock.send(b"\\\\xff" * 100)""",
        unproved="it goes through the worker's own objects",
    ),
    Hostile(
        name="foreign-handle",
        proof="wrote",
        tries="hang up the call of another session",
        attack="""
async def attack():
    for unit in (4, 6, 100, 1_000_001):
        raw('{"type":"cmd","req":%d,"op":"call.hangup","args":{"unit":%d},"where":""}'
            % (800_000 + unit, unit))
    await trio.sleep(0.3)
""",
        ends="protocol",
    ),
    Hostile(
        name="api-injection",
        tries="a line break through the API",
        attack="def attack(): tell(call.hangup, {'X-A': 'a\\r\\nVia: evil'})",
        says="refused",
        unproved="SIP is written by the core",
    ),
    Hostile(
        name="error-flood",
        proof="wrote",
        tries="five thousand forged errors",
        attack="""
def attack():
    os.set_blocking(3, True)
    body = ('{"type":"error","unit":null,"kind":"task","message":"m","traceback":"t","where":""}')
    for _ in range(5000): raw(body)
""",
        ends="script-error",
    ),
)
