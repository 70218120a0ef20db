"""Requests as scanners, broken phones and attackers write them: grammatical in most places.

The same dice always write the same.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

from tests.fuzz.mutation import mutated

METHODS: Final = (
    *("REGISTER", "INVITE", "OPTIONS", "ACK", "BYE", "CANCEL", "SUBSCRIBE", "MESSAGE", "NOTIFY"),
    *("REFER", "UPDATE", "INFO", "PRACK", "PUBLISH", "FOO"),
)
AGENTS: Final = ("friendly-scanner", "sipvicious", "Z 3.15", "PolycomVVX/5", "baresip v1.0.0", "")
USERS: Final = ("100", "1001", "admin", "bob", "ann", "+442079460000", "a%00b", "%22;--", "9" * 300)
HOSTS: Final = (
    "127.0.0.1",
    "198.51.100.1",
    "[::1]",
    "example.org",
    "256.1.1.1",
    "a" * 200,
    "h:99999",
)
CONTACTS: Final = (
    "<sip:{user}@{host}>;expires={number}",
    "*",
    "<sip:{user}@203.0.113.9;maddr=198.51.100.9>",
    '"x\\" <sip:a@b>" <sip:{user}@{host};transport=tcp>;q=0.{number}',
    "<tel:+{number}>, <sip:{user}@{host}>",
    '<sip:{user}@{host}>;+sip.instance="<urn:uuid:{number}>";reg-id={number}',
    ",".join(["<sip:a@b>"] * 40),
)
AUTHORIZATIONS: Final = (
    'Digest username="{user}", realm="callstage", nonce="{nonce}", uri="sip:{host}",'
    ' response="{hex}", cnonce="{hex}", nc={count:08x}, qop=auth, algorithm=MD5',
    'Digest username="{user}", realm="callstage", nonce="{nonce}", uri="sip:{host}",'
    ' response="{hex}"',
    'Digest username="{user}", realm="callstage", nonce="{nonce}"',
    'Digest realm="callstage", realm="callstage", username*=UTF-8\'\'%FF, nonce="", uri="",'
    ' response="{hex}", qop=auth-int, cnonce="x", nc=ffffffff',
    'Digest username="{user}, realm="callstage"',
    "Basic Ym9iOmJvYg==",
    "Digest " + ",".join(f'a{n}="b"' for n in range(60)) + ', realm="callstage"',
)
HEADERS: Final = (
    *("Expires: {number}", "Expires: -1", "Expires: 99999999999999999999", "Require: path"),
    *("Supported: path, gruu, outbound", "Path: <sip:p@{host};lr>", "Max-Forwards: {number}"),
    *("Record-Route: <sip:r@{host};lr>", "Route: <sip:{host};lr>", "Content-Encoding: gzip"),
    *("X-Long: " + "y" * 900, "Subject: \x01\x7f", "Call-ID: second", "Contact: <sip:a@b>"),
    *("Session-Expires: 1", "Require: 100rel", "Event: message-summary", "Replaces: a;b=c"),
)
BODIES: Final = (b"", b"", b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n", b"\x00" * 64)
DAMAGE: Final = (b"\r\n", b"\x00", b"\xff", b'"', b"<", b";tag=", b"z9hG4bK", b"SIP/2.0", b"%")


def hostile_requests(dice: random.Random) -> Iterator[bytes]:
    """For ever; about one in five is damaged beyond grammar."""
    while True:
        request = _request(dice)
        if dice.random() < 0.2:
            request = next(mutated([request], DAMAGE, dice.randrange(2**32)), request)
        yield request


def _request(dice: random.Random) -> bytes:
    words = {
        "user": dice.choice(USERS),
        "host": dice.choice(HOSTS),
        "number": dice.choice((0, 1, 5, 60, 3600, 2**31, 2**40)),
        "nonce": f"{dice.randrange(2**32):x}.{dice.randrange(2**32):x}.{dice.randrange(2**80):x}",
        "hex": f"{dice.randrange(2**128):032x}",
        "count": dice.randrange(2**32),
    }
    method = dice.choice(METHODS)
    tag = f";tag={dice.randrange(50)}" if dice.random() < 0.2 else ""
    lines = [
        f"{method} sip:{words['user']}@{words['host']} SIP/2.0",
        f"Via: SIP/2.0/UDP {words['host']};branch=z9hG4bK{dice.randrange(2**40):x};rport",
        f"From: <sip:{words['user']}@{words['host']}>;tag={dice.randrange(2**30)}",
        f"To: <sip:{words['user']}@{words['host']}>{tag}",
        f"Call-ID: {dice.randrange(2**30)}",
        f"CSeq: {dice.randrange(1, 100)} {method}",
        f"User-Agent: {dice.choice(AGENTS)}",
    ]
    if dice.random() < 0.7:
        lines.append("Contact: " + dice.choice(CONTACTS).format(**words))
    if dice.random() < 0.5:
        name = dice.choice(("Authorization", "Proxy-Authorization"))
        lines.append(f"{name}: " + dice.choice(AUTHORIZATIONS).format(**words))
    lines += [text.format(**words) for text in dice.sample(HEADERS, dice.randrange(4))]
    body = dice.choice(BODIES)
    if body:
        lines.append("Content-Type: application/sdp")
    lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join(lines) + "\r\n\r\n"
    return head.encode("utf-8", "surrogateescape") + body
