"""Commands whose standard output cannot be written, as real processes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.e2e.runtime_process import COMMAND

pytestmark = pytest.mark.loopback

TOLD = "callstage: standard output cannot be written: No space left on device\n"
PATIENCE_S = 60
COMMANDS = (
    ("--help",),
    ("--version",),
    ("new", "shop"),
    ("key", "new"),
    ("doctor", "--json"),
    ("explain", "+4420"),
    ("explain", "+4420", "--json"),
    ("call", "sip:nobody@127.0.0.1:9", "--json"),
    ("demo", "--json"),
    ("run", "scenarios.hello", "--sip", "udp://127.0.0.1:0", "--http", "127.0.0.1:0",
     "--rtp-ports", "0"),
)  # fmt: skip


def command(words: tuple[str, ...], folder: Path, stdout: int) -> tuple[int, str]:
    """The exit code and what standard error got."""
    done = subprocess.run(
        [COMMAND, *words],
        cwd=folder,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_output_to_a_full_disk_ends_in_a_sentence(words: tuple[str, ...], tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:
        code, told = command(words, tmp_path, full.fileno())
    assert code == 1
    assert told.endswith(TOLD)
    assert "Traceback" not in told


@pytest.mark.parametrize("words", COMMANDS[:7], ids=" ".join)
def test_a_pipe_that_was_closed_needs_no_words(words: tuple[str, ...], tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        assert command(words, tmp_path, writer) == (1, "")
    finally:
        os.close(writer)


def test_without_any_standard_output_a_command_does_its_work(tmp_path: Path) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", '"$0" new shop >&-', COMMAND],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "shop/scenario.py").is_file()
