"""Sounds that are none, names that lead elsewhere, recordings that would land elsewhere."""

from tests.hostile.case import Hostile


def plays(name: str, tries: str, url: str, says: str = "played") -> Hostile:
    """`url` is an expression."""
    attack = f"""
async def attack():
    call.on(CallEvents.PlaybackStarted)(lambda e: Logger.write("it plays"))
    call.on(CallEvents.PlaybackFinished)(lambda e: Logger.write(f"played {{e.error}}"))
    outcome = await call.startPlayback({url})
    Logger.write(f"outcome {{outcome}}")
"""
    return Hostile(name=name, tries=tries, attack=attack, says=says)


CASES = (
    plays("absolute", "a file by its absolute name", "'/etc/passwd'", "is an absolute path"),
    plays("above", "a file above its folder", "'../../../../etc/passwd'", "is not the name"),
    plays(
        "parent-inside", "the same, hidden in the middle", "'440.wav/../../x'", "is not the name"
    ),
    plays("link", "a link that leads out of its folder", "'leak.wav'", "leads out"),
    plays("device", "a link to a device without end", "'endless.wav'", "leads out"),
    plays("pipe-file", "a pipe that nobody writes", "'pipe.wav'", "is not a regular file"),
    plays("folder", "the folder itself", "'.'"),
    plays("null", "a name that ends early", "'440.wav\\0/etc/passwd' if False else '440.wav%00'"),
    plays("file-url", "a file as a URL", "'file:///etc/passwd'", "neither an http"),
    plays("proc", "the core's own environment", "'/proc/self/environ'", "is an absolute path"),
    plays("proc-link", "the same by a name of its own", "'proc/../self'", "is not the name"),
    plays("long-name", "a name of two thousand characters", "'a' * 1_999"),
    plays("backslash", "another system's way out", "'..' + chr(92) + '..' + chr(92) + 'etc'"),
    plays("script", "its own source as a sound", "'script.py'"),
    plays("no-sound", "a sound that is none", "'garbage.wav'"),
    plays(
        "own-timeline",
        "a timeline by a URL that looks like a recording's",
        "event.toURI.replace('sip:', 'http://') + '/api/v1/sessions/x/recordings/../timeline'",
    ),
    Hostile(
        name="null-name",
        tries="a name with a null character",
        attack="def attack(): tell(call.startPlayback, '440.wav' + chr(0))",
        says="refused ValueError",
    ),
    Hostile(
        name="recorder-name",
        tries="a recording under a name outside of its folder",
        attack="""
async def attack():
    for name in ("../../../evil", "/tmp/evil", "evil/../../evil", "evil" * 60):
        recorder = VoxEngine.createRecorder(name=name)
        recorder.addEventListener(RecorderEvents.Started, lambda e: Logger.write(f"at {e.url}"))
        await trio.sleep(0.1)
        recorder.stop()
    tell(lambda: VoxEngine.createRecorder(name="evil" + chr(0)))
    tell(lambda: VoxEngine.createRecorder(container="../evil"))
    await trio.sleep(0.5)
""",
        says="refused ValueError",
    ),
)
