"""The files of `[sip.tls]`, in the words of the SIP endpoint."""

from __future__ import annotations

from runtime.config.settings import SipTlsSettings
from sip.endpoint import TlsSettings


def tls_settings(settings: SipTlsSettings) -> TlsSettings:
    return TlsSettings(
        certificate=settings.certificate,
        key=settings.key,
        ca=settings.ca,
        client_certificates=settings.client_certificates,
    )
