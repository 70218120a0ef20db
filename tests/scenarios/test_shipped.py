"""Every shipped scenario can be loaded, says what it is, and uses only what customers may use."""

from __future__ import annotations

import ast

import pytest

import runtime
from runtime.sandbox.bundle import load_bundle
from runtime.sandbox.policy import IMPORTABLE
from tests.scenarios.configured import SHIPPED

NAMES = sorted(path.stem for path in SHIPPED.glob("*.py") if path.stem != "__init__")


def test_these_are_shipped() -> None:
    assert NAMES == [
        "click_to_call",
        "conference",
        "echo",
        "forwarding",
        "hello",
        "ivr",
        "masking",
        "office_hours",
        "survey",
        "voicemail",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_scenario_is_one_module_that_explains_itself(name: str) -> None:
    bundle = load_bundle(f"module:scenarios.{name}")
    (module,) = bundle.modules
    explained = ast.get_docstring(ast.parse(module.source)) or ""
    assert len(explained.splitlines()) >= 3
    assert "customData" in explained


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_scenario_imports_public_names_only(name: str) -> None:
    (module,) = load_bundle(f"module:scenarios.{name}").modules
    for node in ast.walk(ast.parse(module.source)):
        if isinstance(node, ast.Import):
            assert {alias.name for alias in node.names} <= set(IMPORTABLE)
        if isinstance(node, ast.ImportFrom) and node.module == "runtime":
            assert {alias.name for alias in node.names} <= set(runtime.__all__)
        elif isinstance(node, ast.ImportFrom):
            assert node.module == "__future__" or node.module in IMPORTABLE


def test_the_tone_is_short_and_in_the_folder() -> None:
    bundle = load_bundle("module:scenarios.voicemail")
    assert 2_000 < len(bundle.assets.open_bytes("beep.wav")) < 20_000
