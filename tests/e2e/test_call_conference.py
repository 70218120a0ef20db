"""VoxEngine.callConference: from one session into the shared session of another rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.audio import tone
from tests.e2e.phone import Dialog, telephone
from tests.e2e.runtime_process import callstage

pytestmark = pytest.mark.loopback

RULES = r"""
[sip]
allow = ["127.0.0.1"]
[[rule]]
name = "ways in"
to = 'gate.*'
scenario = "joins.py"
[[rule]]
name = "meeting"
to = 'meet-[0-9]+'
scenario = "meeting.py"
conference = true
"""


@pytest.mark.parametrize(
    ("listen", "advertise"), [("127.0.0.1", ""), ("0.0.0.0", ""), ("0.0.0.0", "203.0.113.5")]
)
async def test_callers_of_two_ways_hear_each_other_in_one_shared_session(
    scripts: Path, tmp_path: Path, listen: str, advertise: str
) -> None:
    config = scripts / "callstage.toml"
    config.write_text(RULES.replace("[sip]", f'[sip]\nadvertise = "{advertise}"'))
    options = ["--config", str(config), "--sip", f"udp://{listen}:0"]
    tones = {"gate-a": 440, "meet-7": 880, "gate-b": 1320}
    with callstage(folder=tmp_path, options=options) as runtime:
        async with telephone(runtime.port()) as phone:
            calls: dict[str, Dialog] = {}
            for count, (number, hertz) in enumerate(tones.items(), start=1):
                call = await phone.call(number, headers=[("X-Conference", "meet-7")])
                await call.connected()
                call.audio.say(tone(hertz, 1.0), again=True)
                await runtime.logged(f"meeting has {count}")
                calls[number] = call
            marks = {number: len(call.audio.packets) for number, call in calls.items()}
            await calls["gate-a"].hear(1.5)
            for number, call in calls.items():
                since = call.audio.audio_packets()[marks[number] + 25]
                heard = call.audio.heard(since=since)
                pitches = {round(hz / 10) * 10 for part in heard for hz in part.frequencies_hz}
                assert pitches == set(tones.values()) - {tones[number]}
            for call in calls.values():
                await call.bye()


@pytest.mark.parametrize(
    ("name", "why"), [("nowhere", "no rule matches nowhere"), ("gate-x", "is not shared")]
)
async def test_what_is_no_shared_session_is_refused_with_the_reason(
    scripts: Path, tmp_path: Path, name: str, why: str
) -> None:
    config = scripts / "callstage.toml"
    config.write_text(RULES)
    with callstage(folder=tmp_path, options=["--config", str(config)]) as runtime:
        async with telephone(runtime.port()) as phone:
            call = await phone.call("gate-a", headers=[("X-Conference", name)])
            assert (await call.final()).status >= 400
            assert why in await runtime.logged("conference failed 404")
