"""Crypto: digests of texts and bytes, against known values (RFC 1321, FIPS 180, RFC 4231)."""

from __future__ import annotations

import pytest

from runtime import Crypto

TEXT = "Привет"


def test_digests_of_a_text_are_hexadecimal() -> None:
    assert Crypto.md5("abc") == "900150983cd24fb0d6963f7d28e17f72"
    assert Crypto.sha1("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d"
    assert Crypto.sha256("abc") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_hmac_sha256_of_rfc_4231() -> None:
    assert Crypto.hmac_sha256("Jefe", "what do ya want for nothing?") == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


def test_a_text_its_bytes_and_a_list_of_them_have_one_digest() -> None:
    encoded = TEXT.encode()
    assert Crypto.sha256(TEXT) == Crypto.sha256(encoded) == Crypto.sha256(list(encoded))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (5, "Crypto.md5(): data must be a string, bytes or a list of bytes, not int"),
        ([256], "Crypto.md5(): data must hold bytes: bytes must be in range(0, 256)"),
        (None, "Crypto.md5(): data must be a string, bytes or a list of bytes, not NoneType"),
    ],
)
def test_other_data_is_refused(data: object, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        Crypto.md5(data)  # type: ignore[arg-type]
    assert str(caught.value) == message
