"""The recogniser that is always there: pocketsphinx in its own process, for lists of phrases.

The process starts when the first script wants it; until then it costs nothing. It is shared by all
applications, which take turns; while it computes, audio and the beginnings of speech go on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import trio

from runtime.decisions.hints import HintsRefused, phrases_wanted
from runtime.decisions.recognition import Recognised, read_answer
from runtime.decisions.seats import Seats
from runtime.media.pcm import PcmBuffer
from runtime.media.port import SoundError
from runtime.media.sounds.sound_workers import SoundWorkers, WorkerKind
from runtime.sandbox.levels import SandboxReport

from .one_shot import Failed, Understander
from .port import RecognitionUnavailable
from .utterances import RATE_HZ, Ended

MODULE: Final = "runtime.recognition.sphinx"
START_S: Final = 10.0
"""A caller waits for it once in the life of the runtime; it takes 0.7 s."""
QUEUE: Final = 32
"""Utterances that wait: at 50 ms each, nobody waits for two seconds."""
OWNER_QUEUE: Final = 16
"""Of one application: half of all, so that what is said to another one finds a place."""
JOB_S: Final = 10.0
CPU_S: Final = 5.0
"""The longest utterance takes 1 s."""
MAX_UTTERANCE_S: Final = 15.0
"""A phrase of ten words lasts five; who speaks longer does not say a phrase."""
MAX_LISTENING: Final = 100
"""Recognitions at once on this machine: when a quarter of the callers speak, one processor has
enough to do. One application has three quarters at most (decisions/seats.py)."""
MAX_ERROR: Final = 500
"""Characters of the worker's own error sentence."""
MAX_UNKNOWN: Final = 20
"""Unknown words that are told."""


class EmbeddedRecogniser:
    """`run` it from the start of the core; `open` from anywhere in it."""

    def __init__(
        self, warn: Callable[[str], object], least: Callable[[], SandboxReport] | None = None
    ) -> None:
        """`least`: how well others of the same profile are locked; it is not used with less."""
        kind = WorkerKind(
            module=MODULE,
            name="the embedded recogniser",
            count=1,
            queue=QUEUE,
            owner_queue=OWNER_QUEUE,
            job_s=JOB_S,
            cpu_s=CPU_S,
            nice=5,
        )
        self._workers = SoundWorkers(kind, warn)
        self._least = least
        self._wanted = trio.Event()
        self._ready = trio.Event()
        self._seats = Seats(MAX_LISTENING)

    @property
    def restarts(self) -> int:
        """How often the worker had to be replaced."""
        return self._workers.restarts

    @property
    def sandbox(self) -> SandboxReport | None:
        """How well it is locked, as its latest worker found by trying; None before the first."""
        return self._workers.sandbox if self._ready.is_set() else None

    def held_by(self, owner: str) -> int:
        """How many of an application's callers it listens to."""
        return self._seats.held_by(owner)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the worker running from its first use on, until cancelled."""
        task_status.started()
        await self._wanted.wait()
        if self._least is not None:
            self._workers.sandbox = self._least()
        async with trio.open_nursery() as nursery:
            await nursery.start(self._workers.run)
            self._ready.set()

    async def open(self, wishes: dict[str, Any], owner: str) -> EmbeddedUnderstander:
        """One user's hold on it, to be closed; `owner` is the application. Raises
        RecognitionUnavailable."""
        try:
            phrases_wanted(wishes)
        except HintsRefused as exc:
            raise RecognitionUnavailable(str(exc)) from exc
        if not self._seats.take(owner):
            own = self.held_by(owner)
            raise RecognitionUnavailable(
                f"the embedded recogniser listens to {own} callers of this application and "
                f"{self._seats.taken - own} of others already; try again later"
            )
        understander = EmbeddedUnderstander(self, wishes, owner)
        try:
            await self._started()
            await understander.prepare()
        except BaseException:  # cancelled, or refused: raised again
            understander.close()
            raise
        return understander

    async def _started(self) -> None:
        self._wanted.set()
        with trio.move_on_after(START_S):
            await self._ready.wait()
            return
        raise RecognitionUnavailable("the embedded recogniser does not start")

    async def ask(
        self, wishes: dict[str, Any], owner: str, memory: PcmBuffer | None
    ) -> dict[str, Any]:
        """The worker's last reply. Raises Failed."""
        question = _Question(memory)
        hints = {"wishes": {"phraseHints": wishes.get("phraseHints")}}
        try:
            self._workers.submit(hints, [], question, owner=owner)
            return await question.answer()
        except SoundError as exc:
            raise Failed(str(exc)) from exc
        finally:
            question.wanted = False

    def release(self, owner: str) -> None:
        self._seats.leave(owner)


class EmbeddedUnderstander(Understander):
    """One user's phrases."""

    max_s = MAX_UTTERANCE_S

    def __init__(self, recogniser: EmbeddedRecogniser, wishes: dict[str, Any], owner: str) -> None:
        self._recogniser: EmbeddedRecogniser | None = recogniser
        self._ask = recogniser.ask
        self._wishes = wishes
        self._owner = owner
        self.note = ""

    async def prepare(self) -> None:
        """Raises RecognitionUnavailable when it knows none of the phrases."""
        try:
            reply = await self._ask(self._wishes, self._owner, None)
        except Failed as exc:
            raise RecognitionUnavailable(str(exc)) from exc
        unknown = reply.get("unknown")
        if isinstance(unknown, list) and unknown:
            words = ", ".join(str(word)[:40] for word in unknown[:MAX_UNKNOWN])
            self.note = f"hints with these words cannot be recognised: {words}"

    async def understand(self, utterance: Ended) -> Recognised:
        samples = utterance.samples
        memory = PcmBuffer.create(RATE_HZ, capacity_s=len(samples) / RATE_HZ)
        try:
            memory.append(samples)
            reply = await self._ask(self._wishes, self._owner, memory)
        finally:
            memory.close()
        return read_answer(reply)

    def close(self) -> None:
        if self._recogniser is not None:
            self._recogniser.release(self._owner)
            self._recogniser = None


class _Question:
    """A Work of the recogniser's process: one reply."""

    def __init__(self, memory: PcmBuffer | None) -> None:
        self.wanted = True
        self._memory = memory
        self._reply: dict[str, Any] | None = None
        self._error = ""
        self._over = trio.Event()

    @property
    def refusal(self) -> str | None:
        """It needs no memory that was not there before."""
        return None

    @property
    def shared(self) -> tuple[int, ...]:
        return () if self._memory is None else (self._memory.fd,)

    def told(self, reply: dict[str, Any]) -> bool:
        if reply.get("state") == "failed":
            self.fail(str(reply.get("error"))[:MAX_ERROR])
        else:
            self._reply = reply
            self._over.set()
        return True

    def fail(self, error: str, *, hopeless: bool = False) -> None:
        if not self._over.is_set():
            self._error = error
            self._over.set()

    async def answer(self) -> dict[str, Any]:
        """Raises Failed."""
        await self._over.wait()
        if self._reply is None:
            raise Failed(self._error)
        return self._reply
