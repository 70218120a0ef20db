"""Runtimes on machines whose kernels lack locks: warned about on loopback, refused elsewhere."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.runtime_process import COMMAND, RuntimeProcess, arguments, callstage
from tests.sandbox.weaker_kernel import command

pytestmark = [pytest.mark.loopback, pytest.mark.slow]

NO_LANDLOCK = command("landlock")
BANNER = "run only scripts that you trust"


def sandbox(runtime: RuntimeProcess) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{runtime.http}/healthz").json()["sandbox"]
    return found


KINDS = {"session worker", "file decoder", "recorder", "voice", "media engine"}


async def test_the_level_is_full_here_and_shown(runtime: RuntimeProcess) -> None:
    found = sandbox(runtime)
    assert found["level"] == found["required"] == "full"
    found["processes"].pop("recogniser", None)  # which is started by the first who needs it
    assert set(found["processes"]) == KINDS
    for kind, report in found["processes"].items():
        assert report["level"] == "full"
        assert all(lock["held"] for lock in report["locks"])
        assert all(act["refused"] for act in report["acts"])
        await runtime.logged(f"sandbox of the {kind}: full")
    assert not runtime.log_lines(BANNER)


async def test_below_the_required_level_loopback_is_served_with_a_warning(
    scripts: Path, tmp_path: Path
) -> None:
    with callstage(scripts / "quiet.py", folder=tmp_path, prefix=NO_LANDLOCK) as weak:
        found = sandbox(weak)
        assert found["level"] == "partial"
        assert {report["level"] for report in found["processes"].values()} == {"partial"}
        banner = await weak.logged(BANNER)
        assert "the sandbox is partial, full is required" in banner
        assert "file decoder: landlock: this kernel has none" in banner


@pytest.mark.parametrize("option", ["--sip", "--http"])
def test_below_the_required_level_nobody_else_is_served(
    scripts: Path, tmp_path: Path, option: str
) -> None:
    words = {"--sip": ["--sip", "udp://0.0.0.0:0"], "--http": ["--http", "0.0.0.0:0"]}[option]
    config = tmp_path / "callstage.toml"
    config.write_text(f'[http.tokens]\noperator = "{"0" * 64}"\n')
    words = [str(scripts / "quiet.py"), "--config", str(config), *words]
    done = subprocess.run(
        [*NO_LANDLOCK, str(COMMAND), "run", *arguments(tmp_path / "data", words)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "this address is open to others" in done.stderr
    assert "Traceback" not in done.stderr


async def test_a_lower_requirement_is_the_operator_s_word(scripts: Path, tmp_path: Path) -> None:
    config = tmp_path / "callstage.toml"
    config.write_text('[sandbox]\nrequire = "partial"\n')
    options = ["--config", str(config), "--sip", "udp://0.0.0.0:0"]
    script = scripts / "quiet.py"
    with callstage(script, folder=tmp_path, options=options, prefix=NO_LANDLOCK) as weak:
        assert sandbox(weak)["required"] == "partial"
        await weak.logged("sandbox of the file decoder: partial")
        assert not weak.log_lines(BANNER)


async def test_dev_serves_with_a_warning(scripts: Path, tmp_path: Path) -> None:
    options = ["--sip", "udp://127.0.0.1:0", "--http", "127.0.0.1:0", "--data", str(tmp_path)]
    script = scripts / "quiet.py"
    with callstage(script, folder=tmp_path, options=options, verb="dev", prefix=NO_LANDLOCK) as dev:
        await dev.logged(BANNER)


@pytest.mark.parametrize("form", ["--json", ""])
def test_the_doctor_tells_what_is_missing(form: str) -> None:
    for prefix, code in ((NO_LANDLOCK, 1), ([], 0)):
        words = [*prefix, str(COMMAND), "doctor", *([form] if form else [])]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        assert done.returncode == code, done.stderr
        if form:
            facts = json.loads(done.stdout)
            assert facts["sandbox"]["level"] == ("partial" if prefix else "full")
            assert facts["run"]["public"] == ("refused" if prefix else "served")
        else:
            assert ("missing: session worker: landlock" in done.stdout) == bool(prefix)
            assert "trace a process" in done.stdout
            assert all(kind in done.stdout for kind in KINDS)


@pytest.mark.parametrize("form", ["--json", ""])
def test_the_doctor_shows_what_is_told_of_each_listener(tmp_path: Path, form: str) -> None:
    config = tmp_path / "callstage.toml"
    config.write_text('[sip]\nlisten = ["udp://127.0.0.1:0", "tcp://192.0.2.77:5060"]\n')
    words = [str(COMMAND), "doctor", "--config", str(config), *([form] if form else [])]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    if form:
        good, bad = json.loads(done.stdout)["sip"]
        assert (good["bound"], good["reached"], good["problem"]) == (True, True, "")
        assert (bad["bound"], bad["is_fatal"]) == (False, True)
    else:
        assert "this machine has no address 192.0.2.77" in " ".join(done.stdout.split())
        assert any("udp://127.0.0.1:0" in line for line in done.stdout.splitlines())


@pytest.mark.parametrize("form", ["--json", ""])
def test_the_doctor_shows_the_limits_in_force(tmp_path: Path, form: str) -> None:
    config = tmp_path / "callstage.toml"
    config.write_text("[limits]\nplayers = 4\n[application.limits]\nmemory_mib = 32\n")
    words = [str(COMMAND), "doctor", "--config", str(config), *([form] if form else [])]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    if form:
        limits = json.loads(done.stdout)["limits"]
        assert (limits["operator"]["players"], limits["operator"]["memory_mib"]) == (4, 64)
        assert (limits["application"]["players"], limits["application"]["memory_mib"]) == (4, 32)
    else:
        [row] = [line for line in done.stdout.splitlines() if "memory_mib" in line]
        assert row.replace("│", " ").split() == ["memory_mib", "64", "32", "kernel"]


@pytest.mark.parametrize(
    "module",
    [
        "runtime.media.sounds.files",
        "runtime.media.recording.recorder",
        "runtime.media.engine",
        "runtime.speech.espeak",
    ],
)
def test_what_reads_what_strangers_sent_runs_behind_a_filter_of_its_own(
    runtime: RuntimeProcess, module: str
) -> None:
    pids = runtime.processes(module)
    assert pids
    for pid in pids:
        assert "Seccomp:\t2\n" in Path(f"/proc/{pid}/status").read_text()
