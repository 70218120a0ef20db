"""A real `callstage run`, started as a user starts it, and looked at from outside only.

It is started on free ports, waited for by its ready line, stopped by SIGTERM, and then held to the
contract: exit code 0, one line on standard output, nobody of its process tree left. Signals go to
processes of this tree only, each by its own pid.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e import process_tree
from tests.e2e.waiting import WAIT_S, until
from tests.ports import rtp_ports

HOST: Final = "127.0.0.1"
COMMAND: Final = Path(sys.executable).parent / "callstage"
START_S: Final = 60.0
"""For all children to be up on a busy machine."""
STOP_S: Final = 45.0
"""The drain time-out and the farewells, on a busy machine."""
POLL_S: Final = 0.02
RTP_PORTS: Final = 400
LISTEN: Final = ("udp://127.0.0.1:0", "tcp://127.0.0.1:0")


class RuntimeFailed(AssertionError):
    """The runtime did not do what its command promises; the message holds its log."""


@attrs.define
class RuntimeProcess:
    """A running runtime."""

    process: subprocess.Popen[bytes]
    folder: Path
    data: Path
    ready_line: str = ""

    # --- what it said ---------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        return self.process.pid

    def stdout(self) -> str:
        return (self.folder / "stdout.txt").read_text(errors="replace")

    def log(self) -> str:
        """Standard error so far."""
        return (self.folder / "stderr.txt").read_text(errors="replace")

    def log_lines(self, text: str) -> list[str]:
        return [line for line in self.log().splitlines() if text in line]

    async def logged(self, text: str, times: int = 1, within_s: float = WAIT_S) -> str:
        """Wait for the log line that holds `text`, for the `times`-th time."""

        def found() -> bool:
            return len(self.log_lines(text)) >= times

        await self.until(found, f"{times} x {text!r} in the log", within_s)
        return self.log_lines(text)[times - 1]

    async def until(
        self, condition: Callable[[], object], what: str, within_s: float = WAIT_S
    ) -> None:
        """Wait, bounded, for something that can only be looked at."""
        await until(condition, what, within_s=within_s, seen=lambda: self.log()[-6000:])

    # --- where it is ----------------------------------------------------------------------------

    def port(self, transport: str = "udp") -> int:
        found = re.search(rf"sip={transport}:[^ ]*:(\d+)", self.ready_line)
        assert found, self.ready_line
        return int(found[1])

    def uri(self, user: str, transport: str = "udp") -> str:
        suffix = "" if transport == "udp" else f";transport={transport}"
        return f"sip:{user}@{HOST}:{self.port(transport)}{suffix}"

    @property
    def http(self) -> str:
        found = re.search(r"http=(\S+)", self.ready_line)
        assert found, self.ready_line
        return found[1]

    # --- what it left on disk -------------------------------------------------------------------

    def api(self, path: str) -> dict[str, Any]:
        """What the HTTP interface says of `path`."""
        answer = httpx.get(f"{self.http}/api/v1/{path}", trust_env=False)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def metrics(self) -> dict[str, float]:
        """What it counts, by name and values of labels."""
        answer = httpx.get(f"{self.http}/metrics", trust_env=False)
        return {
            " ".join([sample.name, *sample.labels.values()]): sample.value
            for family in text_string_to_metric_families(answer.raise_for_status().text)
            for sample in family.samples
        }

    def sessions(self) -> list[str]:
        """Ids of all sessions that have a timeline, oldest first."""
        files = self.data.glob("sessions/*/timeline.jsonl")
        return [file.parent.name for file in sorted(files, key=lambda f: f.stat().st_ctime_ns)]

    async def session_of(self, call_id: str) -> str:
        """The session that a call belongs to: its SIP messages are in the timeline."""

        def found() -> list[str]:
            return [session for session in self.sessions() if call_id in self._raw(session)]

        await self.until(found, f"a timeline with the call {call_id}")
        return found()[0]

    def _raw(self, session: str) -> str:
        return (self.data / "sessions" / session / "timeline.jsonl").read_text()

    def timeline(self, session: str) -> list[dict[str, Any]]:
        whole, _, _ = self._raw(session).rpartition("\n")  # the last line may be being written
        return [json.loads(line) for line in whole.splitlines()]

    async def over(self, session: str) -> list[dict[str, Any]]:
        """The whole timeline, once the session has ended."""

        def ended() -> bool:
            return any(entry["what"].startswith("over: ") for entry in self.timeline(session))

        await self.until(ended, f"the end of session {session}")
        return self.timeline(session)

    def recordings(self) -> list[Path]:
        files = (file for file in self.data.glob("recordings/**/*") if file.is_file())
        return sorted(files, key=lambda file: file.stat().st_mtime_ns)

    # --- its processes --------------------------------------------------------------------------

    def processes(self, module: str = "") -> list[int]:
        """Living pids of its tree whose command line holds `module`."""
        return process_tree.descendants(self.pid, module)

    def kill(self, pid: int) -> None:
        """SIGKILL for one process of the tree."""
        assert pid == self.pid or pid in self.processes()
        os.kill(pid, signal.SIGKILL)

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    async def exited(self, within_s: float = STOP_S) -> int:
        await self.until(lambda: self.process.poll() is not None, "the runtime ends", within_s)
        return int(self.process.returncode)

    def stop(self) -> None:
        """SIGTERM, and the promises that go with it."""
        tree = process_tree.identified(self.pid)
        if self.process.poll() is None:
            self.terminate()
        try:
            code = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            raise RuntimeFailed(f"still there {STOP_S:g} s after SIGTERM\n{self.log()}") from None
        self.check_end(code, tree)

    def check_end(self, code: int, tree: Sequence[process_tree.Identity]) -> None:
        if code != 0:
            raise RuntimeFailed(f"exit code {code}\n{self.log()[-6000:]}")
        left = process_tree.wait_gone(tree)
        if left:
            raise RuntimeFailed(f"left behind: {left}\n{self.log()[-3000:]}")
        if self.stdout() != self.ready_line + "\n":
            raise RuntimeFailed(f"standard output holds more than one line: {self.stdout()!r}")

    def abandon(self) -> None:
        """A failed test: nothing of the tree may stay, and nothing is asserted."""
        tree = process_tree.identified(self.pid)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(STOP_S)
        for pid, _ in process_tree.wait_gone(tree):
            os.kill(pid, signal.SIGKILL)


def arguments(data: Path, extra: Sequence[str] = ()) -> list[str]:
    """Free ports for everything that `extra` does not say."""
    defaults = {
        "--http": [f"{HOST}:0"],
        "--data": [str(data)],
        "--rtp-ports": [rtp_ports(RTP_PORTS)],
        "--sip": list(LISTEN),
    }
    words = [str(word) for word in extra]
    for option, values in defaults.items():
        if option not in words:
            words += [word for value in values for word in (option, value)]
    return words


@attrs.frozen(kw_only=True)
class Command:
    """How the runtime is started."""

    words: Sequence[str]
    folder: Path
    """For its output, and its data unless told otherwise."""
    verb: str = "run"
    cwd: Path | None = None
    environment: Mapping[str, str] | None = None
    prefix: Sequence[str] = ()

    def launch(self) -> RuntimeProcess:
        self.folder.mkdir(parents=True, exist_ok=True)
        data = self.folder / "data"
        out, err = self.folder / "stdout.txt", self.folder / "stderr.txt"
        words = [*self.prefix, str(COMMAND), self.verb, *self.words]
        if self.verb == "run":
            words = [*words[: len(self.prefix) + 2], *arguments(data, self.words)]
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                cwd=self.cwd,
                env={**os.environ, **(self.environment or {})},
            )
        return RuntimeProcess(process, self.folder, data)


def wait_ready(runtime: RuntimeProcess) -> None:
    """Until the ready line is there; RuntimeFailed when it ends or takes too long."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        line, newline, _ = runtime.stdout().partition("\n")
        if newline:
            runtime.ready_line = line
            assert line.startswith("callstage ready sip="), line
            return
        if runtime.process.poll() is not None:
            break
        time.sleep(POLL_S)
    raise RuntimeFailed(f"no ready line: {runtime.process.poll()}\n{runtime.log()[-6000:]}")


@contextmanager
def callstage(
    *scenarios: str | Path,
    folder: Path,
    options: Sequence[str] = (),
    verb: str = "run",
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    prefix: Sequence[str] = (),
) -> Iterator[RuntimeProcess]:
    """A runtime while the block runs; afterwards it has ended as promised."""
    words = [*map(str, scenarios), *options]
    command = Command(
        words=words, folder=folder, verb=verb, cwd=cwd, environment=environment, prefix=prefix
    )
    runtime = command.launch()
    try:
        wait_ready(runtime)
        yield runtime
    except BaseException:
        runtime.abandon()
        raise
    try:
        runtime.stop()
    except BaseException:
        runtime.abandon()
        raise
