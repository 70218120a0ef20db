"""Scripts that keep within each limit of theirs, and try to cost the core or others a lot by it.

Each floods for some seconds; what it gets through is metered, and the witness must not notice.
"""

from tests.hostile.case import Hostile

FLOOD_S = 2
EITHER = ("attacked", "(log truncated: the script writes more than 64 KiB/s)")
"""Whether lines are truncated in that time depends on how busy the machine is."""


def flood(name: str, tries: str, act: str, before: str = "", **changes: object) -> Hostile:
    """`act` is an expression that is evaluated again and again."""
    attack = f"""
{before}
async def attack():
    await during({FLOOD_S}, lambda: {act})
"""
    known = {"proof": "called", **changes}
    return Hostile(name=name, tries=tries, attack=attack, **known)  # type: ignore[arg-type]


def frames(name: str, tries: str, frame: str, **changes: object) -> Hostile:
    """The same bytes straight to the control socket, as fast as it takes them."""
    before = f"""
body = {frame}
FRAME = len(body).to_bytes(4, "big") + body
def send():
    os.set_blocking(3, True)
    for _ in range(10):
        left = memoryview(FRAME)
        while left: left = left[os.write(3, left):]
    os.set_blocking(3, False)
"""
    known = {"proof": "wrote", **changes}
    return flood(name, tries, "send()", before, **known)


CASES = (
    frames(
        "bracket-lines",
        "lines of which each looks deeply nested",
        """b'{"type":"log","text":"' + b"[" * 40 + b"\\\\u20ac" * 10_000 + b'"}'""",
        until=EITHER,
        or_ends=("cpu-limit",),
    ),
    frames(
        "escaped-lines",
        "lines that are longest to decode",
        """b'{"type":"log","text":"' + b"\\\\u20ac" * 10_800 + b'"}'""",
        until=EITHER,
        or_ends=("cpu-limit",),
    ),
    frames(
        "blank-frames",
        "frames that are sixty kilobytes of nothing",
        """b'{"type":"log","text":"x"}' + b" " * 60_000""",
        or_ends=("cpu-limit",),
    ),
    frames(
        "empty-lines",
        "the shortest frames there are",
        """b'{"type":"log","text":""}'""",
        or_ends=("cpu-limit",),
    ),
    flood(
        "drops",
        "legal frames, one byte at a time",
        "drip()",
        """
import itertools
body = b'{"type":"log","text":"drop"}'
drops = itertools.cycle(len(body).to_bytes(4, "big") + body)
def drip():
    os.set_blocking(3, True)
    for _ in range(100 * len(body) + 400): os.write(3, bytes([next(drops)]))
    os.set_blocking(3, False)
""",
        says="log: drop",
        proof="wrote",
        or_ends=("cpu-limit",),
    ),
    flood(
        "short-lines",
        "as many lines as fit",
        "[Logger.write('x' * 100) for _ in range(50)]",
        until=EITHER,
        proof="xxx",
    ),
    flood(
        "control-characters",
        "lines that are something else on a terminal",
        "Logger.write('\\x1b[2J\\x1b]0;evil\\x07\\u2028\\x85\\rover: operator')",
        proof="\x1b[2J",
    ),
    flood(
        "print",
        "print instead of the log",
        "print('y' * 5_000, end='')",
        until=EITHER,
        proof="yyy",
    ),
    flood(
        "info",
        "bodies that are slow to search for passwords",
        "call.sendInfo('text/plain', 'sip::' * 1_600 + '@')",
    ),
    flood("messages", "text messages", "call.sendMessage('m' * 8_000)"),
    flood(
        "headers",
        "refused commands with as many headers as allowed",
        "call.ring({f'X-{n}': 'h' * 50 for n in range(60)})",
    ),
    flood("session-data", "customData again and again", "VoxEngine.customData('d' * 200)"),
    flood("hidden-tones", "switch masking on and off", "Logger.hideTones(bool(id(object()) & 16))"),
    flood("tone-handling", "switch tone handling on and off", "call.handleTones(True)"),
    flood("digits", "digits for hours", "call.sendDigits('123456789*' * 25)"),
    flood(
        "speech",
        "the longest text, again and again: the voice is everybody's",
        "call.say('Far too much to say. ' * 70)",
    ),
    flood("broken-speech", "voices that are not there", "call.say('x', voice='no such voice' * 5)"),
    flood("playback", "a sound, again and again", "call.startPlayback('440-loop.wav')"),
    flood("missing-sounds", "sounds that are not there", "call.startPlayback('n' * 200)"),
    flood("progress-tones", "a tone, again and again", "call.playProgressTone('US')"),
    flood("stops", "stop what does not play", "call.stopPlayback()"),
    flood(
        "players",
        "players that are stopped at once",
        "[p.stop() for p in [VoxEngine.createURLPlayer('440-loop.wav')]]",
    ),
    flood(
        "tts-players",
        "ten players that all speak, and ten more",
        "[p.stop() for p in [VoxEngine.createTTSPlayer('Far too much. ' * 100)]]",
    ),
    flood(
        "markers",
        "more markers than a sound has samples",
        "player.addMarker(7)",
        "player = VoxEngine.createURLPlayer('440-loop.wav', loop=True)",
    ),
    flood(
        "recorders",
        "recordings that are ended at once",
        "[r.stop() for r in [VoxEngine.createRecorder(container='flac')]]",
    ),
    flood("recordings", "record a call again and again", "call.record(stereo=True)"),
    flood(
        "conferences",
        "conferences that are stopped at once",
        "[c.stop() for c in [VoxEngine.createConference()]]",
    ),
    flood(
        "routes",
        "change who hears whom, through a conference and itself",
        "(call.sendMediaTo(room), room.sendMediaTo(call), call.sendMediaTo(call))",
        "room = VoxEngine.createConference()",
    ),
    flood(
        "dials",
        "dial where nobody is",
        "VoxEngine.callSIP('sip:nobody@127.0.0.1:9')",
    ),
    flood("hangups", "dial and hang up", "VoxEngine.callSIP(event.headers['X-Own']).hangup()"),
    flood(
        "own-events",
        "events that cause events",
        "more()",
        """
def more(*_):
    room = VoxEngine.createConference()
    room.addEventListener(ConferenceEvents.Stopped, more)
    room.stop()
""",
        or_ends=("limit:commands", "cpu-limit"),
    ),
    flood(
        "own-timers",
        "timers that set timers",
        "more()",
        """
def more():
    setTimeout(more, 0)
""",
        or_ends=("cpu-limit",),
    ),
    Hostile(
        name="errors",
        tries="a hundred thousand uncaught exceptions with the longest tracebacks",
        attack="""
def fail(): raise ValueError("e" * 15_000)
async def attack():
    for _ in range(90): setInterval(fail, 100)
    await trio.sleep_forever()
""",
        hangs_up=True,
        says="ValueError: eee",
        proof="held",
    ),
    Hostile(
        name="calls-itself",
        tries="a call to itself, which calls itself, without end",
        attack="""
stopped = []
async def attack():
    while not stopped:
        again = VoxEngine.callSIP(event.toURI)
        again.addEventListener(CallEvents.Failed, lambda e: stopped.append(e.code))
        await trio.sleep(0.1)
    Logger.write(f"stopped by {stopped[0]}")
""",
        says="stopped by ",
        unproved="who is no telephone cannot call himself",
    ),
)
