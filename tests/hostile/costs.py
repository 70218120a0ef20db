"""What costs a script little and others much: the core's time, the voice, the engine's modules."""

from tests.hostile.case import Hostile
from tests.hostile.frames import forged
from tests.hostile.kernel import refused


def costs(name: str, tries: str, act: str, **changes: object) -> Hostile:
    """`act` is an expression, done as often as the worker takes it for a second."""
    attack = f"async def attack():\n    await during(1, lambda: {act}, most=150)"
    known = {"says": "attacked", "unproved": "it is the core's time that is wasted", **changes}
    return Hostile(name=name, tries=tries, attack=attack, **known)  # type: ignore[arg-type]


def wastes(
    name: str,
    tries: str,
    url: str,
    *,
    says: str = "characters as it is sent",
    former: str = "",
    proof: str = "wrote",
) -> Hostile:
    """Requests that the worker itself would not make; `url` is an expression of its end.

    `former` is the pattern with which the core once searched each of them: the control run does
    that in the core's place.
    """
    attack = f"""
import re
async def attack():
    url = "http://127.0.0.1/?" + {url}
    command = '{{"type":"cmd","req":%d,"op":"http.request","args":{{"url":"%s"}},"where":""}}'
    for number in range(20):
        if CONTROL and {former!r}:
            re.sub({former!r}, "", url)
            continue
        raw(command % (900 + number, url))
        await trio.sleep(0.02)
    await trio.sleep(0 if CONTROL else 0.5)
"""
    return Hostile(name=name, tries=tries, attack=attack, says=says, proof=proof)


FORMER_PARAMETER = r"([?&;])([^=&;#]*)=([^&;#]*)"
"""By which parameters of a URL were found once: from each question mark on to the end."""


CASES = (
    costs(
        "markup-without-an-end",
        "a tag of which no attribute begins",
        "call.say('<speak><p ' + 'a' * 1480 + '>')",
    ),
    costs("markup-of-spaces", "nothing after a bracket", "call.say('<speak><' + ' ' * 1490)"),
    wastes(
        "url-of-accents", "URLs that are six times as long when they are sent", "chr(233) * 2700"
    ),
    wastes(
        "url-of-questions",
        "URLs of many parameters without an end",
        "'?' * 7900",
        says="loopback",
        former=FORMER_PARAMETER,
        proof="held",
    ),
    costs(
        "sound-of-accents",
        "the same for a sound",
        "VoxEngine.createURLPlayer('http://127.0.0.1/?' + chr(233) * 1900).stop()",
    ),
    costs("no-voice", "voices that nearly exist", "call.say('x', voice='esperanto english')"),
    Hostile(
        name="listens-for-all",
        tries="everything that the engine can listen for, which it never did before",
        attack="""
async def attack():
    call.handleTones(True)
    call.handleMicStatus(True)
    call.enableBeepDetection()
    call.detectProgressTone("US")
    await trio.sleep(1)
""",
        says="attacked",
        unproved="the engine listens",
    ),
    Hostile(
        name="long-pauses",
        tries="minutes of silence by a few characters, of which it holds many",
        attack="""
async def attack():
    text = "<speak><break time='300000ms'/>a</speak>"
    for _ in range(2):
        VoxEngine.createSequencePlayer(segments=[{"text": text}] * 3)
    await trio.sleep(0.5)
""",
        says="attacked",
        unproved="the voice speaks",
    ),
    refused(
        "urgent-data",
        "data that overtake, on the control socket",
        """
def act():
    socket = sys.modules["socket"]
    one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=3)
    try:
        return one.send(b"x", socket.MSG_OOB)
    finally:
        one.detach()
""",
    ),
    forged(
        "field-name",
        "a line break in the name of a field",
        r"""raw('{"type":"log","text":"x","x\\r\\nEvil: 1\\u001b[2J":1}')""",
        "unexpected keyword argument",
    ),
    forged(
        "field-name-of-a-page",
        "a name of a field as long as a frame",
        """raw('{"type":"log","text":"x","' + "k" * 60_000 + '":1}')""",
        "unexpected keyword argument",
    ),
)
