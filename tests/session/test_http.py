"""A session's HTTP requests as its worker sees them: queue, bodies, secrets, and the end (R7)."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from runtime.decisions.limits import Limits
from runtime.decisions.secrets import Secret, make_secret
from runtime.sandbox.frames import (
    BodyFrame,
    body_frames,
    core_frame_to_json,
    worker_frame_to_json,
)
from runtime.session.channel import MAX_QUEUED_BYTES
from runtime.session.settings import SessionSettings
from runtime.testing.web import fails, responds
from tests.session.bench import Bench, bench
from tests.session.fakes.worker import FakeWorker

API = "https://api.example.com"
VALUE = "very-secret-value"
SECRETS = SessionSettings(secrets=(make_secret("crm", VALUE, ["api.example.com"]),))


BAD_URLS = (
    "no url",
    "ftp://x/",
    "http://",
    "http://x:99999/",
    "https://[bad/",
    "http://a b/",
    "http://a%00b/",
    "http://a%2fb/",
    "http://[::1%25eth0]/",
    "http://[::1]x/",
    "http:///path",
    "//no.scheme/",
    "javascript:alert(1)",
)


async def ask(worker: FakeWorker, url: str = f"{API}/x", body: bytes = b"", **fields: Any) -> int:
    """One request with its body; everything happens that needs no time."""
    request = await worker.post("http.request", url=url, body_bytes=len(body), **fields)
    for frame in body_frames(request, body):
        await worker.send(worker_frame_to_json(frame))
    await trio.testing.wait_all_tasks_blocked()
    return request


def code(worker: FakeWorker, request: int) -> int | None:
    frame = worker.responses.get(request)
    return None if frame is None else frame.code


def requests(b: Bench, session_id: str = "s1") -> list[str]:
    return [*b.lines("http", session_id), *b.lines("refusal", session_id)]


# --- an ordinary request ------------------------------------------------------------------------


async def test_an_answer_goes_to_the_script_and_into_the_timeline(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        worker = await b.started()
        b.web.on(f"{API}/x", responds({"balance": 7}, headers={"X-A": "1"}, after=0.25))
        request = await ask(worker, method="PUT", body=b"data", headers=[["X-Key", "k"]])
        await trio.sleep(1)
        response = worker.responses[request]
        assert (response.code, response.error) == (200, None)
        assert response.headers == [["X-A", "1"], ["Content-Type", "application/json"]]
        assert json.loads(worker.bodies[request]) == {"balance": 7}
        [made] = b.web.requests
        assert (made.method, made.url, made.body) == ("PUT", f"{API}/x", b"data")
        assert made.headers["user-agent"] == "VoxEngine/1.0"
        [line] = [entry for entry in b.timeline() if entry.kind == "http"]
        assert line.what == f"PUT {API}/x: 200"
        assert line.detail == {"request": request, "seconds": 0.25, "bytes": 14}


async def test_failures_are_codes_with_reasons(autojump_clock: MockClock) -> None:
    async with bench() as b:
        worker = await b.started()
        for number in (-3, -4, -6, -7):
            b.web.on(f"{API}/{number}", fails(number, f"because {number}"))
            request = await ask(worker, f"{API}/{number}")
            assert (code(worker, request), worker.responses[request].error) == (
                number,
                f"because {number}",
            )
        for url in BAD_URLS:
            assert code(worker, await ask(worker, url)) == -2, url
        b.web.on(f"{API}/round", responds(status=302, headers={"Location": "/round"}))
        assert code(worker, await ask(worker, f"{API}/round")) == -5
        assert [entry.detail["error"] for entry in b.timeline() if entry.kind == "http"][:2] == [
            "because -3",
            "because -4",
        ]


async def test_the_time_of_a_request_is_the_scripts_and_at_most_the_limit(
    autojump_clock: MockClock,
) -> None:
    async with bench(SessionSettings(limits=Limits(http_timeout_s=20, idle_session_s=1000))) as b:
        worker = await b.started()
        b.web.on(f"{API}/x", responds(after=1000))
        began = trio.current_time()
        short = await ask(worker, timeout_s=5)
        long = await ask(worker, timeout_s=90)
        while code(worker, long) is None:
            await trio.sleep(0.5)
            if trio.current_time() - began > 6:
                assert code(worker, short) == -7
        assert 20 <= trio.current_time() - began < 21
        assert code(worker, long) == -7


async def test_a_redirect_is_followed(autojump_clock: MockClock) -> None:
    async with bench() as b:
        worker = await b.started()
        b.web.on(f"{API}/x", responds(status=302, headers={"Location": "https://b.example/y"}))
        b.web.on("https://b.example/y", responds("there"))
        request = await ask(worker, headers=[["Authorization", "mine"], ["X-A", "1"]])
        assert worker.bodies[request] == b"there"
        first, second = b.web.requests
        assert first.headers["authorization"] == "mine"
        assert "authorization" not in second.headers
        assert second.headers["x-a"] == "1"


# --- bounds -------------------------------------------------------------------------------------


async def test_three_run_thirty_two_wait_and_one_more_is_refused(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        worker = await b.started()
        b.web.on(f"{API}/*", responds(after=1))
        made = [await worker.post("http.request", url=f"{API}/{n}") for n in range(36)]
        await b.quiet()
        assert len(b.web.requests) == 3
        assert worker.result(made[35]) is not None
        assert "Exceeded the HTTP connection count limit!" in (worker.result(made[35]) or "")
        assert any("Exceeded" in line for line in b.lines("refusal"))
        await trio.sleep(20)
        assert [code(worker, request) for request in made[:35]] == [200] * 35
        # In the order in which they were made, three by three.
        order = [int(one.url.rpartition("/")[2]) for one in b.web.requests]
        assert [n // 3 for n in order] == [n // 3 for n in range(35)]
        assert b.view().state == "RUNNING"


async def test_a_large_body_goes_both_ways_and_overflows_no_queue(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        worker = await b.started()
        up, down = bytes(range(256)) * 4096, bytes(reversed(range(256))) * 8192
        b.web.on(f"{API}/x", responds(down))
        made = [await ask(worker, method="POST", body=up) for _ in range(3)]
        await trio.sleep(30)
        assert len(down) == 2 * 1024 * 1024 > MAX_QUEUED_BYTES
        assert [worker.bodies[request] == down for request in made] == [True] * 3
        assert [one.body == up for one in b.web.requests] == [True] * 3
        assert b.view().state == "RUNNING"


async def test_an_answer_over_two_megabytes_is_minus_nine(autojump_clock: MockClock) -> None:
    async with bench() as b:
        worker = await b.started()
        b.web.on(f"{API}/x", responds(bytes(2 * 1024 * 1024 + 1)))
        request = await ask(worker)
        assert code(worker, request) == -9
        assert worker.responses[request].error == "the answer has more than 2,097,152 bytes"


async def test_an_application_can_have_smaller_answers(autojump_clock: MockClock) -> None:
    async with bench(SessionSettings(limits=Limits(http_response_bytes=2_000))) as b:
        worker = await b.started()
        b.web.on(f"{API}/x", responds(bytes(2_001)))
        request = await ask(worker)
        assert code(worker, request) == -9
        assert worker.responses[request].error == "the answer has more than 2,000 bytes"


async def test_no_more_than_some_pieces_of_large_answers_wait_in_the_core(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        _, worker, unit = await b.connected()
        host = b.registry._live["s1"]
        held: list[int] = []
        put = host.outbox.put

        def watching(frame: Any) -> None:
            put(frame)
            held.append(host.outbox._bytes)

        host.outbox.put = watching  # type: ignore[method-assign]
        b.web.on(f"{API}/x", responds(bytes(2_000_000)))
        made = [await ask(worker) for _ in range(3)]
        await worker.command("media.say", unit=unit, playback=1, text="hi")
        await trio.sleep(5)
        assert [len(worker.bodies[request]) for request in made] == [2_000_000] * 3
        assert max(held) < 300_000


@pytest.mark.parametrize(
    ("limits", "size", "why"),
    [
        (Limits(http_request_bytes=1000), 1001, "postData has 1,001 bytes, the limit is 1,000"),
        (Limits(http_waiting_bytes=1500), 800, "hold 800 bytes of postData already"),
    ],
)
async def test_bodies_have_limits(
    autojump_clock: MockClock, limits: Limits, size: int, why: str
) -> None:
    async with bench(SessionSettings(limits=limits)) as b:
        worker = await b.started()
        b.web.on(f"{API}/x", responds(after=1))
        for _ in range(2):
            refused = await ask(worker, method="POST", body=bytes(size))
        assert why in (worker.result(refused) or "")
        await trio.sleep(2)
        assert b.view().state == "RUNNING"
        b.web.on(f"{API}/x", responds())
        assert code(worker, await ask(worker, method="POST", body=bytes(100))) == 200


async def test_a_body_that_is_not_what_was_said_ends_the_session(
    autojump_clock: MockClock,
) -> None:
    for data in ("?", base64.b64encode(b"too long").decode()):
        async with bench() as b:
            worker = await b.started()
            request = await worker.post("http.request", url=API, body_bytes=4)
            await worker.send({"type": "body", "req": request, "data": data})
            await b.quiet()
            assert b.view().end_cause == "protocol"
            assert b.web.requests == []


async def test_a_body_that_never_comes_holds_up_only_its_own_session(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        worker = await b.started()
        other = await b.started()
        b.web.on(f"{API}/*", responds())
        await worker.post("http.request", url=f"{API}/a", body_bytes=4)
        stuck = await ask(worker, f"{API}/b")
        served = await ask(other, f"{API}/c")
        assert (code(worker, stuck), code(other, served)) == (None, 200)


@pytest.mark.parametrize(
    "args",
    [
        {"url": "https://a/\r\nX: y"},
        {"url": "https://a/" + "x" * 8_000},
        {"url": ""},
        {"method": "TRACE"},
        {"method": "GET / HTTP/1.1\r\n"},
        {"headers": {"X-A": "b"}},
        {"headers": [["X-A"]]},
        {"headers": [["X-A", 1]]},
        {"headers": [["X-A", "a\r\nHost: evil"]]},
        {"headers": [["X A", "b"]]},
        {"headers": [["Host", "evil.example"]]},
        {"headers": [["Transfer-Encoding", "chunked"]]},
        {"headers": [["Content-Length", "3"]]},
        {"headers": [["X-A", "x" * 8_193]]},
        {"headers": [[f"X-{n}", "x" * 5_000] for n in range(4)]},
        {"headers": [[f"X-{n}", ""] for n in range(65)]},
        {"headers": [["X-A", "\ud800"]]},
        {"body_bytes": -1},
        {"timeout_s": 91},
        {"connect_timeout_s": 7},
        {"timeout_s": True},
        {"shown": 1},
        {"cookie": "x"},
    ],
    ids=lambda args: str(args)[:40],
)
async def test_a_forged_request_ends_its_own_session(
    autojump_clock: MockClock, args: dict[str, Any]
) -> None:
    async with bench() as b:
        worker = await b.started()
        fields = {"url": API, **args}
        await worker.send({"type": "cmd", "req": 1, "op": "http.request", "args": fields})
        await b.quiet()
        assert b.view().end_cause == "protocol"
        assert b.web.requests == []


# --- secrets ------------------------------------------------------------------------------------


class Wire:
    """Every byte that the core sends to a worker."""

    def __init__(self, b: Bench) -> None:
        host = next(iter(b.registry._live.values()))
        self.sent: list[str] = []
        put = host.outbox.put

        def noting(frame: Any) -> None:
            text = json.dumps(core_frame_to_json(frame))
            if isinstance(frame, BodyFrame):
                text += frame.content.decode("latin-1")
            self.sent.append(text)
            put(frame)

        host.outbox.put = noting  # type: ignore[method-assign]


async def placeholder(b: Bench) -> tuple[FakeWorker, str]:
    worker = await b.started()
    assert worker.start is not None
    return worker, worker.start.secrets["crm"]


async def test_a_script_is_given_a_placeholder_and_the_host_the_value(
    autojump_clock: MockClock,
) -> None:
    async with bench(SECRETS) as b:
        worker, crm = await placeholder(b)
        wire = Wire(b)
        assert VALUE not in json.dumps(core_frame_to_json(worker.start))  # type: ignore[arg-type]

        def echo(request: Any) -> Any:
            return responds(
                f"{request.url} {dict(request.headers)} {request.text}",
                headers={"X-Echo": request.headers["authorization"]},
            )

        b.web.on(f"{API}/*", echo)
        basic = "Basic " + base64.b64encode(f"me:{crm}".encode()).decode()
        made = [
            await ask(
                worker, f"{API}/{crm}/x?key={crm}", headers=[["Authorization", f"Bearer {crm}"]]
            ),
            await ask(
                worker,
                f"{API}/x",
                method="POST",
                body=json.dumps({"token": crm}).encode(),
                headers=[["Authorization", basic], ["Content-Type", "application/json"]],
            ),
            await ask(worker, f"https://me:{crm}@api.example.com/x"),
        ]
        first, second, third = b.web.requests
        assert first.url == f"{API}/{VALUE}/x?key={VALUE}"
        assert first.headers["authorization"] == f"Bearer {VALUE}"
        assert second.json() == {"token": VALUE}
        for request in (second, third):
            credentials = base64.b64decode(request.headers["authorization"].split()[1])
            assert credentials == f"me:{VALUE}".encode()
        assert [code(worker, request) for request in made] == [200, 200, 200]
        assert worker.bodies[made[0]].decode().startswith(f"{API}/{crm}/x?key={crm}")
        assert worker.responses[made[1]].headers[0] == ["X-Echo", basic]
        told = "\n".join(wire.sent)
        assert len(told) > 500
        assert VALUE not in told
        assert base64.b64encode(f"me:{VALUE}".encode()).decode() not in told
        timeline = "\n".join(entry.to_json() for entry in b.timeline())
        assert VALUE not in timeline
        assert "(secret crm)" in timeline


@pytest.mark.parametrize("where", ["path", "query", "header", "body", "userinfo", "basic"])
async def test_for_another_host_nothing_is_sent(autojump_clock: MockClock, where: str) -> None:
    async with bench(SECRETS) as b:
        worker, crm = await placeholder(b)
        b.web.on("*", responds())
        basic = base64.b64encode(f"me:{crm}".encode()).decode()
        url = {
            "path": f"https://evil.example/{crm}",
            "query": f"https://evil.example/?q={crm}",
            "userinfo": f"https://me:{crm}@evil.example/",
        }.get(where, "https://evil.example/")
        headers = {"header": [["X-A", crm]], "basic": [["Authorization", f"Basic {basic}"]]}
        request = await ask(
            worker,
            url,
            method="POST",
            body=crm.encode() if where == "body" else b"",
            headers=headers.get(where, []),
        )
        assert b.web.requests == []
        assert worker.responses[request].error == (
            "the secret 'crm' is not meant for evil.example; its hosts are api.example.com; "
            "nothing was sent"
        )
        assert code(worker, request) == 0
        assert b.lines("refusal") == [line for line in b.lines("refusal") if line.endswith(": 0")]
        assert len(b.lines("refusal")) == 1


async def test_every_redirect_is_decided_anew(autojump_clock: MockClock) -> None:
    async with bench(SECRETS) as b:
        worker, crm = await placeholder(b)
        b.web.on(f"{API}/here", responds(status=307, headers={"Location": "/there"}))
        b.web.on(f"{API}/there", responds("ok"))
        b.web.on(f"{API}/away", responds(status=307, headers={"Location": "https://evil.example/"}))
        b.web.on(
            f"{API}/down", responds(status=307, headers={"Location": "http://api.example.com/"})
        )
        b.web.on("https://evil.example/", responds("mine!"))
        b.web.on("http://api.example.com/", responds("clear"))
        header = [["X-Key", crm]]
        assert code(worker, await ask(worker, f"{API}/here", headers=header)) == 200
        assert b.web.requests[-1].headers["x-key"] == VALUE
        for path in ("away", "down"):
            request = await ask(worker, f"{API}/{path}", headers=header)
            assert code(worker, request) == 0
            assert b.web.requests[-1].url == f"{API}/{path}"
        # What never follows to another host is no reason to stop there.
        bearer = [["Authorization", f"Bearer {crm}"]]
        request = await ask(worker, f"{API}/away", headers=bearer)
        assert worker.bodies[request] == b"mine!"
        assert VALUE not in str(b.web.requests[-1])


async def test_a_value_is_found_across_the_pieces_of_an_answer(autojump_clock: MockClock) -> None:
    async with bench(SECRETS) as b:
        worker, crm = await placeholder(b)
        body = b"".join(b"x" * n + VALUE.encode() for n in range(400))
        b.web.on(f"{API}/x", responds(body))
        request = await ask(worker)
        assert worker.bodies[request] == body.replace(VALUE.encode(), crm.encode())


async def test_sessions_have_placeholders_of_their_own(autojump_clock: MockClock) -> None:
    async with bench(SECRETS) as b:
        _, first = await placeholder(b)
        other, second = await placeholder(b)
        assert first != second
        b.web.on("*", responds())
        await ask(other, "https://evil.example/", headers=[["X-A", first]])
        assert b.web.requests[-1].headers["x-a"] == first  # a text like any other


async def test_a_call_gets_the_value_if_it_goes_to_the_right_host(
    autojump_clock: MockClock,
) -> None:
    async with bench(SECRETS) as b:
        worker, crm = await placeholder(b)
        await worker.command(
            "call.create", unit=1, kind="sip", to="sip:a@api.example.com", password=crm
        )
        assert b.dialer.requests[-1].password == VALUE
        await worker.command(
            "call.create", unit=3, kind="sip", to="sip:a@evil.example", password=crm
        )
        assert len(b.dialer.requests) == 1
        failed = worker.last("Call.Failed")
        assert failed.fields["code"] == 403
        assert "the secret 'crm' is not meant for evil.example" in failed.fields["reason"]
        assert VALUE not in "\n".join(entry.to_json() for entry in b.timeline())


# --- the end of a session -----------------------------------------------------------------------


async def test_r7_running_requests_are_awaited_and_waiting_ones_dropped(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        worker = await b.started()
        b.web.on(f"{API}/*", responds(after=50))
        made = [await worker.post("http.request", url=f"{API}/{n}") for n in range(5)]
        await b.quiet()
        await worker.command("session.terminate")
        await trio.sleep(49)
        assert worker.names() == ["Application.Started"]
        await trio.sleep(2)
        heard = [line for line in worker.heard if not line.startswith("result")]
        assert sorted(heard[1:4]) == [f"response {request}" for request in made[:3]]
        assert heard[4:] == ["Application.Terminating", "Application.Terminated"]
        assert len(b.web.requests) == 3
        assert b.view().state == "ENDED"


async def test_r7_terminating_may_make_one_request_and_terminated_follows_it(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        worker = await b.started()
        worker.replies = False
        b.web.on(f"{API}/*", responds(after=30))
        await worker.command("session.terminate")
        last = await ask(worker, f"{API}/last", method="POST", body=b"bye")
        more = await ask(worker, f"{API}/more")
        assert "the session is ending" in (worker.result(more) or "")
        await worker.send({"type": "reply", "seq": worker.events[-1].seq, "handled": True})
        await trio.sleep(29)
        assert worker.names()[-1] == "Application.Terminating"
        await trio.sleep(2)
        assert code(worker, last) == 200
        assert worker.names()[-1] == "Application.Terminated"
        late = await ask(worker, f"{API}/late")
        assert "the session is ending" in (worker.result(late) or "")
        assert [one.url for one in b.web.requests] == [f"{API}/last"]


async def test_a_request_between_the_end_and_terminating_is_refused(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        worker = await b.started()
        b.web.on(f"{API}/*", responds(after=10))
        await ask(worker)
        await worker.command("session.terminate")
        between = await ask(worker)
        assert "the session is ending" in (worker.result(between) or "")


@pytest.mark.parametrize("who", ["operator", "death"])
async def test_nothing_is_awaited_for_an_operator_or_a_dead_script(
    autojump_clock: MockClock, who: str
) -> None:
    async with bench() as b:
        worker = await b.started()
        b.web.on(f"{API}/*", responds(after=50))
        await ask(worker)
        began = trio.current_time()
        if who == "operator":
            b.registry.terminate("s1")
        else:
            await worker.leave("signal 11")
        await b.quiet()
        await trio.sleep(1)
        assert b.view().state == "ENDED"
        assert trio.current_time() - began < 5


async def test_a_shutdown_does_not_wait_for_requests_of_a_session_that_ends(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        worker = await b.started()
        b.web.on(f"{API}/*", responds(after=80))
        await ask(worker)
        await worker.command("session.terminate")
        began = trio.current_time()
        await b.registry.drain(5)
        assert trio.current_time() - began < 5


async def test_a_session_has_the_secrets_of_its_application_and_the_operators_win(
    autojump_clock: MockClock,
) -> None:
    """Set while the runtime serves: sessions that begin then have them."""
    asked: list[str] = []
    own: list[Secret] = []

    def secrets_of(application: str) -> tuple[Secret, ...]:
        asked.append(application)
        return tuple(own)

    settings = SessionSettings(secrets=SECRETS.secrets, secrets_of=secrets_of)
    async with bench(settings) as b:
        own += [make_secret("crm", "of the application", ["api.example.com"])]
        own += [make_secret("mail", "the mail password", ["mail.example"])]
        worker, crm = await placeholder(b)
        assert worker.start is not None
        assert set(worker.start.secrets) == {"crm", "mail"}
        b.web.on(f"{API}/*", lambda request: responds(request.headers["x-key"]))
        await ask(worker, f"{API}/x", headers=[["X-Key", crm]])
        [request] = b.web.requests
        assert (request.headers["x-key"], asked) == (VALUE, ["default"])
