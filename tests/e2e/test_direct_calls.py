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
from tests.e2e.waiting import until
from tests.interop.baresip import Baresip, baresip

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


@attrs.define
class Talk:
    """A runtime, and two telephones with microphones of 440 and 880 Hz."""

    runtime: RuntimeProcess
    ann: Baresip
    bob: Baresip

    async def begin(self) -> None:
        await self.ann.dial(self.runtime.uri("bob"))
        for phone in (self.ann, self.bob):
            await phone.wait_for("CALL_ESTABLISHED")
        await self.runtime.logged("caller: Call.Connected")


@asynccontextmanager
async def telephones(scripts: Path, folder: Path, rtp: str = "") -> AsyncIterator[Talk]:
    config = scripts / f"direct-{folder.name}.toml"
    config.write_text(f"{CONFIG}{rtp}")
    places = folder / "ann", folder / "bob"
    for place in places:
        place.mkdir()
    with callstage(folder=folder, options=["--config", str(config)]) as runtime:
        address = f"sip:bob@127.0.0.1:{runtime.port()}"
        account = f"answermode=auto;audio_codecs=PCMU;regint=30;auth_user=bob;auth_pass={PASSWORD}"
        async with (
            baresip(places[0], tone(440, TALK_S)) as ann,
            baresip(places[1], tone(880, TALK_S), account=account, registers=address) as bob,
        ):
            # it may be registered before its events are read
            await runtime.until(lambda: runtime.api("registrations")["registrations"], "bob")
            yield Talk(runtime, ann, bob)


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
    async with telephones(scripts, tmp_path) as talk:
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
    async with telephones(scripts, tmp_path) as talk:
        await talk.begin()
        await talk.bob.hang_up()
        await talk.ann.wait_for("CALL_CLOSED")


async def test_where_the_operator_forbids_it_nobody_is_called(
    scripts: Path, tmp_path: Path
) -> None:
    async with telephones(scripts, tmp_path, "[rtp]\ndirect = false\n") as talk:
        await talk.ann.dial(talk.runtime.uri("bob"))
        await talk.runtime.logged("bob: Call.Failed")
        await talk.ann.wait_for("CALL_CLOSED")
        assert [event for event in talk.bob.events if event.get("type") == "CALL_INCOMING"] == []
