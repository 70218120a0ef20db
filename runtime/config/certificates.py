"""Which files `[sip.tls]` means, and whether they are there at all.

What is in them is read by those who use it, again and again: files are renewed while calls go on.
"""

from __future__ import annotations

from pathlib import Path

import attrs

from runtime.config.settings import Config, SipTlsSettings, is_secure_listener


def with_certificate_files(config: Config, base: Path) -> tuple[Config, list[tuple[str, str]]]:
    """The configuration with paths relative to `base`, and (key, problem) of what is missing."""
    tls = config.sip.tls
    placed = {
        name: base / file
        for name in ("certificate", "key", "ca")
        if (file := getattr(tls, name)) is not None
    }
    faults = [
        (f"sip.tls.{name}", f"{file} is not there")
        for name, file in placed.items()
        if not file.is_file()
    ]
    if tls.certificate is None:
        faults += _without_certificate(tls, config.sip.listen)
    sip = attrs.evolve(config.sip, tls=attrs.evolve(tls, **placed))
    return attrs.evolve(config, sip=sip), faults


def _without_certificate(tls: SipTlsSettings, listen: tuple[str, ...]) -> list[tuple[str, str]]:
    if tls.key is not None:
        return [("sip.tls.certificate", "is missing; there is a key without it")]
    return [
        ("sip.tls.certificate", f"is missing; {text} needs it")
        for text in listen
        if is_secure_listener(text)
    ]
