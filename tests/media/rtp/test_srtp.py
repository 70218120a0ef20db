"""Sealing and opening: the RFCs' vectors, wraps under loss, replays, forgeries, new keys."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.media.rtp.srtp import (
    MAX_ROLLOVERS,
    MAX_SSRCS,
    OLD_KEY_S,
    REPLAY_WINDOW,
    Malformed,
    MasterKey,
    Opener,
    Replayed,
    Sealer,
    SrtpError,
    TooManySources,
    Unauthenticated,
)
from sip.sdp import SUITES
from tests.media.rtp.sealed import SIZES, SSRC, every_suite, key, packet, report
from tests.media.rtp.srtp_reference import Reference, derive, keystream, seal_gcm


def test_every_suite_that_can_be_agreed_on_can_be_used() -> None:
    assert SUITES == SIZES
    for suite in SUITES:
        assert len(Sealer(key(suite), SSRC, 0).rtp(packet(0))) > len(packet(0))


# --- vectors ------------------------------------------------------------------------------------


def test_aes_cm_gives_the_key_stream_of_rfc_3711_b_2() -> None:
    session_key = bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3C")
    salt = int("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000", 16)
    assert keystream(session_key, salt, 48).hex().upper() == (
        "E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB"
        "41E95B3BB0A2E8DD477901E4FCA894C0"
    )


MASTER = bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE4139")
SALT = bytes.fromhex("0EC675AD498AFEEBB6960B3AABE6")


def test_the_keys_of_rfc_3711_b_3_are_derived() -> None:
    assert derive(MASTER, SALT, 0, 16).hex().upper() == "C61E7A93744F39EE10734AFE3FF7A087"
    assert derive(MASTER, SALT, 2, 14).hex().upper() == "30CBBC08863D8C85D49DB34A9AE1"
    assert derive(MASTER, SALT, 1, 20).hex().upper() == "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"


def test_gcm_seals_the_packet_of_rfc_7714_16_1_1() -> None:
    head = bytes.fromhex("8040f17b8041f8d35501a0b2")
    text = b"Gallia est omnis divisa in partes tres"
    salt = bytes.fromhex("517569642070726f2071756f")
    sealed = seal_gcm(bytes(range(16)), salt, (0x5501A0B2, 0, 0xF17B), head, text)
    assert sealed.hex() == (
        "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833"
        "899d7f27beb16a9152cf765ee4390cce"
    )


def test_a_packet_under_the_keys_of_rfc_3711_is_sealed_octet_for_octet() -> None:
    sealer = Sealer(MasterKey("AES_CM_128_HMAC_SHA1_80", MASTER + SALT), SSRC, 0x1234)
    plain = bytes.fromhex("800f1234decafbadcafebabe") + b"\xab" * 16
    assert sealer.rtp(plain).hex() == (
        "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb"
    )


@every_suite
def test_packets_and_reports_are_those_of_the_reference(suite: str) -> None:
    ours = key(suite)
    reference, sealer = Reference(suite, ours.secret), Sealer(ours, SSRC, 7)
    assert sealer.rtp(packet(7)) == reference.rtp(packet(7))
    assert sealer.rtp(packet(8)) == reference.rtp(packet(8))
    assert len(sealer.rtp(packet(9))) == len(packet(9)) + ours.tag_octets
    assert sealer.rtcp(report()) == reference.rtcp(report(), 1)
    assert sealer.rtcp(report()) == reference.rtcp(report(), 2)


@every_suite
def test_what_the_reference_sealed_is_opened(suite: str) -> None:
    theirs = key(suite)
    reference, opener = Reference(suite, theirs.secret), Opener(theirs)
    for index in range(65_530, 65_550):
        assert opener.rtp(reference.rtp(packet(index), index >> 16), 0.0) == packet(index)
    assert opener.rtcp(reference.rtcp(report(), 5), 0.0) == report()


# --- the wrap of sequence numbers ---------------------------------------------------------------


@every_suite
def test_the_rollover_counter_survives_wraps_with_loss_and_disorder(suite: str) -> None:
    shared, chance = key(suite), random.Random(4)
    sealer, opener = Sealer(shared, SSRC, 60_000), Opener(shared)
    sent = [(index, sealer.rtp(packet(index))) for index in range(60_000, 140_000, 7)]
    sent = [one for one in sent if chance.random() > 0.3]
    for at in range(0, len(sent) - 8, 8):
        batch = sent[at : at + 8]
        chance.shuffle(batch)
        for index, data in batch:
            assert opener.rtp(data, 0.0) == packet(index)


def test_a_sealer_that_begins_late_has_the_counter_of_its_stream() -> None:
    ours = key()
    index = 5 * 65_536 + 17
    sealed = Sealer(ours, SSRC, index).rtp(packet(index))
    assert sealed == Reference(ours.suite, ours.secret).rtp(packet(index), 5)


@pytest.mark.parametrize("left", [0, 100, 65_500, 200_000])
def test_a_sealer_that_is_come_back_to_has_the_counter_of_its_stream(left: int) -> None:
    """The stream may have gone on for hours under another key, or plain."""
    ours, reference = key(), Reference(key().suite, key().secret)
    sealer = Sealer(ours, SSRC, left)
    if left:
        sealer.rtp(packet(left - 1))
        sealer.rtcp(report())
    index = left + 300_000
    sealer.go_on(SSRC, since=left, index=index)
    assert sealer.rtp(packet(index)) == reference.rtp(packet(index), index >> 16)
    assert sealer.rtcp(report()) == reference.rtcp(report(), 2 if left else 1)


# --- what is not opened -------------------------------------------------------------------------


@every_suite
def test_a_packet_is_opened_once(suite: str) -> None:
    sealer, opener = Sealer(key(suite), SSRC, 0), Opener(key(suite))
    sealed = sealer.rtp(packet(0))
    opener.rtp(sealed, 0.0)
    with pytest.raises(Replayed):
        opener.rtp(sealed, 0.0)


def test_what_is_older_than_the_window_counts_as_replayed() -> None:
    sealer, opener = Sealer(key(), SSRC, 0), Opener(key())
    sealed = [sealer.rtp(packet(index)) for index in range(REPLAY_WINDOW + 2)]
    opener.rtp(sealed[-1], 0.0)
    assert opener.rtp(sealed[2], 0.0) == packet(2)
    with pytest.raises(Replayed):
        opener.rtp(sealed[1], 0.0)


@every_suite
def test_a_report_is_opened_once_too(suite: str) -> None:
    sealed, opener = Sealer(key(suite), SSRC, 0).rtcp(report()), Opener(key(suite))
    opener.rtcp(sealed, 0.0)
    with pytest.raises(Replayed):
        opener.rtcp(sealed, 0.0)


@every_suite
def test_every_flipped_bit_is_noticed_and_changes_nothing(suite: str) -> None:
    sealer, opener = Sealer(key(suite), SSRC, 0), Opener(key(suite))
    sealed = sealer.rtp(packet(0))
    for at in range(1, len(sealed)):
        forged = bytearray(sealed)
        forged[at] ^= 1
        with pytest.raises(SrtpError):
            opener.rtp(bytes(forged), 0.0)
    assert opener.rtp(sealed, 0.0) == packet(0)


@every_suite
def test_another_key_does_not_open(suite: str) -> None:
    opener = Opener(key(suite, seed=2))
    with pytest.raises(Unauthenticated):
        opener.rtp(Sealer(key(suite), SSRC, 0).rtp(packet(0)), 0.0)
    with pytest.raises(Unauthenticated):
        opener.rtcp(Sealer(key(suite), SSRC, 0).rtcp(report()), 0.0)


def test_reports_that_are_not_enciphered_are_refused_though_authentic() -> None:
    ours = key()
    sealed = Reference(ours.suite, ours.secret).rtcp(report(), 1)
    plain_flag = bytearray(sealed)
    plain_flag[-14] &= 0x7F
    with pytest.raises(SrtpError):
        Opener(ours).rtcp(bytes(plain_flag), 0.0)


@pytest.mark.parametrize("data", [b"", b"\x80" * 11, b"\x80\0" + bytes(10), bytes(1600)])
def test_what_is_no_srtp_is_malformed(data: bytes) -> None:
    with pytest.raises((Malformed, Unauthenticated)):
        Opener(key()).rtp(data, 0.0)
    with pytest.raises((Malformed, Unauthenticated)):
        Opener(key()).rtcp(data, 0.0)


@given(st.binary(max_size=200), st.sampled_from(sorted(SIZES)))
def test_nothing_but_refusals_comes_of_garbage(data: bytes, suite: str) -> None:
    opener = Opener(key(suite))
    with pytest.raises(SrtpError):
        opener.rtp(data, 0.0)
    with pytest.raises(SrtpError):
        opener.rtcp(data, 0.0)


# --- streams and keys ---------------------------------------------------------------------------


def streams(count: int) -> Iterator[tuple[int, bytes]]:
    for ssrc in range(1, count + 1):
        yield ssrc, Sealer(key(), ssrc, 0).rtp(packet(0, ssrc))


def test_a_peer_may_begin_new_streams_but_not_without_end() -> None:
    opener = Opener(key())
    *first, (_, last) = streams(MAX_SSRCS + 1)
    for ssrc, sealed in first:
        assert opener.rtp(sealed, 0.0) == packet(0, ssrc)
    with pytest.raises(TooManySources):
        opener.rtp(last, 0.0)
    with pytest.raises(Replayed):
        opener.rtp(first[0][1], 0.0)


def test_the_former_key_is_believed_a_little_while_after_a_new_one() -> None:
    old, new = key(seed=1), key(seed=2)
    opener, before, after = Opener(old), Sealer(old, SSRC, 0), Sealer(new, SSRC, 3)
    opener.rtp(before.rtp(packet(0)), 10.0)
    under_way = [before.rtp(packet(index)) for index in (1, 2)]
    opener.rekey(new, 10.0)
    assert opener.key == new
    assert opener.rtp(after.rtp(packet(3)), 10.1) == packet(3)
    assert opener.rtp(under_way[0], 10.0 + OLD_KEY_S) == packet(1)
    with pytest.raises(Unauthenticated):
        opener.rtp(under_way[1], 10.01 + OLD_KEY_S)


@pytest.mark.parametrize("goes_on", [True, False])
def test_after_a_wrap_a_new_key_is_understood_whether_the_counter_goes_on_or_not(
    goes_on: bool,
) -> None:
    old, new = key(seed=1), key(seed=2)
    opener, sealer = Opener(old), Sealer(old, SSRC, 0)
    for index in range(0, 2 * 65_536 + 100, 0x4000):
        opener.rtp(sealer.rtp(packet(index)), 0.0)
    opener.rekey(new, 0.0)
    index = 2 * 65_536 + 200
    reference = Reference(new.suite, new.secret)
    for later in range(5):
        sealed = reference.rtp(packet(index + later), 2 if goes_on else 0)
        assert opener.rtp(sealed, 1.0 + later) == packet(index + later)
    with pytest.raises(SrtpError):
        opener.rtp(reference.rtp(packet(index + 9), 0 if goes_on else 2), 9.0)


def test_a_peer_that_counted_without_end_starts_anew_with_its_key() -> None:
    old, new = key(seed=1), key(seed=2)
    opener, sealer = Opener(old), Sealer(old, SSRC, 0)
    for index in range(0, (MAX_ROLLOVERS + 1) * 65_536, 0x7000):
        opener.rtp(sealer.rtp(packet(index)), 0.0)
    opener.rekey(new, 0.0)
    assert opener.rtp(Sealer(new, SSRC, 5).rtp(packet(5)), 0.0) == packet(5)


def test_keys_do_not_show() -> None:
    shown = repr(key())
    assert shown == "MasterKey(suite='AES_CM_128_HMAC_SHA1_80')"
