"""How the helper is found, and what happens without it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from runtime.media.native.library import SOURCE, Unavailable, available, load, means
from tests.media.native.helper import helper


def test_without_a_compiled_helper_the_reason_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="was not compiled; install a C compiler, then callstage"):
        load(tmp_path / "engine.so")


def test_a_file_that_is_no_library_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "engine.so").write_bytes(b"not a library")
    with pytest.raises(Unavailable, match="cannot be loaded"):
        load(tmp_path / "engine.so")


def test_a_helper_of_another_version_is_not_used(tmp_path: Path) -> None:
    helper()
    changed = tmp_path / "engine.c"
    changed.write_bytes(SOURCE.read_bytes() + b"\n")
    with pytest.raises(Unavailable, match="compiled from another version; install callstage again"):
        load(source=changed)


def test_what_an_engine_works_with_is_said_in_words() -> None:
    helper()
    assert means(available()) == "native helper"
    assert means("it is Sunday") == "numpy (it is Sunday)"


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_the_helper_compiles_without_a_warning(tmp_path: Path) -> None:
    flags = [
        "-std=c11",
        "-D_GNU_SOURCE",
        "-O2",
        "-Wall",
        "-Wextra",
        "-Wconversion",
        "-Werror",
        "-c",
    ]
    subprocess.run(["cc", *flags, "-o", tmp_path / "engine.o", SOURCE], check=True)
