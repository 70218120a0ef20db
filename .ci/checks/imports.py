"""The import rules of the architecture: who may import whom, and what pure rooms may not import."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PURE = (
    "sip/message",
    "sip/transaction",
    "sip/dialog",
    "sip/sdp",
    "sip/agent",
    "sip/auth",
    "sip/registrar",
    "sip/mailbox",
    "runtime/decisions",
    "runtime/media/rtp",
    "runtime/media/detect",
)
PURE_FILES = (
    "sip/address.py",
    "sip/advertise.py",
    "sip/transport/arrivals.py",
    "sip/transport/nat.py",
    "sip/transport/patience.py",
    "sip/transport/rfc3263.py",
    "sip/transport/stun.py",
    "sip/transport/websocket.py",
    "runtime/media/frames.py",
    "runtime/media/codec.py",
    "runtime/media/jitter.py",
    "runtime/media/mixing.py",
    "runtime/media/dtmf.py",
    "runtime/media/tones.py",
    "runtime/media/listening.py",
    "runtime/recognition/utterances.py",
    "runtime/session/rules.py",
)
FORBIDDEN_IN_PURE = {"trio", "socket", "time", "random", "secrets", "logging", "structlog"}
SIP_IMPORTERS = ("runtime/legs/sip/", "runtime/phone/", "runtime/server/", "runtime/verbs/call.py")


def tracked() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "sip/*.py", "runtime/*.py", "scenarios/*.py"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [Path(name) for name in listing.split() if Path(name).exists()]


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Absolute module names that a file imports, at any depth, relative ones resolved."""
    package = path.with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, f"{module}.{alias.name}"


def is_pure(path: Path) -> bool:
    name = path.as_posix()
    return name in PURE_FILES or any(name.startswith(room + "/") for room in PURE)


def faults(path: Path) -> Iterator[str]:
    name = path.as_posix()
    for line, module in imported(path):
        top = module.split(".")[0]
        where = f"{name}:{line}: imports {module}"
        if path.parts[0] == "sip" and top in ("runtime", "scenarios"):
            yield f"{where}; sip imports nothing above it"
        if path.parts[0] == "runtime" and top == "scenarios":
            yield f"{where}; runtime never imports scenarios"
        if path.parts[0] == "runtime" and top == "sip" and not name.startswith(SIP_IMPORTERS):
            yield f"{where}; only the SIP legs, the phone and the start-up wiring import sip"
        if path.parts[0] == "scenarios" and top in ("runtime", "sip") and module.count(".") > 1:
            yield f"{where}; scenarios use the public names of runtime alone"
        if module.startswith("runtime.testing") and not name.startswith("runtime/testing/"):
            yield f"{where}; production never imports the test kit"
        if is_pure(path) and top in FORBIDDEN_IN_PURE:
            yield f"{where}; this room is pure: time, ids and randomness are arguments"


def main() -> int:
    found = [fault for path in tracked() for fault in faults(path)]
    print("\n".join(found) or "imports: every rule kept")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
