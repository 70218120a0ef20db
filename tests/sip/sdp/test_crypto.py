"""The a=crypto lines: what is read, what is refused and why, and that keys do not show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.sdp import SUITES, SrtpKey
from sip.sdp.crypto import MAX_LIFETIME, Crypto, CryptoError

CM = "AES_CM_128_HMAC_SHA1_80"
SECRET = bytes(range(30))
INLINE = "inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd"


@pytest.mark.parametrize(
    ("value", "lifetime"),
    [
        (f"1 {CM} {INLINE}", None),
        (f"1 {CM} {INLINE}|2^20", 1 << 20),
        (f"1 {CM} {INLINE}|2^48", MAX_LIFETIME),
        (f"1 {CM} {INLINE}|1000000", 1_000_000),
        (f"001  {CM}   {INLINE}  WSH=128", None),
        (f"1 {CM} {INLINE} -EXTRA=4", None),
        (f"1 {CM} INLINE{INLINE[6:]}", None),
    ],
)
def test_usable_lines(value: str, lifetime: int | None) -> None:
    line = Crypto.parse(value)
    assert (line.tag, line.key, line.lifetime) == ("1", SrtpKey(CM, SECRET), lifetime)


def test_a_key_without_padding_is_read() -> None:
    key = SrtpKey("AEAD_AES_128_GCM", bytes(28))
    assert key.inline.endswith("==")
    assert Crypto.parse(f"3 {key.suite} inline:{key.inline.rstrip('=')}").key == key


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "without tag, suite and key"),
        (f"{CM} {INLINE}", "without tag, suite and key"),
        (f"x {CM} {INLINE}", "tag x, which is no number"),
        (f"1234567890 {CM} {INLINE}", "which is no number"),
        (f"1 F8_128_HMAC_SHA1_80 {INLINE}", "F8_128_HMAC_SHA1_80 is not supported"),
        (f"1 {CM} uri:http://k/", "key method uri"),
        (f"1 {CM} {INLINE}|2^20|1:4", "MKI"),
        (f"1 {CM} {INLINE}|1:4", "MKI"),
        (f"1 {CM} {INLINE}|2^20|2^20", "cannot be read"),
        (f"1 {CM} {INLINE};{INLINE}", "several keys"),
        (f"1 {CM} {INLINE}|2^49", "lifetime"),
        (f"1 {CM} {INLINE}|0", "lifetime"),
        (f"1 {CM} {INLINE}|3^20", "lifetime"),
        (f"1 {CM} {INLINE}|2^{'9' * 400}", "lifetime"),
        (f"1 {CM} {INLINE}|{'9' * 400}", "lifetime"),
        (f"1 {CM} {INLINE} UNENCRYPTED_SRTP", "UNENCRYPTED_SRTP is not accepted"),
        (f"1 {CM} {INLINE} UNENCRYPTED_SRTCP", "UNENCRYPTED_SRTCP is not accepted"),
        (f"1 {CM} {INLINE} UNAUTHENTICATED_SRTP", "UNAUTHENTICATED_SRTP is not accepted"),
        (f"1 {CM} {INLINE} WSH=64 KDR=1", "KDR is not accepted"),
        (f"1 {CM} {INLINE} FEC_KEY={INLINE}", "FEC_KEY is not accepted"),
        (f"1 {CM} inline:AAEC", "key of 3 octets instead of 30"),
        (f"1 {CM} inline:", "key of 0 octets"),
        (f"1 {CM} inline:!!!", "not base64"),
        (f"1 {CM} inline:\N{SNOWMAN}", "not base64"),
        (f"1 AEAD_AES_256_GCM {INLINE}", "key of 30 octets instead of 44"),
        (f"1 {CM} {INLINE}" + " " * 600, "characters"),
    ],
)
def test_lines_that_cannot_be_used_say_why_without_their_key(value: str, reason: str) -> None:
    with pytest.raises(CryptoError) as caught:
        Crypto.parse(value)
    assert reason in str(caught.value)
    assert INLINE[7:] not in str(caught.value)
    assert caught.value.__cause__ is None


@given(
    tag=st.integers(0, 10**9 - 1),
    suite=st.sampled_from(sorted(SUITES)),
    lifetime=st.none() | st.integers(1, MAX_LIFETIME),
    data=st.data(),
)
def test_lines_read_back_as_written(
    tag: int, suite: str, lifetime: int | None, data: st.DataObject
) -> None:
    secret = data.draw(st.binary(min_size=SUITES[suite], max_size=SUITES[suite]))
    line = Crypto(str(tag), SrtpKey(suite, secret), lifetime)
    assert Crypto.parse(str(line)) == line


@given(st.text(max_size=600))
def test_nothing_but_a_refusal_comes_of_garbage(text: str) -> None:
    with pytest.raises(CryptoError):
        Crypto.parse(text)


def test_keys_do_not_show() -> None:
    line = Crypto("1", SrtpKey(CM, b"s" * 30))
    assert "ssss" not in repr(line)
    assert repr(SrtpKey(CM, b"s" * 30)) == f"SrtpKey(suite='{CM}')"
