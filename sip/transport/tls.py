"""TLS of one endpoint: certificate, whom we believe, and reading both anew while calls go on.

TLS 1.2 is the least (RFC 8996 retired 1.0 and 1.1). A server that we connect to must show a
certificate for the host that the URI names (RFC 5922 7), signed by an authority of the system or
the configured one; there is no switch to turn that off. Contexts are built whole and swapped, so
that a half-written file never serves, and connections that are up keep what they have.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import attrs

ClientCertificates = Literal["off", "optional", "required"]

_VERIFY: dict[ClientCertificates, ssl.VerifyMode] = {
    "off": ssl.CERT_NONE,
    "optional": ssl.CERT_OPTIONAL,
    "required": ssl.CERT_REQUIRED,
}


class TlsError(Exception):
    """Certificate, key or authorities cannot be used; the text says which file and why."""


@attrs.frozen(kw_only=True)
class TlsSettings:
    certificate: Path | None = None
    """PEM: our certificate, then those of intermediate authorities. Listeners need one; calls that
    we place show it to servers that ask."""
    key: Path | None = None
    """PEM, without passphrase; None when it stands in the certificate's file."""
    ca: Path | None = None
    """PEM: the authorities that peers' certificates must come from; None for the system's."""
    client_certificates: ClientCertificates = "off"
    """Whether those who connect to us must show a certificate of such an authority."""

    @property
    def files(self) -> tuple[Path, ...]:
        """What to watch for changes."""
        return tuple(file for file in (self.certificate, self.key, self.ca) if file is not None)


@attrs.frozen(kw_only=True)
class _Contexts:
    server: ssl.SSLContext | None
    client: ssl.SSLContext


class TlsIdentity:
    """The contexts in force. Files are read at `load` alone."""

    def __init__(self, settings: TlsSettings) -> None:
        self._settings = settings
        self._contexts: _Contexts | None = None

    def load(self) -> None:
        """Read everything; TlsError leaves what was in force before."""
        settings = self._settings
        client = _context(ssl.PROTOCOL_TLS_CLIENT, settings)
        server: ssl.SSLContext | None = None
        if settings.certificate is not None:
            server = _context(ssl.PROTOCOL_TLS_SERVER, settings)
            server.verify_mode = _VERIFY[settings.client_certificates]
        self._contexts = _Contexts(server=server, client=client)

    @property
    def server(self) -> ssl.SSLContext | None:
        """For connections of peers; None without a certificate of our own."""
        return self._in_force.server

    @property
    def asks_for_certificates(self) -> bool:
        """Whether it is known only after the handshake who a peer is."""
        return self._settings.client_certificates != "off"

    @property
    def client(self) -> ssl.SSLContext:
        """For our connections: checks certificate and host name."""
        return self._in_force.client

    @property
    def _in_force(self) -> _Contexts:
        if self._contexts is None:
            self.load()
        assert self._contexts is not None, "load() sets it or raises"
        return self._contexts

    def stamps(self) -> tuple[tuple[int, int], ...]:
        """Time and size of each file, (0, 0) for one that is not there."""
        return tuple(map(_stamp, self._settings.files))


def _context(protocol: int, settings: TlsSettings) -> ssl.SSLContext:
    """PROTOCOL_TLS_CLIENT checks certificate and host by itself; the server's part is set later."""
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if settings.ca is not None:
            context.load_verify_locations(cafile=settings.ca)
        else:
            context.load_default_certs()
    except (OSError, ssl.SSLError) as exc:
        raise TlsError(f"{settings.ca}: no certificates of authorities: {_said(exc)}") from exc
    if settings.certificate is not None:
        _load_chain(context, settings.certificate, settings.key)
    return context


def _load_chain(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    for file in filter(None, (certificate, key)):
        try:
            file.read_bytes()
        except OSError as exc:
            raise TlsError(f"{file} cannot be read: {exc.strerror}") from exc
    try:
        # an empty passphrase fails; without this OpenSSL would ask on the terminal
        context.load_cert_chain(certificate, key, password="")
    except ssl.SSLError as exc:
        if exc.reason == "KEY_VALUES_MISMATCH":
            raise TlsError(f"{key} is not the key of {certificate}") from exc
        pair = " and ".join(str(file) for file in (certificate, key) if file is not None)
        raise TlsError(
            f"{pair}: no PEM certificate with its key, without passphrase: {_said(exc)}"
        ) from exc


def _said(exc: Exception) -> str:
    reason = exc.reason if isinstance(exc, ssl.SSLError) else None
    return reason or (exc.strerror if isinstance(exc, OSError) else None) or str(exc)


def _stamp(file: Path) -> tuple[int, int]:
    try:
        status = file.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


MAX_NAMES = 32
"""Of one certificate; who has more is a hoster, not a SIP peer."""


def names_in(certificate: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Whose certificate it is (RFC 5922 7.1): the subjectAltName alone, as `getpeercert` has it."""
    found = (certificate or {}).get("subjectAltName", ())
    names = [str(value).lower() for kind, value in found if kind in ("DNS", "URI", "IP Address")]
    return tuple(names[:MAX_NAMES])


def why_no_handshake(exc: BaseException) -> str:
    """For people: what stopped a TLS handshake."""
    chain: Iterable[BaseException | None] = (exc.__cause__, exc)
    for one in chain:
        if isinstance(one, ssl.SSLCertVerificationError):
            return f"its certificate is refused: {one.verify_message}"
        if isinstance(one, ssl.SSLError):
            return f"the TLS handshake failed: {_READABLE.get(one.reason or '', one.reason or one)}"
        if isinstance(one, OSError) and one.strerror:
            return one.strerror
    return "the connection ended in the middle of the TLS handshake"


_READABLE = {
    "UNSUPPORTED_PROTOCOL": "the peer has no version from TLS 1.2 on",
    "TLSV1_ALERT_PROTOCOL_VERSION": "the peer takes none of TLS 1.2 and 1.3",
    "NO_PROTOCOLS_AVAILABLE": "no version in common",
    "WRONG_VERSION_NUMBER": "the peer does not speak TLS",
    "HTTP_REQUEST": "the peer speaks HTTP, not TLS",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "the peer shows no certificate, which is required here",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the peer requires a certificate of ours",
    "TLSV1_ALERT_UNKNOWN_CA": "the peer does not know the authority of our certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the peer refuses our certificate",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the peer refuses our certificate",
}
"""OpenSSL's names for what operators have to deal with."""
