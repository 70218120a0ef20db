"""A recording that is fetched into a file."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import BinaryIO

import pytest
import typer

from runtime.verbs.recordings import new_file


def _write_until_full(file: BinaryIO) -> None:
    file.write(b"half of it")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_of_a_file_that_did_not_fit_on_the_disk_nothing_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "call.mp3"
    with pytest.raises(typer.Exit) as ended, new_file(output, as_json=False) as file:
        _write_until_full(file)
    assert ended.value.exit_code == 2
    assert "No space left on device" in capsys.readouterr().err
    assert not output.exists()


def test_a_file_that_is_there_already_stays_as_it_is(tmp_path: Path) -> None:
    output = tmp_path / "call.mp3"
    output.write_bytes(b"dear")
    with pytest.raises(typer.Exit), new_file(output, as_json=False):
        raise AssertionError("it was opened")
    assert output.read_bytes() == b"dear"
