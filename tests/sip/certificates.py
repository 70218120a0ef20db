"""A certificate authority for one test, its files, and sockets of peers that use them."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sip.transport import TlsSettings

_DAY = datetime.timedelta(days=1)


def _subject(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


@attrs.frozen
class Issued:
    """PEM files of one certificate and its key."""

    certificate: Path
    key: Path


class Authority:
    """Signs what it is asked to."""

    def __init__(self, folder: Path, name: str = "test authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _subject(name)
        certificate = (
            self._builder(self._name, self._key, -1, 10)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.file = folder / f"{name.replace(' ', '-')}.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, *hosts: str, name: str = "server", expired: bool = False) -> Issued:
        """A certificate for these names and addresses, in files called `name`."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            self._builder(_subject(name), key, -10, -1 if expired else 10)
            .add_extension(x509.SubjectAlternativeName(map(_general_name, hosts)), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        issued = Issued(self._folder / f"{name}.pem", self._folder / f"{name}-key.pem")
        issued.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        issued.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return issued

    def settings(self, *hosts: str, name: str = "server", expired: bool = False) -> TlsSettings:
        """The settings of an endpoint with such a certificate, which trusts this authority."""
        issued = self.issue(*hosts, name=name, expired=expired)
        return TlsSettings(certificate=issued.certificate, key=issued.key, ca=self.file)

    def client(self, shown: Issued | None = None) -> ssl.SSLContext:
        """For a peer that connects: it trusts this authority and shows `shown` when asked."""
        context = ssl.create_default_context(cafile=self.file)
        if shown is not None:
            context.load_cert_chain(shown.certificate, shown.key)
        return context

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, begin: int, end: int
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begin * _DAY)
            .not_valid_after(now + end * _DAY)
        )
