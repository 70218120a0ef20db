"""Build hook: compiles the audio engine's helper where there is a C compiler; never required.

Used by hatchling for wheels and editable installs alike. The result lies beside its source; it is
never committed, and a wheel that holds one is named for its platform.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = "runtime/media/native"
# -ffp-contract=off: jitter is computed as numpy does, without fused operations.
FLAGS = "-std=c11 -D_GNU_SOURCE -O3 -ffp-contract=off -fPIC -shared -Wall -Wextra"
TIMEOUT_S = 120


class NativeBuild(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        folder = Path(self.root, FOLDER)
        library = folder / "engine.so"
        if not sys.platform.startswith("linux"):
            return
        if fault := _compile(folder / "engine.c", library):
            self.app.display_warning(f"the audio engine will work without its helper: {fault}")
        elif version != "editable":
            build_data["artifacts"].append(f"{FOLDER}/engine.so")
            build_data["pure_python"] = False
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["tag"] = f"py3-none-{platform}"


def _compile(source: Path, library: Path) -> str:
    """Empty when the library is there, else why not; an older one then stays, and is not used."""
    fresh = library.with_suffix(".new")
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    command = [
        *shlex.split(os.environ.get("CC", "cc")),
        *FLAGS.split(),
        f'-DSOURCE_DIGEST="{digest}"',
        "-o",
        str(fresh),
        str(source),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as exc:
        return str(exc)
    if done.returncode:
        return done.stderr.strip() or f"{command[0]} ended with {done.returncode}"
    # Replaced, not written to: engines that run have it mapped.
    fresh.replace(library)
    return ""
