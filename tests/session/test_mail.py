"""Mail as a hostile worker asks for it."""

from __future__ import annotations

import pytest
from trio.testing import MockClock

from tests.session.bench import bench

INJECTED = "=?utf-8?q?=0d=0aBcc:_eve=40evil.example?="


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"title": INJECTED}, "holds '=?', which mail programs read as an encoded word"),
        ({"sender": "=?utf-8?q?boss=40bank?=@b.example"}, "which is no mail address"),
        ({"cc": "a\u2028b@c.example"}, "which is no mail address"),
    ],
)
async def test_what_would_write_other_headers_is_refused(
    autojump_clock: MockClock, fields: dict[str, str], why: str
) -> None:
    async with bench() as b:
        worker = await b.started()
        await worker.command(
            "mail.send", **{"sender": "a@b.example", "to": "c@d.example", **fields}
        )
        [refusal] = [entry for entry in b.timeline() if entry.kind == "refusal"]
        assert why in str(refusal.detail["error"])
