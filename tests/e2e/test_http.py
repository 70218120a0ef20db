"""HTTP from scripts, from the locked process to a real server and back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from tests.e2e.phone import Phone, telephone
from tests.e2e.runtime_process import RuntimeProcess, callstage
from tests.net.web import Answer, Web

pytestmark = pytest.mark.loopback

VALUE = "s3cret-of-the-crm"


@pytest.fixture
async def web(nursery: trio.Nursery) -> AsyncIterator[Web]:
    server = Web()
    await nursery.start(server.run)
    yield server
    nursery.cancel_scope.cancel()


async def ask(runtime: RuntimeProcess, phone: Phone, web: Web, what: str) -> str:
    """Place a call that asks for `what`; the session it ran in, once it is over."""
    base = f"http://127.0.0.1:{web.port}"
    call = await phone.call("fetch", headers=[("X-Web", base), ("X-Ask", what)])
    await call.connected()
    await call.ended()
    session = await runtime.session_of(call.call_id)
    await runtime.over(session)
    return session


def lines(runtime: RuntimeProcess, session: str, kind: str) -> list[str]:
    return [each["what"] for each in runtime.timeline(session) if each["kind"] == kind]


async def test_a_script_posts_and_reads(runtime: RuntimeProcess, phone: Phone, web: Web) -> None:
    url = "/page?token=abc123&n=1"
    web.pages[url] = Answer("grüß dich".encode(), headers=(("X-Served-By", "web"),))
    session = await ask(runtime, phone, web, "plain")
    logged = lines(runtime, session, "log")
    assert logged[:2] == ["posted: 200 'grüß dich' None", "header web"]
    head, _, body = web.requests[0].partition(b"\r\n\r\n")
    assert body == "größe".encode()
    for line in (
        b"POST /page?token=abc123&n=1 HTTP/1.1",
        b"Host: 127.0.0.1:%d" % web.port,
        b"User-Agent: VoxEngine/1.0",
        b"X-Kind: test",
        b"Content-Length: 7",
    ):
        assert line in head.split(b"\r\n")
    [made] = [each for each in runtime.timeline(session) if "/page" in each["what"]]
    shown = f"POST http://127.0.0.1:{web.port}/page?token=(hidden)&n=1: 200"
    assert (made["kind"], made["what"]) == ("http", shown)
    assert made["detail"]["bytes"] == 11
    assert made["detail"]["seconds"] >= 0


async def test_large_bodies_cross_three_at_a_time(
    runtime: RuntimeProcess, phone: Phone, web: Web
) -> None:
    web.pages["/large"] = Answer(bytes(2 * 1024 * 1024))
    session = await ask(runtime, phone, web, "large")
    assert lines(runtime, session, "log")[0] == f"large: {[2 * 1024 * 1024] * 3}"
    bodies = [request.partition(b"\r\n\r\n")[2] for request in web.requests[:3]]
    assert bodies == [bytes(range(256)) * 4096] * 3


async def test_r7_requests_end_after_the_calls_and_before_the_session(
    runtime: RuntimeProcess, phone: Phone, web: Web
) -> None:
    slow = trio.Event()
    web.pages["/slow"] = Answer(b"done", before=slow)
    web.pages["/last"] = Answer(b"noted")
    base = f"http://127.0.0.1:{web.port}"
    call = await phone.call("fetch", headers=[("X-Web", base), ("X-Ask", "farewell")])
    await call.connected()
    await call.ended()
    session = await runtime.session_of(call.call_id)
    assert "Application.Terminating" not in lines(runtime, session, "event")
    slow.set()
    await runtime.over(session)
    assert lines(runtime, session, "log") == [
        "Call.hangup() ignored: VoxEngine.terminate() was called before",
        "after terminate: 200 'done' None",
        "terminating: 200 'noted' None",
    ]


CONFIG = """
[[rule]]
name = "all"
to = ".*"
scenario = "fetch.py"
[[secret]]
name = "crm"
env = "CALLSTAGE_TEST_CRM"
hosts = ["127.0.0.1:{port}"]
"""


async def test_a_secret_goes_to_its_host_only_and_is_written_nowhere(
    scripts: Path, tmp_path: Path, web: Web
) -> None:
    web.pages["/echo"] = Answer(VALUE.encode())
    config = scripts / "secret.toml"
    config.write_text(CONFIG.format(port=web.port))
    options = ["--config", str(config), "--net-allow", "127.0.0.0/8"]
    environment = {"CALLSTAGE_TEST_CRM": VALUE}
    with callstage(folder=tmp_path, options=options, environment=environment) as runtime:
        async with telephone(runtime.port()) as phone:
            session = await ask(runtime, phone, web, "secret")
        logged = lines(runtime, session, "log")
        refused = [e for e in runtime.timeline(session) if e["kind"] == "refusal"]
        written = runtime.log() + "".join(
            file.read_text(errors="replace") for file in runtime.data.rglob("*") if file.is_file()
        )
    assert logged[:2] == ["missing: None", "masked: 200 True"]
    assert "the secret 'crm' is not meant for localhost:" in logged[2]
    assert logged[2].startswith("elsewhere: 0 ''")
    [request] = [each for each in web.requests if b"/echo" in each]
    assert f"Authorization: Bearer {VALUE}".encode() in request
    assert "not meant for localhost" in refused[0]["detail"]["error"]
    assert "(secret crm)" in written or "(hidden)" in written
    assert VALUE not in written


async def test_without_permission_loopback_is_refused_and_the_timeline_says_why(
    scripts: Path, tmp_path: Path, web: Web
) -> None:
    with callstage(scripts / "fetch.py", folder=tmp_path) as runtime:
        async with telephone(runtime.port()) as phone:
            session = await ask(runtime, phone, web, "secret")
        logged = lines(runtime, session, "log")
        refused = [e for e in runtime.timeline(session) if e["kind"] == "refusal"]
    assert web.requests == []
    assert logged[1] == "masked: -4 False"
    assert "elsewhere: -4" in logged[2]
    for entry in refused:
        assert (
            "which is loopback; scripts may only reach public addresses"
            in (entry["detail"]["error"])
        )
    assert len(refused) == 3
