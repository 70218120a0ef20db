"""Text that would be something else in a SIP message, a file name or a log: through every argument.

Whatever the script manages to send, its telephone must not see a header called Evil, and the
session's end must be its own.
"""

from tests.hostile.case import Hostile

BREAKS = ("\r\n", "\n", "\r", "\0", "\u2028", "\x85", "\x0b\x0c", "%0d%0a", "\\r\\n")


def smuggles(name: str, tries: str, act: str, **changes: object) -> Hostile:
    """`act` is an expression in which `{evil}` stands for each kind of line break and a header."""
    attack = f"""
async def attack():
    for line_break in {BREAKS!r}:
        evil = f"x{{line_break}}Evil: 1"
        tell(lambda: {act})
        await trio.sleep(0.02)
    await trio.sleep(0.2)
"""
    known = {"says": "attacked", **changes}
    return Hostile(name=name, tries=tries, attack=attack, **known)  # type: ignore[arg-type]


CASES = (
    smuggles("info-header", "in a header of an INFO", "call.sendInfo('a/b', 'x', {'X-A': evil})"),
    smuggles("info-name", "in the name of a header", "call.sendInfo('a/b', 'x', {evil: 'x'})"),
    smuggles("info-type", "in the type of a body", "call.sendInfo(evil, 'x')"),
    smuggles("info-type-2", "in a parameter of the type", "call.sendInfo('a/b;c=' + evil, 'x')"),
    smuggles("info-body", "in a body", "call.sendInfo('a/b', evil + chr(13) + chr(10) * 4 + evil)"),
    smuggles(
        "own-headers",
        "by headers of the stack's own",
        "call.sendInfo('a/b', 'x', {'Via': 'Evil', 'Contact': evil, 'Content-Length': '0'})",
    ),
    smuggles(
        "dial-header",
        "in a header of an INVITE",
        "VoxEngine.callSIP(event.headers['X-Own'], headers={'X-A': evil}).hangup()",
    ),
    smuggles(
        "dial-address",
        "in the address that is dialled",
        "VoxEngine.callSIP(event.headers['X-Own'] + evil).hangup()",
    ),
    smuggles(
        "dial-user",
        "in its user part",
        "VoxEngine.callSIP(event.headers['X-Own'].replace('wire', evil)).hangup()",
    ),
    smuggles(
        "dial-parameters",
        "in its parameters",
        "VoxEngine.callSIP(event.headers['X-Own'] + ';x=' + evil + '?Evil=1').hangup()",
    ),
    smuggles(
        "caller-id",
        "in the caller's number",
        "VoxEngine.callSIP(event.headers['X-Own'], callerid='1@evil>;tag=1' + evil).hangup()",
    ),
    smuggles(
        "display-name",
        "in the caller's name",
        "VoxEngine.callSIP(event.headers['X-Own'], displayName='\"<sip:evil@x>' + evil).hangup()",
    ),
    smuggles(
        "credentials",
        "in a user and a password",
        "VoxEngine.callSIP(event.headers['X-Own'], authUser=evil, password=evil).hangup()",
    ),
    smuggles(
        "proxy",
        "in the address of a proxy",
        "VoxEngine.callSIP('sip:x@127.0.0.1', outProxy=event.headers['X-Own'] + evil).hangup()",
    ),
    smuggles("number", "in a number", "VoxEngine.callPSTN(evil, evil).hangup()"),
    smuggles("message", "in a message", "call.sendMessage(evil)"),
    smuggles("digits-text", "in digits", "call.sendDigits('1' + evil)"),
    smuggles("voice", "in the name of a voice", "call.say('x', voice=evil)"),
    smuggles(
        "ssml",
        "in a text that is markup",
        "call.say('<speak><audio src=\"file:///etc/passwd\"/>' + evil + '</speak>')",
    ),
    smuggles("country", "in a country", "call.playProgressTone(evil[:8])"),
    smuggles("session-data-text", "in customData", "VoxEngine.customData(evil)"),
    smuggles(
        "log-line", "a second line in the log", "Logger.write(evil + chr(10) + 'over: operator')"
    ),
    Hostile(
        name="hangup-header",
        tries="in a header of its BYE",
        attack="""
async def attack():
    for line_break in ("\\u2028", "\\x85", "%0d%0a", "\\x0b"):
        tell(call.hangup, {"X-A": f"x{line_break}Evil: 1", "X-B": "fine"})
    await trio.sleep(0.2)
""",
        hangs_up=True,
        says="log: done",
    ),
    Hostile(
        name="reason",
        tries="in the text of an exception, which becomes a reason",
        attack="""
def attack(): raise ValueError("x\\r\\nEvil: 1\\u2028Evil: 2;\\x85\\" ;text=\\"")
""",
        hangs_up=True,
        says="ValueError",
    ),
    Hostile(
        name="reason-of-refusal",
        tries="the same while it is loaded: the reason phrase of a response",
        attack="""raise ValueError("x\\r\\nEvil: 1\\r\\n\\r\\nbody\\x0bEvil: 2")""",
        at_import=True,
        ends="script-error",
        says="ValueError",
    ),
)
