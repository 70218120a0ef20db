"""The digest itself (RFC 2617 3.2.2, RFC 7616 3.4, RFC 8760): one pure function, and its header.

Rules: text is hashed as UTF-8; `auth` is taken when offered, `auth-int` when it is all there
is; without qop the original form of RFC 2069 is used, with neither cnonce nor count.
"""

from __future__ import annotations

import hashlib

import attrs

from sip.message.scan import quote

from .challenge import HASHLIB_NAMES, Challenge


@attrs.frozen
class Credentials:
    """Who we are to a server; the password never appears in a repr."""

    username: str
    password: str = attrs.field(repr=False)


def digest_response(
    challenge: Challenge,
    credentials: Credentials,
    method: str,
    uri: str,
    *,
    cnonce: str,
    nc: int,
    body: bytes,
) -> str:
    """The `response` value, in hexadecimal."""
    name = challenge.hash_name
    secret = secret_of(name, credentials.username, challenge.realm, credentials.password)
    if challenge.is_session:
        secret = _hash(name, f"{secret}:{challenge.nonce}:{cnonce}")
    qop = chosen_qop(challenge)
    counted = "" if qop is None else f"{nc:08x}:{cnonce}"
    return response_for(name, secret, challenge.nonce, counted, qop, method, uri, body)


def secret_of(name: str, username: str, realm: str, password: str) -> str:
    """H(A1) of RFC 7616 3.4.2, in hexadecimal: what a server may keep in place of the password."""
    return _hash(name, f"{username}:{realm}:{password}")


def response_for(
    name: str,
    secret: str,
    nonce: str,
    counted: str,
    qop: str | None,
    method: str,
    uri: str,
    body: bytes,
) -> str:
    """RFC 7616 3.4.1 from H(A1) on; `counted` is `nc:cnonce`, and unused without qop."""
    action = f"{method}:{uri}"
    if qop == "auth-int":
        action += ":" + _hash_bytes(name, body)
    protection = f"{counted}:{qop}:" if qop else ""
    return _hash(name, f"{secret}:{nonce}:{protection}{_hash(name, action)}")


def authorization(
    challenge: Challenge,
    credentials: Credentials,
    method: str,
    uri: str,
    cnonce: str,
    nc: int,
    body: bytes = b"",
) -> str:
    """The value of an Authorization or Proxy-Authorization header.

    `uri` is the Request-URI as it is sent. `nc` counts the requests under one nonce, from 1.
    ValueError when the challenge's algorithm is not one of ours: see `choose_challenge`.
    """
    if not challenge.can_be_answered:
        raise ValueError(
            f"authorization(): cannot answer {challenge.scheme} {challenge.algorithm or 'MD5'} "
            f"with qop {','.join(challenge.qop) or 'none'}; take one from choose_challenge()"
        )
    response = digest_response(challenge, credentials, method, uri, cnonce=cnonce, nc=nc, body=body)
    fields = [
        f"username={quote(credentials.username)}",
        f"realm={quote(challenge.realm)}",
        f"nonce={quote(challenge.nonce)}",
        f"uri={quote(uri)}",
        f'response="{response}"',
    ]
    if challenge.algorithm is not None:
        fields.append(f"algorithm={challenge.algorithm}")
    qop = chosen_qop(challenge)
    if qop or challenge.is_session:
        fields.append(f"cnonce={quote(cnonce)}")
    if challenge.opaque is not None:
        fields.append(f"opaque={quote(challenge.opaque)}")
    if qop:
        fields += [f"qop={qop}", f"nc={nc:08x}"]
    return "Digest " + ", ".join(fields)


def chosen_qop(challenge: Challenge) -> str | None:
    """The quality of protection we answer with."""
    if not challenge.qop:
        return None
    return "auth" if "auth" in challenge.qop else "auth-int"


def _hash(name: str, text: str) -> str:
    return _hash_bytes(name, text.encode("utf-8", "surrogateescape"))


def _hash_bytes(name: str, data: bytes) -> str:
    # MD5 is what the peer asked for, not our idea of security; say so to FIPS builds.
    return hashlib.new(HASHLIB_NAMES[name], data, usedforsecurity=False).hexdigest()
