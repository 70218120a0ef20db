"""Secrets over HTTP: set, used by sessions of their application, never shown again."""

from __future__ import annotations

from pathlib import Path

from runtime.applications.secrets import ApplicationSecrets
from runtime.store import Database
from runtime.store.sealing import KeyRing, new_key
from runtime.testing import Sim
from tests.control.test_app import CONFIGURED_SECRETS, client_of

SECRETS = "/api/v1/applications/shop/secrets"
CRM = f"{SECRETS}/crm"
VALUE = "top-secret-value"
GIVEN = {"value": VALUE, "hosts": ["api.example.com", "crm.example:8443"]}


async def test_a_secret_is_set_listed_without_its_value_replaced_and_deleted(
    sim: Sim, tmp_path: Path
) -> None:
    async with client_of(sim, tmp_path) as client:
        made = await client.put(CRM, json=GIVEN)
        assert (made.status_code, made.json()) == (
            201,
            {
                "name": "crm",
                "hosts": ["api.example.com", "crm.example:8443"],
                "changed_at": 1_700_000_000.0,
                "changed_by": "local",
            },
        )
        again = await client.put(CRM, json={**GIVEN, "hosts": ["api.example.com"]})
        assert again.status_code == 200
        listed = await client.get(SECRETS)
        assert [each["hosts"] for each in listed.json()["secrets"]] == [["api.example.com"]]
        assert VALUE not in made.text + again.text + listed.text
        assert (await client.get("/api/v1/applications/bank/secrets")).json() == {"secrets": []}
        assert (await client.delete(CRM)).status_code == 204
        gone = await client.delete(CRM)
        assert (gone.status_code, gone.json()["detail"]) == (404, "shop has no secret 'crm'")


async def test_every_fault_is_told_and_no_value_is_repeated(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path) as client:
        body = {"value": "hunter2", "hosts": ["https://x", 7], "more": 1}
        answer = await client.put(f"{SECRETS}/no.name", json=body)
        assert answer.status_code == 422
        assert [each["field"] for each in answer.json()["errors"]] == [
            "name",
            "more",
            "value",
            "hosts[0]",
            "hosts[1]",
        ]
        assert "hunter2" not in answer.text


async def test_a_secret_that_is_configured_for_an_application_is_no_others(
    sim: Sim, tmp_path: Path
) -> None:
    async with client_of(sim, tmp_path) as client:
        for app, status in (("bakery", 409), ("shop", 201)):
            url = f"/api/v1/applications/{app}/secrets/bakers"
            assert (await client.put(url, json=GIVEN)).status_code == status


async def test_a_session_has_what_is_configured_for_all_and_for_its_application(
    tmp_path: Path,
) -> None:
    store = Database.open(tmp_path)
    desk = ApplicationSecrets(store, KeyRing((new_key(),), "a test"), CONFIGURED_SECRETS)
    given = {"value": "of the shop", "hosts": ["a.example"]}
    await desk.put("shop", "bakers", given, by="ann")
    of = {app: {s.name: s.value for s in desk.of(app)} for app in ("shop", "bakery", "bank")}
    store.close()
    assert of == {
        "shop": {"bakers": "of the shop", "operators": "for everybody"},
        "bakery": {"bakers": "for one alone", "operators": "for everybody"},
        "bank": {"operators": "for everybody"},
    }


async def test_the_operators_secrets_cannot_be_replaced(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path) as client:
        answer = await client.put(f"{SECRETS}/operators", json=GIVEN)
        assert answer.status_code == 409
        assert "which wins" in answer.json()["detail"]
