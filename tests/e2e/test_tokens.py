"""Tokens of runtimes that share a data folder, over real sockets."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from tests.e2e.runtime_process import RuntimeProcess, callstage

pytestmark = pytest.mark.loopback

ROOT = {"authorization": "Bearer root"}


def client(runtime: RuntimeProcess) -> httpx.AsyncClient:
    url = f"{runtime.http.replace('0.0.0.0', '127.0.0.1')}/api/v1/"
    return httpx.AsyncClient(base_url=url, trust_env=False)


async def test_a_token_that_one_runtime_takes_back_is_worth_nothing_in_the_other(
    scripts: Path, tmp_path: Path
) -> None:
    config = tmp_path / "callstage.toml"
    config.write_text(f'[http.tokens]\nroot = "{sha256(b"root").hexdigest()}"\n')
    options = ["--config", str(config), "--http", "0.0.0.0:0", "--data", str(tmp_path / "data")]
    script = scripts / "quiet.py"
    with (
        callstage(script, folder=tmp_path / "one", options=options) as first,
        callstage(script, folder=tmp_path / "two", options=options) as second,
    ):
        async with client(first) as one, client(second) as two:
            asked = {"name": "ci", "scopes": ["read"]}
            made = (await one.post("tokens", json=asked, headers=ROOT)).json()
            ci = {"authorization": f"Bearer {made['token']}"}
            assert (await two.get("sessions", headers=ci)).status_code == 200
            assert (await one.delete("tokens/ci", headers=ROOT)).status_code == 204
            refused = await two.get("sessions", headers=ci)
            assert (refused.status_code, refused.json()["code"]) == (401, "E1101")
            assert (await two.get("sessions", headers=ROOT)).status_code == 200
