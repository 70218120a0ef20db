"""Net.httpRequest, Net.httpRequestAsync and secrets as a script sees them."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from runtime.sandbox.commands import RequestHttp
from tests.api.test_calls import alerting
from tests.sandbox.fake_core import FakeCore, running

URL = "https://api.example.com/x"
HEAD = f"""
from runtime import *
URL = "{URL}"
"""


def asked(core: FakeCore, number: int = -1) -> RequestHttp:
    return core.requests[number][1]


async def test_a_request_with_everything(autojump_clock: MockClock) -> None:
    source = """
Net.httpRequest(URL + "?a=1", print, {
    "method": "post",
    "postData": "größe",
    "headers": {"X-Number": 5, "Content-Type": "text/plain"},
    "params": {"q": "ä b&c", "n": [1, 2]},
    "timeout": 20,
    "connectionTimeout": 2,
    "enableSystemLog": False,
})
"""
    async with running(HEAD + source) as core:
        assert asked(core) == RequestHttp(
            url=URL + "?a=1&q=%C3%A4+b%26c&n=1&n=2",
            method="POST",
            headers=(("X-Number", "5"), ("Content-Type", "text/plain")),
            body_bytes=7,
            timeout_s=20,
            connect_timeout_s=2,
            shown=False,
        )
        assert core.requests[0][2] == "größe".encode()


@pytest.mark.parametrize(
    "options",
    [
        "headers={'X-A': 'b'}, method='PUT', postData='d'",
        "{'headers': ['X-A: b'], 'method': 'PUT', 'postData': b'd'}",
        "{'headers': ['X-A:b', 'Connection: close', 'Content-Length: 1'], 'method': 'PUT'}, "
        "postData=[100]",
        "Net.HttpRequestOptions(method='PUT', headers=['X-A: b'], postData=bytearray(b'd'))",
        "legacy",
        "headers=[\"X-A: b\", 'Host: API.example.com'], method='PUT', postData=(100,)",
    ],
)
async def test_options_in_every_form(autojump_clock: MockClock, options: str) -> None:
    source = f"""
legacy = HttpRequestOptions()
legacy.method = "PUT"
legacy.headers = ["X-A: b"]
legacy.postData = "d"
Net.httpRequestAsync(URL, {options})
"""
    async with running(HEAD + source) as core:
        assert core.errors == []
        command = asked(core)
        assert (command.method, command.headers[0], command.body_bytes) == ("PUT", ("X-A", "b"), 1)
        assert core.requests[0][2] == b"d"
        assert {name for name, _ in command.headers} <= {"X-A", "Content-Type"}


async def test_text_without_a_type_is_a_form_as_curl_says_it(autojump_clock: MockClock) -> None:
    source = """
Net.httpRequestAsync(URL, method="POST", postData="a=1")
Net.httpRequestAsync(URL, method="POST", postData=b"a=1")
"""
    async with running(HEAD + source) as core:
        assert asked(core, 0).headers == (("Content-Type", "application/x-www-form-urlencoded"),)
        assert asked(core, 1).headers == ()


async def test_what_is_not_ascii_in_a_url_is_written_as_bytes(autojump_clock: MockClock) -> None:
    async with running(HEAD + 'Net.httpRequestAsync("https://ä.example/ö?ü=ß")') as core:
        assert asked(core).url == "https://ä.example/%C3%B6?%C3%BC=%C3%9F"


# --- results ------------------------------------------------------------------------------------


async def test_the_result_of_an_answer(autojump_clock: MockClock) -> None:
    source = """
def done(r):
    Logger.write(repr((r.code, r.text, r.data, r.error, bool(r))))
    Logger.write(repr([(h.key, h["value"]) for h in r.headers]))
    Logger.write(repr((r.headers["content-TYPE"], r.headers.get("X-No"), r.headers[0].key)))
    Logger.write(repr(r.raw_headers))
Net.httpRequest(URL, done)
Net.httpRequest(URL, done, rawOutput=True)
"""
    async with running(HEAD + source) as core:
        headers = {"Content-Type": "text/plain", "X-B": "2"}
        await core.respond(201, "grö".encode(), "ße".encode(), number=0, headers=headers)
        assert core.logs == [
            "(201, 'größe', None, None, True)",
            "[('Content-Type', 'text/plain'), ('X-B', '2')]",
            "('text/plain', None, 'Content-Type')",
            "'Content-Type: text/plain\\r\\nX-B: 2\\r\\n'",
        ]
        latin = {"Content-Type": "text/html; charset=ISO-8859-1"}
        await core.respond(404, "größe".encode("latin-1"), number=1, headers=latin)
        assert core.logs[4] == "(404, 'größe', b'gr\\xf6\\xdfe', None, False)"


async def test_the_result_of_a_failure_has_no_half_body(autojump_clock: MockClock) -> None:
    source = """
def done(r):
    Logger.write(repr((r.code, r.text, r.data, r.error, bool(r), len(r.headers))))
Net.httpRequest(URL, done, rawOutput=True)
"""
    async with running(HEAD + source) as core:
        await core.respond(-9, b"half", error="the answer has more than 2 bytes")
        assert core.logs == ["(-9, '', b'', 'the answer has more than 2 bytes', False, 0)"]


async def test_what_the_core_does_not_take_is_code_zero(autojump_clock: MockClock) -> None:
    source = "Net.httpRequest(URL, lambda r: Logger.write(f'{r.code} {r.error}'))"
    async with running(HEAD + source) as core:
        await core.result(RequestHttp, error="the session is ending; nothing was sent")
        assert core.logs == ["0 the session is ending; nothing was sent"]


async def test_a_result_can_be_awaited_by_many_and_late(autojump_clock: MockClock) -> None:
    source = """
@VoxEngine.on(AppEvents.Started)
async def started():
    first = Net.httpRequestAsync(URL)
    second = Net.httpRequestAsync(URL + "2")
    Logger.write(f"{(await second).code} {(await first).code} {(await first).code}")
"""
    async with running(HEAD + source) as core:
        await core.event("Application.Started")
        await core.respond(200, number=0)
        await core.respond(201, number=1)
        assert core.logs == ["201 200 200"]


async def test_ending_the_wait_leaves_the_request_alone(autojump_clock: MockClock) -> None:
    source = """
import trio
@VoxEngine.on(AppEvents.Started)
async def started():
    request = Net.httpRequestAsync(URL)
    with trio.move_on_after(5):
        await request
    Logger.write(f"{request.done} {request!r}")
    Logger.write(f"{(await request).code}")
"""
    async with running(HEAD + source) as core:
        await core.event("Application.Started")
        await trio.sleep(6)
        assert core.logs == ["False <Net.httpRequestAsync pending>"]
        await core.respond(204)
        assert core.logs[1] == "204"


# --- callbacks ----------------------------------------------------------------------------------


async def test_callbacks_run_in_the_order_of_events(autojump_clock: MockClock) -> None:
    body = """
async def slow(r):
    Logger.write("slow begins")
    await VoxEngine.sleep(1)
    Logger.write("slow ends")
call.addEventListener(CallEvents.Connected, lambda: Logger.write("connected"))
Net.httpRequest("https://a.example/", slow)
Net.httpRequest("https://b.example/", lambda: Logger.write("without a result"))
"""
    async with running(alerting(body)) as core:
        await core.alert()
        await core.respond(number=0, settle=False)
        await core.event("Call.Connected", 2, {}, state="CONNECTED", settle=False)
        await core.respond(number=1)
        assert core.logs == ["slow begins", "connected", "without a result"]
        await trio.sleep(2)
        assert core.logs[-1] == "slow ends"


@pytest.mark.parametrize("kind", ["def", "async def"])
async def test_an_exception_belongs_to_the_call_whose_handler_asked(
    autojump_clock: MockClock, kind: str
) -> None:
    body = f"""
{kind} done(r):
    raise ValueError("no balance")
call.addEventListener(CallEvents.Connected, lambda: Net.httpRequest("https://a.example/", done))
Net.httpRequest("https://b.example/", done)
"""
    async with running(alerting(body)) as core:
        await core.alert()
        await core.connect()
        await core.respond(number=1)
        await core.respond(number=0)
        assert [(error.unit, error.message) for error in core.errors] == [
            (2, "ValueError: no balance"),
            (None, "ValueError: no balance"),
        ]


async def test_callbacks_outlive_the_call_that_asked(autojump_clock: MockClock) -> None:
    body = """
def connected():
    Net.httpRequest("https://a.example/", lambda r: Logger.write(f"{r.code}"))
call.addEventListener(CallEvents.Connected, connected)
"""
    async with running(alerting(body)) as core:
        await core.alert()
        await core.connect()
        await core.disconnect()
        await core.release()
        await trio.sleep(20)
        await core.respond()
        assert core.logs == ["200"]


# --- limits -------------------------------------------------------------------------------------


async def test_the_thirty_sixth_request_raises(autojump_clock: MockClock) -> None:
    source = """
for n in range(36):
    try:
        Net.httpRequest(URL, print)
    except LimitReached as exc:
        Logger.write(f"{n} {exc}")
@VoxEngine.on(AppEvents.Started)
def started():
    Net.httpRequest(URL, print)
    Logger.write("room again")
"""
    async with running(HEAD + source) as core:
        assert len(core.requests) == 35
        assert core.logs[0].startswith(
            "35 Net.httpRequest(): Exceeded the HTTP connection count limit! 35 requests are"
        )
        await core.respond(number=0)
        await core.event("Application.Started")
        assert core.logs[-1] == "room again"


async def test_the_limits_are_the_cores(autojump_clock: MockClock) -> None:
    source = """
def tried(**options):
    try:
        Net.httpRequestAsync(URL, **options)
    except (ValueError, LimitReached) as exc:
        Logger.write(f"{type(exc).__name__}: {exc}")
tried(timeout=11)
tried(connectionTimeout=3)
tried(postData=b"x" * 101)
tried(postData=b"x" * 100)
tried(postData=b"x" * 100)
tried()
tried()
"""
    settings = {
        "http_active": 1,
        "http_queued": 1,
        "http_timeout_s": 10,
        "http_connect_timeout_s": 2,
        "http_request_bytes": 100,
        "http_waiting_bytes": 150,
    }
    async with running(HEAD + source, settings=settings) as core:
        assert core.logs == [
            "ValueError: Net.httpRequestAsync(): timeout must be over 0 and at most 10 seconds, "
            "not 11",
            "ValueError: Net.httpRequestAsync(): connectionTimeout must be over 0 and at most 2 "
            "seconds, not 3",
            "ValueError: Net.httpRequestAsync(): postData has 101 bytes, the limit is 100",
            "LimitReached: Net.httpRequestAsync(): requests under way hold 100 bytes of postData "
            "already, the limit is 150 with this one; await some of them first",
            "LimitReached: Net.httpRequestAsync(): Exceeded the HTTP connection count limit! 2 "
            "requests are under way or wait; await some of them first",
        ]


async def test_a_body_of_a_mebibyte_crosses_in_pieces(autojump_clock: MockClock) -> None:
    source = "Net.httpRequestAsync(URL, method='POST', postData=bytes(range(256)) * 4096)"
    async with running(HEAD + source) as core:
        assert core.requests[0][2] == bytes(range(256)) * 4096


# --- the end ------------------------------------------------------------------------------------

LAST = """
for event in (AppEvents.Terminating, AppEvents.Terminated):
    @VoxEngine.on(event)
    def last(e):
        for n in range(2):
            try:
                Net.httpRequest(f"{URL}/{e.name}/{n}", lambda r: Logger.write(f"last {r.code}"))
            except SessionOver as exc:
                Logger.write(f"{e.name} {exc}")
"""


async def test_r7_callbacks_of_requests_under_way_run_after_terminate(
    autojump_clock: MockClock,
) -> None:
    source = """
@VoxEngine.on(AppEvents.Started)
async def started():
    Net.httpRequest(URL, lambda r: Logger.write(f"callback {r.code}"))
    awaited = Net.httpRequestAsync(URL)
    VoxEngine.terminate()
    Net.httpRequest(URL, print)
    Logger.write(f"awaited {(await awaited).code}")
"""
    async with running(HEAD + source + LAST) as core:
        await core.event("Application.Started")
        assert len(core.requests) == 2
        await core.respond(200, number=0)
        await core.respond(201, number=1)
        assert core.logs == [
            "Net.httpRequest() ignored: VoxEngine.terminate() was called before",
            "callback 200",
            "awaited 201",
        ]


async def test_r7_terminating_may_make_one_request_and_terminated_none(
    autojump_clock: MockClock,
) -> None:
    async with running(HEAD + LAST) as core:
        await core.event("Application.Terminating", reply=True)
        assert [command.url for _, command, _ in core.requests] == [
            f"{URL}/Application.Terminating/0"
        ]
        await core.respond(200)
        await core.event("Application.Terminated", reply=True)
        why = (
            "Net.httpRequest(): the session is ending; Terminating may make one HTTP request, "
            "Terminated none"
        )
        assert core.logs == [
            f"Application.Terminating {why}",
            "last 200",
            f"Application.Terminated {why}",
            f"Application.Terminated {why}",
        ]


async def test_an_answer_after_terminated_is_for_nobody(autojump_clock: MockClock) -> None:
    source = "Net.httpRequest(URL, lambda: Logger.write('called'))"
    async with running(HEAD + source) as core:
        await core.event("Application.Terminating")
        await core.event("Application.Terminated")
        await core.respond()
        assert core.logs == []


# --- secrets ------------------------------------------------------------------------------------


async def test_a_secret_is_what_stands_for_it_or_none(autojump_clock: MockClock) -> None:
    source = """
Logger.write(f"{VoxEngine.getSecretValue('crm')} {VoxEngine.getSecretValue('other')}")
try:
    VoxEngine.getSecretValue(5)
except TypeError as exc:
    Logger.write(exc)
"""
    async with running(HEAD + source, secrets={"crm": "cs-secret.1.crm.end"}) as core:
        assert core.logs == [
            "cs-secret.1.crm.end None",
            "VoxEngine.getSecretValue(): name must be a string, not int",
        ]
