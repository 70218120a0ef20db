"""Programs that keep a machine as busy as a runtime's own neighbours would.

One scenario per processor that computes without end, at the priority of session workers; a process
of the core's priority that collects a million objects of garbage again and again; and speech that
is made without a pause.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

WORKER_NICENESS: Final = 5
"""As session workers have."""
COMPUTES: Final = f"import os\nos.nice({WORKER_NICENESS})\nwhile True: sum(range(10_000))"
COLLECTS: Final = """
import gc
class Thing: pass
kept = [Thing() for _ in range(500_000)]
for thing in kept: thing.me = thing
while True: gc.collect()
"""
SPEAKS: Final = """
from runtime.media.pcm import PcmBuffer
from runtime.speech.espeak import Espeak, _Target
espeak = Espeak()
text = "A text that is spoken again and again. " * 10
request = {"voice": "en", "text": text, "ssml": False, "rate": 1, "pitch": 1, "volume": 1}
while True:
    pcm = PcmBuffer.create(capacity_s=60)
    espeak.speak(request, _Target(pcm, espeak.rate_hz, lambda: None))
    pcm.close()
"""


@contextmanager
def crowd() -> Iterator[None]:
    """They run until the block is left."""
    programs = [COMPUTES] * len(os.sched_getaffinity(0)) + [COLLECTS, SPEAKS]
    with ExitStack() as stack:
        for program in programs:
            process = stack.enter_context(subprocess.Popen([sys.executable, "-c", program]))
            stack.callback(process.kill)
        yield
