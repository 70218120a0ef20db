"""The core's side of processes that make or understand sounds: file decoders, voices, recognisers.

One request at a time per worker, a bounded queue before them in which owners take turns
(decisions/turns.py). One worker is warm from the start, more are started when requests wait, and
stay. A worker that dies, or takes too long by its CPU clock or by the wall clock, costs the one
request it was busy with: it is killed and replaced, and the next request goes on.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Final, Protocol

import attrs
import trio

from runtime.decisions.turns import Shares, Turns
from runtime.decisions.watchdog import LOOK_S, Silence, Verdict
from runtime.media.port import SoundError
from runtime.processes.child import Child, describe_exit, start_child
from runtime.processes.link import LinkFull
from runtime.processes.packets import LinkClosed
from runtime.processes.usage import cpu_of, usage_of
from runtime.sandbox.levels import SandboxReport, Weaker, admitted, unprobed

START_S: Final = 30.0
"""A worker needs well under a second; on a starved machine, this."""
GROWTH_PAUSE_S: Final = 0.1
"""How long requests wait before another worker is started: the sounds of a call are decoded by one
in less, and a start costs more than they do."""
RESTART_PAUSE_S: Final = 1.0
"""After a worker that died before it was ready, so that a broken installation does not spin."""
END_S: Final = 0.5
"""A worker leaves by itself when its link is closed; one that does not is killed."""
STARVED: Final = 10
"""Times the wall time of a request: a machine that leaves it no more processor is lost anyway."""


@attrs.frozen(kw_only=True)
class WorkerKind:
    """What a pool of workers is, for its owner and for the error messages."""

    module: str
    arguments: tuple[str, ...] = ()
    name: str
    """As an author reads it: "the file decoder"."""
    count: int
    """At most so many of them."""
    queue: int
    """Requests that may wait; one more is refused."""
    job_s: float
    """A request that takes longer, without its waits for a processor, hangs and is killed."""
    cpu_s: float
    """A request that computes for longer is an attack and is killed."""
    owner_queue: int | None = None
    """Requests of one owner that may wait; None: as many as of all."""
    owner_busy: int | None = None
    """Workers that one owner may keep busy; None: all."""
    nice: int = 0

    @property
    def shares(self) -> Shares:
        return Shares(
            queue=self.queue,
            owner_queue=self.owner_queue or self.queue,
            owner_busy=self.owner_busy or self.count,
        )


class Work(Protocol):
    """What a request is for; its fate."""

    @property
    def wanted(self) -> bool:
        """Whether anybody still waits for it; what nobody wants is not worth starting."""

    @property
    def refusal(self) -> str | None:
        """Why it may not be started now, if so."""

    @property
    def shared(self) -> tuple[int, ...]:
        """Descriptors of its memory; they stay its own, and are sent last."""

    def told(self, reply: dict[str, Any]) -> bool:
        """A reply of the worker's, which has met what strangers made; True when it was the last."""

    def fail(self, error: str, *, hopeless: bool = False) -> None:
        """Nothing follows. `hopeless`: it would be so at any time. No effect once it is over."""


@attrs.define(eq=False)
class _Job:
    request: dict[str, Any]
    fds: tuple[int, ...]
    work: Work
    patience_s: float
    """What comes on top of the time that a request may take."""
    trouble: str = "failed on it and was restarted"
    """What is told when the worker does not live to answer."""
    hopeless: bool = False

    def close(self) -> None:
        for fd in self.fds:
            os.close(fd)
        self.fds = ()


class SoundWorkers:
    """A pool of like workers. `run` it in the core; `submit` from anywhere in the core.

    `warn` is told, in one sentence, about workers that had to be replaced.
    """

    def __init__(self, kind: WorkerKind, warn: Callable[[str], object]) -> None:
        self.kind = kind
        self._warn = warn
        self.hello: dict[str, Any] = {}
        """What the workers told about themselves when they started."""
        self.restarts = 0
        self.sandbox = unprobed(f"{kind.name} has not started")
        """How well the workers are locked, as the latest found by trying."""
        self._jobs: Turns[_Job] = Turns(kind.shares)
        self._idle = trio.lowlevel.ParkingLot()
        self._asked = trio.lowlevel.ParkingLot()
        """Where the growth of the pool waits for the next request to come, or to be begun."""
        self._workers = 0
        """Kept running; those that are still being started too."""
        self._running = False

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Start a worker, more as they are needed, and keep them until cancelled; ready when the
        first one is."""
        async with trio.open_nursery() as nursery:
            try:
                self._workers = 1
                await nursery.start(self._keep_worker)
                self._running = True
                task_status.started()
                await self._grow(nursery)
            finally:
                self._running = False
                for job in self._jobs.clear():
                    self._fail(job, "stopped")

    def submit(
        self,
        request: dict[str, Any],
        fds: Sequence[int],
        work: Work,
        *,
        owner: Hashable = None,
        patience_s: float = 0.0,
    ) -> None:
        """Have a request carried out; `work` is told how that went. Takes the descriptors over.

        Owners take turns. `patience_s`: how much longer than others it may take, because the worker
        waits for what it reads. Raises SoundError when too many requests wait, of all or of this
        owner.
        """
        job = _Job(request, tuple(fds), work, patience_s)
        if not self._running or not self._jobs.put(owner, job):
            why = f"has {len(self._jobs)} requests waiting" if self._running else "is not running"
            job.close()
            raise SoundError(f"{self.kind.name} {why}; try again later")
        self._idle.unpark()
        self._asked.unpark_all()

    async def _grow(self, nursery: trio.Nursery) -> None:
        while True:
            await self._asked.park()
            while self._workers < (wanted := self._wanted_workers()):
                await trio.sleep(GROWTH_PAUSE_S)
                if self._workers < min(wanted, self._wanted_workers()):
                    self._workers += 1
                    nursery.start_soon(self._keep_worker)

    def _wanted_workers(self) -> int:
        """One for each request. Where several are busy one more, so that the next owner's request
        does not wait for a start."""
        busy = self._jobs.busy
        spare = int(busy > 1)
        return min(self.kind.count, busy + max(len(self._jobs), spare))

    async def _keep_worker(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        while True:
            try:
                child = start_child(self.kind.module, self.kind.arguments, nice=self.kind.nice)
            except OSError as exc:
                self._warn(f"{self.kind.name} cannot be started: {exc.strerror}")
                await trio.sleep(RESTART_PAUSE_S)
                continue
            try:
                if await self._greet(child):
                    task_status.started()
                    task_status = trio.TASK_STATUS_IGNORED
                    await self._serve_while_alive(child)
                else:
                    await trio.sleep(RESTART_PAUSE_S)
            finally:
                await child.close(grace_s=END_S)
            self.restarts += 1
            end = "hangs" if child.status is None else describe_exit(child.status)
            self._warn(f"{self.kind.name} (process {child.pid}, {end}) was replaced")

    async def _greet(self, child: Child) -> bool:
        with trio.move_on_after(START_S), contextlib.suppress(LinkClosed):
            hello, _ = await child.link.receive()
            try:
                self.sandbox = admitted(SandboxReport.from_json(hello["sandbox"]), self.sandbox)
            except Weaker as exc:
                self._warn(f"{self.kind.name} is not used: {exc}")
                return False
            self.hello = hello
            return True
        return False

    async def _serve_while_alive(self, child: Child) -> None:
        async with trio.open_nursery() as nursery:

            async def end_with_child() -> None:
                await child.wait()
                nursery.cancel_scope.cancel()

            nursery.start_soon(end_with_child)
            await self._serve(child)
            nursery.cancel_scope.cancel()

    async def _serve(self, child: Child) -> None:
        """Carry out jobs until the worker is of no more use."""
        useful = True
        while useful:
            turn = self._jobs.take()
            if turn is None:
                await self._idle.park()
                continue
            owner, job = turn
            self._asked.unpark_all()
            try:
                if not job.work.wanted:
                    job.close()
                elif (why := job.work.refusal) is not None:
                    job.close()
                    job.work.fail(why)
                else:
                    useful = await self._carry_out(child, job)
            finally:
                self._jobs.done(owner)
                self._idle.unpark()

    async def _carry_out(self, child: Child, job: _Job) -> bool:
        """One request from beginning to end; False when the worker has to be replaced."""
        done = False
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch, child, job)
                await child.link.send(job.request, [*job.fds, *job.work.shared])
                job.close()
                await self._follow(child, job.work)
                done = True
                nursery.cancel_scope.cancel()
        except* (LinkClosed, LinkFull):
            pass
        finally:
            self._fail(job, job.trouble)
        return done

    async def _watch(self, child: Child, job: _Job) -> None:
        """End a worker that takes too long over its request."""
        cpu_s, job_s = self.kind.cpu_s, self.kind.job_s + job.patience_s
        silence = Silence(trio.current_time(), cpu_of(child.pid), cpu_s, job_s)
        verdict = None
        with trio.move_on_after(job_s * STARVED):
            while verdict is None:
                await trio.sleep(LOOK_S)
                verdict = silence.look(trio.current_time(), usage_of(child.pid))
        job.hopeless = verdict is Verdict.BURNS
        if job.hopeless:
            job.trouble = f"used more than {cpu_s:g} s of CPU time on it and was stopped"
        else:
            job.trouble = f"took longer than {job_s:g} s over it and was stopped"
        child.kill()

    async def _follow(self, child: Child, work: Work) -> None:
        over = False
        while not over:
            reply, _ = await child.link.receive()
            over = work.told(reply)

    def _fail(self, job: _Job, trouble: str) -> None:
        job.close()
        job.work.fail(f"{self.kind.name} {trouble}", hopeless=job.hopeless)
