"""Writes docs/reference/openapi.json: python -m tests.docs.openapi"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import httpx

from runtime.testing import Sim, run_simulation
from tests.control.test_access import OPENAPI
from tests.control.test_app import client_of


async def write(sim: Sim) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with client_of(sim, Path(folder)) as client:
            answer: httpx.Response = await client.get("/api/v1/openapi.json")
    OPENAPI.write_text(json.dumps(answer.json(), indent=1) + "\n")


if __name__ == "__main__":
    run_simulation(write)
