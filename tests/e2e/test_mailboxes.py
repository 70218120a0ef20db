"""The lamp of real phones: they subscribe to the mailbox of their user, an application sets it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import trio

from tests.e2e.audio import tone
from tests.e2e.runtime_process import RuntimeProcess, callstage
from tests.e2e.test_users import PASSWORD, registered
from tests.interop.baresip import Baresip, baresip
from tests.interop.programs import Finished
from tests.interop.sipp import Sipp

SCENARIO = Path(__file__).parents[1] / "interop" / "scenarios" / "subscribe.xml"
pytestmark = [pytest.mark.interop, pytest.mark.loopback]

SUBSCRIBES_S: Final = 25.0
CONFIG = f"""
[server]
drain_timeout_s = 1
[users.bob]
password = "{PASSWORD}"
[users.ann]
password = "{PASSWORD}"
[[rule]]
name = "all"
to = ".*"
scenario = "user.py"
"""


@pytest.fixture(scope="module")
def home(scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    config = scripts / "mailboxes.toml"
    config.write_text(CONFIG)
    folder = tmp_path_factory.mktemp("mailboxes")
    with callstage(folder=folder, options=["--config", str(config)]) as started:
        yield started


async def leave(home: RuntimeProcess, user: str, **counts: int) -> None:
    async with httpx.AsyncClient() as client:
        path = f"/api/v1/applications/default/users/{user}/mailbox"
        answer = await client.put(f"{home.http}{path}", json=counts)
    assert answer.status_code == 200, answer.text


def subscriptions(home: RuntimeProcess) -> int:
    signalling: dict[str, Any] = httpx.get(f"{home.http}/healthz").json()["signalling"]
    return int(signalling["subscriptions"])


async def lit(home: RuntimeProcess, phone: Baresip, waiting: str, voice: str) -> None:
    """Wait until the phone has said that it was told so."""
    said = f"Messages-Waiting: {waiting}\r\nVoice-Message: {voice} (0/0)\r\n"
    await home.until(
        lambda: [event for event in phone.events if event.get("param") == said], f"{said!r}"
    )


@pytest.mark.thorough
async def test_baresip_is_told_what_waits_and_every_change(
    home: RuntimeProcess, tmp_path: Path
) -> None:
    await leave(home, "bob", new=2, old=1)
    address = f"sip:bob@127.0.0.1:{home.port()}"
    account = f"regint=60;auth_user=bob;auth_pass={PASSWORD};mwi=yes"
    config = ["module_app mwi.so"]
    async with baresip(
        tmp_path, tone(880, 1), account=account, registers=address, config=config
    ) as there:
        await registered(home, "bob")
        # baresip takes its time after it has registered
        await home.until(lambda: subscriptions(home) == 1, "its SUBSCRIBE", SUBSCRIBES_S)
        # its first NOTIFY may be before its events are read
        await leave(home, "bob", new=0, old=3)
        await lit(home, there, "no", "0/3")
        await leave(home, "bob", new=5, old=3)
        await lit(home, there, "yes", "5/3")
        await leave(home, "ann", new=9)
        await there.command("quit")
        await home.until(lambda: subscriptions(home) == 0, "it to unsubscribe")


async def test_sipp_subscribes_is_told_refreshes_and_unsubscribes(
    home: RuntimeProcess, tmp_path: Path
) -> None:
    await leave(home, "bob", new=2, old=1)
    runs: list[Finished] = []

    async def subscribe() -> None:
        sipp = Sipp(folder=tmp_path, scenario=SCENARIO)
        target = f"127.0.0.1:{home.port()}"
        login = ("-au", "bob", "-ap", PASSWORD)
        runs.append(await sipp.call(target, service="bob", extra=login))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(subscribe)
        await home.until(lambda: subscriptions(home) == 1, "SIPp's SUBSCRIBE")
        await leave(home, "bob", new=0, old=3)
    [run] = runs
    assert run.exit_code == 0, run.trace()
    assert subscriptions(home) == 0
