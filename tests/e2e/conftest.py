"""One runtime for all tests that can share it; every test asks it by the name of a script."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.e2e.phone import Phone, telephone
from tests.e2e.runtime_process import RuntimeProcess, callstage
from tests.e2e.sounds import stage


@pytest.fixture(scope="session")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The served folder: every script, and the sounds beside them."""
    return stage(tmp_path_factory.mktemp("served") / "scripts")


@pytest.fixture(scope="package")
def runtime(scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    """A runtime on loopback that serves every script by its name."""
    folder = tmp_path_factory.mktemp("runtime")
    options = ["--net-allow", "127.0.0.0/8"]
    with callstage(*sorted(scripts.glob("*.py")), folder=folder, options=options) as started:
        yield started


@pytest.fixture
async def phone(runtime: RuntimeProcess) -> AsyncIterator[Phone]:
    """A telephone that calls the shared runtime over UDP."""
    async with telephone(runtime.port()) as made:
        yield made
