"""Users and numbers of applications over HTTP."""

from __future__ import annotations

from pathlib import Path

import httpx
import trio

from runtime.store.users import StoredUser
from runtime.testing import Sim
from sip.auth import secret_of
from tests.control.test_app import client_of
from tests.control.test_applications import IVR, SAYS, SHOP, faults, one, rule, uploaded

ANN = f"{SHOP}/users/ann"
NUMBER = f"{SHOP}/numbers/+442079460100"
PASSWORD = "correct-horse"


async def detail(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["detail"])


async def test_a_user_is_set_changed_without_its_password_and_deleted(
    sim: Sim, tmp_path: Path
) -> None:
    served: list[StoredUser] = []
    async with client_of(sim, tmp_path, served=served) as client:
        made = await client.put(ANN, json={"password": PASSWORD, "display_name": "Ann"})
        assert (made.status_code, made.json()["max_contacts"]) == (201, 5)
        [user] = served
        assert user.secrets["SHA-256"] == secret_of("SHA-256", "ann", "callstage", PASSWORD)
        changed = await client.put(ANN, json={"max_contacts": 2})
        assert (changed.status_code, changed.json()["display_name"]) == (200, "Ann")
        assert (served[0].secrets, served[0].max_contacts) == (user.secrets, 2)
        [listed] = (await client.get(f"{SHOP}/users")).json()["users"]
        assert sorted(listed) == ["changed_at", "display_name", "max_contacts", "name"]
        assert (await client.delete(ANN)).status_code == 204
        assert served == []
        assert await detail(await client.delete(ANN), 404) == "shop has no user 'ann'"
    for file in (tmp_path / "callstage.db", tmp_path / "callstage.db-wal"):
        written = await trio.Path(file).read_bytes() if await trio.Path(file).exists() else b""
        assert PASSWORD.encode() not in written


async def test_a_name_is_one_users_and_the_configuration_comes_first(
    sim: Sim, tmp_path: Path
) -> None:
    async with client_of(sim, tmp_path) as client:
        body = {"password": PASSWORD}
        assert (await client.put(ANN, json=body)).status_code == 201
        other = await client.put("/api/v1/applications/bank/users/ann", json=body)
        assert await detail(other, 409) == "the name 'ann' is taken"
        boss = await client.put(f"{SHOP}/users/boss", json=body)
        assert "which wins" in await detail(boss, 409)
        stolen = await client.delete("/api/v1/applications/bank/users/ann")
        assert await detail(stolen, 404) == "bank has no user 'ann'"


async def test_everything_wrong_with_a_user_is_listed(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path) as client:
        body = {"password": "cy", "display_name": "\n", "max_contacts": 99, "x": 1}
        assert list(faults(await client.put(f"{SHOP}/users/cy", json=body))) == [
            "x",
            "display_name",
            "max_contacts",
            "password",
        ]
        assert list(faults(await client.put(ANN, json={}))) == ["password"]
        lacking = faults(await client.put(ANN, json={"ha1": ["0" * 32]}))
        assert "MD5 and SHA-256" in lacking["ha1"]


async def test_a_mailbox_is_set_shown_and_told(sim: Sim, tmp_path: Path) -> None:
    waiting: dict[str, tuple[int, int]] = {}
    async with client_of(sim, tmp_path, waiting=waiting) as client:
        await client.put(ANN, json={"password": PASSWORD})
        assert (await client.get(f"{ANN}/mailbox")).json() == {
            "new": 0,
            "old": 0,
            "changed_at": None,
        }
        kept = await client.put(f"{ANN}/mailbox", json={"new": 3, "old": 1})
        assert (kept.status_code, kept.json()["new"], kept.json()["old"]) == (200, 3, 1)
        assert (await client.get(f"{ANN}/mailbox")).json() == kept.json()
        boss = await client.put(f"{SHOP}/users/boss/mailbox", json={"new": 1})
        assert (boss.status_code, boss.json()["old"]) == (200, 0)
        assert waiting == {"ann": (3, 1), "boss": (1, 0)}


async def test_a_mailbox_is_a_users_of_the_application(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path) as client:
        await client.put(ANN, json={"password": PASSWORD})
        other = "/api/v1/applications/bank/users/ann/mailbox"
        for answer in (
            await client.put(other, json={"new": 1}),
            await client.get(other),
            await client.put(f"{SHOP}/users/cy/mailbox", json={"new": 1}),
        ):
            assert "has no user" in await detail(answer, 404)


async def test_everything_wrong_with_a_mailbox_is_listed(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path) as client:
        box = f"{SHOP}/users/boss/mailbox"
        assert list(faults(await client.put(box, json={"old": 2**32, "x": 1}))) == [
            "x",
            "new",
            "old",
        ]
        assert list(faults(await client.put(box, json={"new": True, "old": -1}))) == ["new", "old"]
        assert list(faults(await client.put(box, json=[]))) == [""]


async def test_a_number_goes_to_its_application_and_to_no_other(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path, uploads=True) as client:
        await uploaded(client, one(SAYS.format("ours")))
        everything = {"rules": [rule(to=".*", scenario="ivr")]}
        bank = "/api/v1/applications/bank"
        await client.put(f"{bank}/scenarios/ivr", json=one(SAYS.format("theirs")))
        await client.put(f"{bank}/rules", json=everything)
        made = await client.put(NUMBER, json={"scenario": "ivr", "custom_data": "tea"})
        assert made.status_code == 201
        taken = await client.put(f"{bank}/numbers/+442079460100", json={})
        assert "belongs to somebody else" in await detail(taken, 409)
        explained = await client.get(f"{SHOP}/explain", params={"to": "+442079460100"})
        assert explained.json()["scenario"] == "ivr"
        theirs = await client.get(f"{bank}/explain", params={"to": "+442079460100"})
        assert "belongs to another application" in theirs.json()["why"]
        kept = await client.delete(IVR)
        assert "named by number +442079460100" in await detail(kept, 409)
        assert (await client.delete(NUMBER)).status_code == 204
        assert (await client.get(f"{SHOP}/numbers")).json() == {"numbers": []}
        assert (await client.delete(IVR)).status_code == 204


async def test_everything_wrong_with_a_number_is_listed(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path, uploads=True) as client:
        await uploaded(client, one("x = 1"))
        bad = await client.put(f"{SHOP}/numbers/12%2034", json={"scenario": "no", "custom_data": 1})
        assert list(faults(bad)) == ["number", "custom_data", "scenario"]
