"""Which of this machine's addresses packets to a host come from."""

from __future__ import annotations

from sip.transport import source_address


def test_the_source_address_of_loopback_is_loopback() -> None:
    assert source_address("127.0.0.1") == "127.0.0.1"
    assert source_address("localhost") == "127.0.0.1"
