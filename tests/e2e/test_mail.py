"""A locked script's mail by a real relay of the operator's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.phone import telephone
from tests.e2e.runtime_process import callstage
from tests.test_mail import smtp

pytestmark = pytest.mark.loopback


async def test_a_script_sends_mail_by_the_relay_of_the_configuration(
    scripts: Path, tmp_path: Path
) -> None:
    with smtp() as there:
        config = tmp_path / "callstage.toml"
        config.write_text(f'[mail]\nhost = "127.0.0.1"\nport = {there.port}\nsecurity = "none"\n')
        options = ["--config", str(config)]
        with callstage(scripts / "mails.py", folder=tmp_path, options=options) as runtime:
            async with telephone(runtime.port()) as phone:
                call = await phone.call("100", caller="4711")
                assert (await call.final()).status == 486
                await runtime.logged("mailed 250 None")
    [text] = [part.get_payload(decode=True) for part in there.message().walk()]
    assert text.decode().replace("\r\n", "\n") == "4711\n" + "é" * 100_000 + "\n"
