"""Puts secrets into an HTTP request for the hosts they are meant for, and hides them in answers."""

from __future__ import annotations

from runtime.decisions.secrets import (
    Mask,
    SecretBook,
    SecretRefused,
    Target,
    escape_of_body,
    in_url,
)
from runtime.net import Failure, FetchRefused, Hop


class Dressing:
    """Of one request: `dress` each hop, then `mask` what the last server said."""

    def __init__(self, secrets: SecretBook) -> None:
        self._secrets = secrets
        self._sent = secrets.spellings()

    def dress(self, hop: Hop) -> Hop:
        """The hop with values in place of placeholders. Raises FetchRefused."""
        target = Target(hop.url.scheme, hop.host, hop.port)
        try:
            return Hop(
                hop.method,
                hop.url.copy_with(raw_path=self._path(hop, target)),
                tuple((name, self._header(value, target)) for name, value in hop.headers),
                self._body(hop, target),
            )
        except SecretRefused as exc:
            raise FetchRefused(Failure.RULE, f"{exc}; nothing was sent") from exc

    def mask(self) -> Mask:
        """Hides the values, as they were sent, in an answer."""
        return Mask(self._sent)

    def _path(self, hop: Hop, target: Target) -> bytes:
        return self._secrets.fill(hop.url.raw_path.decode("ascii"), target, in_url).encode("ascii")

    def _header(self, value: str, target: Target) -> str:
        filled = self._secrets.fill_header(value, target)
        if filled != value:
            self._sent[filled.encode()] = value.encode()
            _, _, credentials = filled.partition(" ")
            if value.lower().startswith("basic "):
                self._sent[credentials.encode()] = value.partition(" ")[2].encode()
        return filled

    def _body(self, hop: Hop, target: Target) -> bytes:
        kind = next((value for name, value in hop.headers if name.lower() == "content-type"), "")
        return self._secrets.fill_bytes(hop.content, target, escape_of_body(kind))
