"""The range of RTP ports is kept to; a call for which none is left is refused with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.phone import telephone
from tests.e2e.runtime_process import callstage
from tests.ports import free_port

pytestmark = pytest.mark.loopback


async def test_two_pairs_carry_two_calls_and_the_third_is_told_why(
    scripts: Path, tmp_path: Path
) -> None:
    low = free_port(4)
    options = ["--rtp-ports", f"{low}-{low + 3}"]
    with callstage(scripts / "mirror.py", folder=tmp_path, options=options) as runtime:
        async with telephone(runtime.port()) as phone:
            calls = [await phone.call("mirror") for _ in range(2)]
            ports = {(await call.connected()).port for call in calls}
            assert ports == {low, low + 2}
            refused = await (await phone.call("mirror")).final()
            assert refused.status == 503
            assert f"no free pair of RTP ports from {low} to {low + 3}" in refused.get("Warning")
            assert "widen --rtp-ports" in refused.get("Warning")
            assert "widen --rtp-ports" in await runtime.logged("no free pair of RTP ports")
            await calls[0].bye()
            again = await phone.call("mirror")
            assert (await again.connected()).port in ports
            for call in (calls[1], again):
                await call.bye()
