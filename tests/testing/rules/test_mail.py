"""Net.sendMail: by the operator's relay, never by a server of the script's choice."""

from __future__ import annotations

from runtime.decisions.limits import Limits
from runtime.testing import Sim
from tests.testing.rules.scripts import script

SENDS = script("""
    @on_call
    async def alerting(e):
        result = await Net.sendMailAsync(
            "SERVER", "pbx@example.com", ["ann@example.com", "bob@example.com"],
            "Missed call", f"From {e.callerid}", {"cc": ["cid@example.com"], "html": "<b>x</b>",
            "login": "x", "password": "y", "port": 25})
        Logger.write(f"{result.code} {result.error} {bool(result)}")
        VoxEngine.terminate()
""")


async def test_a_mail_goes_by_the_relay(sim: Sim) -> None:
    sim.load_text(SENDS.replace("SERVER", ""))
    await (await sim.call()).ended()
    [mail] = sim.post.sent
    assert (mail.sender, mail.to) == ("pbx@example.com", ("ann@example.com", "bob@example.com"))
    assert (mail.cc, mail.title, mail.text) == (
        ("cid@example.com",),
        "Missed call",
        "From +442079460001",
    )
    assert mail.html == "<b>x</b>"
    assert sim.logs == ["250 None True"]
    [row] = [row for row in sim.timeline if row.kind == "mail"]
    assert "example.com" not in str(row)


async def test_a_server_of_the_script_s_choice_is_refused_with_what_to_do(sim: Sim) -> None:
    sim.load_text(SENDS.replace("SERVER", "smtp.gmail.com"))
    await (await sim.call()).ended()
    why = "mail goes by the operator's relay only, not by 'smtp.gmail.com': give an empty name"
    assert sim.logs == [f"0 {why} False"]
    assert sim.post.sent == []
    [row] = [row for row in sim.timeline if row.kind == "refusal"]
    assert why in str(row)


async def test_without_a_relay_the_error_says_where_it_is_configured(sim: Sim) -> None:
    sim.post.without_relay()
    sim.load_text(SENDS.replace("SERVER", ""))
    await (await sim.call()).ended()
    assert sim.logs == ["0 no mail relay is configured: [mail] host in callstage.toml False"]


async def test_what_the_relay_refuses_is_the_result(sim: Sim) -> None:
    sim.post.answers(550, "no such user")
    sim.load_text(SENDS.replace("SERVER", ""))
    await (await sim.call()).ended()
    assert sim.logs == ["550 no such user False"]


async def test_a_callback_is_told_the_result_in_its_turn(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        def alerting(e):
            e.call.addEventListener(CallEvents.Disconnected, VoxEngine.terminate)
            Net.sendMail("", "a@example.com", "b@example.com", "one", "text", told,
                         cc=["c@example.com"], bcc=["d@example.com"], html="<b>text</b>")
            Net.sendMail("", "a@example.com", "b@example.com", "two", "text",
                         lambda: Logger.write("without the result"))
            Logger.write("under way")
        def told(result):
            Logger.write(result)
        """)
    )
    caller = await sim.call()
    await sim.settle()
    caller.hang_up()
    await caller.ended()
    assert sim.logs[0] == "under way"
    results = ["SendMailResult(code=250, error=None)", "without the result"]
    assert sorted(sim.logs[1:]) == results
    one, two = sorted(sim.post.sent, key=lambda mail: mail.title)
    assert (one.title, one.cc, one.bcc) == ("one", ("c@example.com",), ("d@example.com",))
    assert (one.html, two.html, two.title) == ("<b>text</b>", "", "two")


async def test_too_many_at_once_raise_at_the_script_s_line(sim: Sim) -> None:
    sim.configure(limits=Limits(mail_active=1, mail_queued=1))
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            first = [Net.sendMailAsync("", "a@example.com", "b@example.com", "t", "x")
                     for _ in range(2)]
            try:
                Net.sendMailAsync("", "a@example.com", "b@example.com", "t", "x")
            except LimitReached as exc:
                Logger.write(exc)
            for each in first:
                Logger.write((await each).code)
            Logger.write((await Net.sendMailAsync("", "a@b.example", "b@c.example", "t", "x")).code)
            VoxEngine.terminate()
        """)
    )
    await (await sim.call()).ended()
    assert sim.logs == [
        "Net.sendMailAsync(): Exceeded the SMTP connection count limit! 2 mails are on their way "
        "or wait; await some of them first",
        "250",
        "250",
        "250",
    ]
