"""linphone and a running runtime transfer calls to each other (RFC 3891, 5589), in each part.

The telephones are registered at a Kamailio, which all of their requests pass.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote

import pytest

from runtime.media.listening import listen
from tests.e2e import wire
from tests.e2e.audio import tone
from tests.e2e.phone import telephone
from tests.e2e.runtime_process import callstage
from tests.e2e.test_proxies import Site, config, proxy
from tests.e2e.test_real_peers import tones
from tests.e2e.waiting import until
from tests.interop.kamailio import PASSWORD, Kamailio
from tests.interop.linphone import Account, Linphone, linphone
from tests.ports import free_port

pytestmark = [pytest.mark.interop, pytest.mark.loopback, pytest.mark.thorough]


@pytest.fixture(scope="module")
def site(scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("transfers")
    inside, proxy_port = free_port(), free_port()
    file = folder / "callstage.toml"
    file.write_text(config(proxy_port))
    options = ["--config", str(file), "--sip", f"udp://127.0.0.1:{inside}"]
    with callstage(scripts / "transfer.py", folder=folder, options=options) as started:
        yield Site(started, inside, proxy_port)


@asynccontextmanager
async def member(
    between: Kamailio, folder: Path, user: str, pitch_hz: int, *, answers: bool = False
) -> AsyncIterator[Linphone]:
    """A linphone that is registered as `user` and says a tone."""
    registrar = f"sip:127.0.0.1:{between.port}"
    own = Account(user=user, password=PASSWORD, registrar=registrar, realm="callstage.test")
    async with linphone(folder, tone(pitch_hz, 40), own, answers=answers) as phone:
        await until(lambda: f"SAVED {user} " in between.output(), f"the registration of {user}")
        yield phone


async def test_linphone_hands_its_call_over_to_another_linphone(site: Site, tmp_path: Path) -> None:
    """It consults its colleague, who then calls us with Replaces: we are the transfer target."""
    runtime = site.runtime
    async with (
        proxy(site, tmp_path / "k") as between,
        member(between, tmp_path / "lin", "lin", 880) as boss,
        member(between, tmp_path / "rob", "rob", 660, answers=True) as colleague,
    ):
        at = f"127.0.0.1:{between.port}"
        boss.type(f"call sip:transfer@{at}?X-Handle=1&X-Play=1")
        await runtime.logged("lin handles")
        await boss.said("Media streams established")
        boss.type("pause 1")
        await boss.said("is now paused")
        boss.type(f"call sip:rob@{at}")
        await boss.said("Media streams established", 2)
        boss.type("transfer 2 --to-call 1")
        await runtime.logged("lin complete target")
        await boss.said("ended", 2)
        await until(lambda: 440 in tones(listen(*colleague.heard())), "our tone")
        colleague.type("terminate all")
        await runtime.logged("lin gone 200")


async def test_linphone_goes_where_a_script_sends_it_with_replaces(
    site: Site, tmp_path: Path
) -> None:
    """We are the transferor: our caller and linphone talk on without us."""
    runtime = site.runtime
    async with (
        proxy(site, tmp_path / "k") as between,
        member(between, tmp_path / "rob", "rob", 660, answers=True),
        telephone(site.proxy_port) as phone,
    ):
        headers = [("X-Target", f"sip:rob@127.0.0.1:{between.port}"), ("X-Join", "1")]
        call = await phone.call("transfer", caller="joins-linphone", headers=headers)
        await call.connected()
        new = await phone.incoming()
        ours, theirs = wire.tag_of(call.local), wire.tag_of(call.remote)
        named = f"{call.call_id};to-tag={ours};from-tag={theirs}"
        assert unquote(new.invite.get("Replaces")) == named
        await new.answer()
        await runtime.logged("joins-linphone complete transferor")
        await call.bye()
        await new.until(new.audio.sounds, "linphone at the end without us")
        await new.bye()


async def test_linphone_asks_us_to_take_the_place_in_a_call_elsewhere(
    site: Site, tmp_path: Path
) -> None:
    """The script is asked, and its call there fails; the call that was to end goes on."""
    runtime = site.runtime
    async with (
        proxy(site, tmp_path / "k") as between,
        member(between, tmp_path / "lin", "lin", 880) as boss,
        member(between, tmp_path / "rob", "rob", 660, answers=True),
    ):
        at = f"127.0.0.1:{between.port}"
        handled = len(runtime.log_lines("lin handles"))
        boss.type(f"call sip:transfer@{at}?X-Handle=1&X-Play=1")
        line = await runtime.logged("lin handles", times=handled + 1)
        session = line.partition("session=")[2].split()[0]
        await boss.said("Media streams established")
        boss.type("pause 1")
        await boss.said("is now paused")
        boss.type(f"call sip:rob@{at}")
        await boss.said("Media streams established", 2)
        boss.type("transfer 1 --to-call 2")
        asked = await runtime.logged("lin asked for rob")
        assert "'Replaces': " in asked
        # linphone names itself without its port, where nobody listens: the transfer fails.
        failed = "Subscription-State: terminated;reason=noresource"
        await runtime.until(
            lambda: any(failed in str(entry) for entry in runtime.timeline(session)), failed
        )
        boss.type("terminate 2")
        boss.type("resume 1")
        await boss.said("Media streams established", 3)
