"""Shipped scenarios with customData of their own: a folder with two lines before the import."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import scenarios

SHIPPED = Path(scenarios.__file__).parent


def configured(folder: Path, name: str, /, **data: object) -> str:
    """A scenario folder that sets customData and then is the shipped scenario."""
    shutil.copy(SHIPPED / f"{name}.py", folder)
    shutil.copy(SHIPPED / "beep.wav", folder)
    text = f"from runtime import VoxEngine\nVoxEngine.customData({json.dumps(data)!r})\n"
    (folder / "scenario.py").write_text(f"{text}import {name}\n")
    return str(folder)


def custom_data(**data: object) -> str:
    """What a rule or a start request hands to a shipped scenario."""
    return json.dumps(data)
