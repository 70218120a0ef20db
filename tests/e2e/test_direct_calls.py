"""Direct calls of a running runtime: two baresips talk to each other, and nothing of it is here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest

from runtime.media.listening import listen
from tests.e2e.audio import tone
from tests.e2e.runtime_process import RuntimeProcess, callstage
from tests.e2e.test_tls import with_certificate
from tests.e2e.waiting import until
from tests.interop.baresip import Baresip, baresip
from tests.sip.certificates import Authority

pytestmark = [pytest.mark.interop, pytest.mark.loopback]

PASSWORD = "correct-horse"
CONFIG = f"""
[registrar]
min_expires_s = 10
[users.bob]
password = "{PASSWORD}"
[[rule]]
name = "all"
to = ".*"
scenario = "direct.py"
"""
TALK_S = 40


SECURE = """
[sip.tls]
certificate = "server.pem"
key = "server-key.pem"
ca = "test-authority.pem"
[rtp]
srtp = "optional"
"""


@attrs.define
class Talk:
    """A runtime, and two telephones with microphones of 440 and 880 Hz."""

    runtime: RuntimeProcess
    ann: Baresip
    bob: Baresip

    async def begin(self, transport: str = "udp") -> None:
        await self.dial(transport)
        for phone in (self.ann, self.bob):
            await phone.wait_for("CALL_ESTABLISHED")
        await self.runtime.logged("caller: Call.Connected")

    async def dial(self, transport: str = "udp") -> None:
        await self.ann.dial(f"{self.runtime.uri('bob', transport)};transport={transport}")


@asynccontextmanager
async def telephones(
    folder: Path,
    config: Path,
    *,
    secure: tuple[str, ...] = (),
    authority: Authority | None = None,
) -> AsyncIterator[Talk]:
    """`secure` are those whose telephone uses TLS and SRTP; bob is registered."""
    places = {name: folder / name for name in ("ann", "bob")}
    for place in places.values():
        place.mkdir()
    options = ["--config", str(config)]
    if authority is not None:
        options += ["--sip", "udp://127.0.0.1:0", "--sip", "tls://127.0.0.1:0"]
    with callstage(folder=folder, options=options) as runtime:
        transport = "tls" if "bob" in secure else "udp"
        address = f"sip:bob@127.0.0.1:{runtime.port(transport)};transport={transport}"
        own = f"{_account('ann' in secure)};regint=0"
        registered = f"{_account('bob' in secure)};regint=30;auth_user=bob;auth_pass={PASSWORD}"
        more = [] if authority is None else with_certificate(authority, "127.0.0.1")
        async with (
            baresip(places["ann"], tone(440, TALK_S), account=own, config=more) as ann,
            baresip(
                places["bob"],
                tone(880, TALK_S),
                account=registered,
                registers=address,
                config=more,
            ) as bob,
        ):
            # it may be registered before its events are read
            await runtime.until(lambda: runtime.api("registrations")["registrations"], "bob")
            yield Talk(runtime, ann, bob)


def _account(secure: bool) -> str:
    kept = ";mediaenc=srtp-mand" if secure else ""
    return f"answermode=auto;audio_codecs=PCMU{kept}"


def configured(scripts: Path, name: str, text: str = "") -> Path:
    config = scripts / f"direct-{name}.toml"
    config.write_text(f"{text}{CONFIG}")
    return config


async def has_heard(phone: Baresip, seconds: float) -> None:
    """Wait until so much has come out of its loudspeaker; its files have 16 bits at 8 kHz."""

    def enough() -> bool:
        sizes = [file.stat().st_size for file in phone.folder.glob("dump-*-dec.wav")]
        return sum(sizes) > seconds * 16_000

    await until(enough, f"{seconds} s of sound at {phone.uri}")


def frequencies(phone: Baresip) -> set[int]:
    samples, rate = phone.heard()
    parts = [part for part in listen(samples, rate) if part.kind == "tone"]
    return {round(part.frequencies_hz[0], -1) for part in parts}


async def test_two_telephones_hear_each_other_and_no_packet_comes_here(
    scripts: Path, tmp_path: Path
) -> None:
    async with telephones(tmp_path, configured(scripts, "on")) as talk:
        await talk.begin()
        for phone in (talk.ann, talk.bob):
            await has_heard(phone, 1)
        await talk.ann.hold()
        await talk.runtime.logged("caller: Call.OnHold")
        await talk.ann.resume()
        await talk.runtime.logged("caller: Call.OffHold")
        await talk.bob.hold()
        await talk.runtime.logged("bob: Call.OnHold")
        await talk.bob.resume()
        await talk.runtime.logged("bob: Call.OffHold")
        await talk.ann.hang_up()
        await talk.bob.wait_for("CALL_CLOSED")
        await talk.runtime.logged("caller: Call.Disconnected")
        assert frequencies(talk.ann) == {880}
        assert frequencies(talk.bob) == {440}
        assert talk.runtime.log_lines("AudioStarted") == []
        assert talk.runtime.log_lines("FirstAudioPacketReceived") == []
        [session] = talk.runtime.sessions()
        timeline = await talk.runtime.over(session)
        figures = [line["detail"] for line in timeline if line["what"] == "audio of the leg closed"]
        assert len(figures) == 2
        for one in figures:
            assert (one["packets_sent"], one["packets_received"]) == (0, 0)
            assert one["packets_rejected"] == 0


async def test_when_the_user_hangs_up_the_caller_is_hung_up(scripts: Path, tmp_path: Path) -> None:
    async with telephones(tmp_path, configured(scripts, "on")) as talk:
        await talk.begin()
        await talk.bob.hang_up()
        await talk.ann.wait_for("CALL_CLOSED")


async def test_where_the_operator_forbids_it_nobody_is_called(
    scripts: Path, tmp_path: Path
) -> None:
    async with telephones(tmp_path, configured(scripts, "off", "[rtp]\ndirect = false\n")) as talk:
        await talk.dial()
        await talk.runtime.logged("bob: failed 403 the operator permits no direct calls")
        await talk.ann.wait_for("CALL_CLOSED")
        assert [event for event in talk.bob.events if event.get("type") == "CALL_INCOMING"] == []


# --- with keys ----------------------------------------------------------------------------------


def secured(folder: Path) -> tuple[Authority, Path]:
    """Beside the certificates, and with the script."""
    authority = Authority(folder)
    authority.issue("127.0.0.1")
    script = Path(__file__).parent / "scripts" / "direct.py"
    (folder / "direct.py").write_text(script.read_text())
    config = folder / "callstage.toml"
    config.write_text(f"{SECURE}{CONFIG}")
    return authority, config


async def test_keys_pass_between_two_telephones_and_are_not_ours(tmp_path: Path) -> None:
    authority, config = secured(tmp_path)
    both = ("ann", "bob")
    async with telephones(tmp_path, config, secure=both, authority=authority) as talk:
        await talk.begin("tls")
        for phone in (talk.ann, talk.bob):
            await has_heard(phone, 1)
        await talk.ann.hang_up()
        await talk.bob.wait_for("CALL_CLOSED")
        assert frequencies(talk.ann) == {880}
        assert frequencies(talk.bob) == {440}
        [session] = talk.runtime.sessions()
        told = [line["what"] for line in await talk.runtime.over(session)]
        assert [line for line in told if "encrypted by" in line] == []


async def test_keys_that_came_over_tls_do_not_leave_over_udp(tmp_path: Path) -> None:
    authority, config = secured(tmp_path)
    async with telephones(tmp_path, config, secure=("ann",), authority=authority) as talk:
        await talk.dial("tls")
        why = "SRTP keys that came over TLS would leave over UDP, where they can be read"
        assert why in await talk.runtime.logged("bob: failed 488")
        await talk.ann.wait_for("CALL_CLOSED")
