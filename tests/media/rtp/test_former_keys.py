"""A peer that goes back to a key it used before: nothing of that key is opened a second time."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from runtime.media.rtp.srtp import (
    MAX_FORMER_KEYS,
    MAX_ROLLOVERS,
    MAX_SPENT_KEYS,
    OLD_KEY_S,
    MasterKey,
    Opener,
    Replayed,
    Sealer,
    SpentKey,
    Unauthenticated,
)
from tests.media.rtp.sealed import SSRC, every_suite, key, packet, report
from tests.media.rtp.srtp_reference import Reference

SOON, LATER = OLD_KEY_S / 2, OLD_KEY_S * 2


def opens(opener: Opener, theirs: MasterKey, indices: Sequence[int], now: float) -> None:
    """Packets of the peer's one stream, which goes on counting under whatever key."""
    reference = Reference(theirs.suite, theirs.secret)
    for index in indices:
        sealed = reference.rtp(packet(index), index >> 16)
        assert opener.rtp(sealed, now) == packet(index)


@every_suite
@pytest.mark.parametrize("away_s", [SOON, LATER])
def test_what_came_under_a_key_is_not_opened_again_when_the_key_comes_back(
    suite: str, away_s: float
) -> None:
    """RFC 3711 3.3.2: the replay list belongs to the key, however long another one was used."""
    first, second = key(suite, seed=1), key(suite, seed=2)
    reference, opener = Reference(suite, first.secret), Opener(first)
    recorded = [reference.rtp(packet(index)) for index in range(5)]
    recorded_reports = [reference.rtcp(report(), index) for index in (1, 2)]
    for sealed in recorded:
        opener.rtp(sealed, 0.0)
    for sealed in recorded_reports:
        opener.rtcp(sealed, 0.0)
    opener.rekey(second, 1.0)
    opens(opener, second, range(5, 10), 1.0)
    opener.rekey(first, 1.0 + away_s)
    for sealed in recorded:
        with pytest.raises(Replayed):
            opener.rtp(sealed, 1.0 + away_s)
    for sealed in recorded_reports:
        with pytest.raises(Replayed):
            opener.rtcp(sealed, 1.0 + away_s)
    opens(opener, first, range(10, 15), 1.0 + away_s)
    assert opener.rtcp(reference.rtcp(report(), 3), 1.0 + away_s) == report()


def test_a_copy_that_came_while_the_key_was_the_former_one_is_known_too() -> None:
    first, second = key(seed=1), key(seed=2)
    opener = Opener(first)
    opens(opener, first, [0], 0.0)
    opener.rekey(second, 0.0)
    opens(opener, first, [1], SOON)
    opener.rekey(first, LATER)
    with pytest.raises(Replayed):
        opens(opener, first, [1], LATER)
    opens(opener, first, [2], LATER)


def test_the_key_that_was_left_for_an_older_one_is_believed_a_little_while() -> None:
    first, second = key(seed=1), key(seed=2)
    opener = Opener(first)
    opens(opener, first, [0], 0.0)
    opener.rekey(second, 10.0)
    opens(opener, second, [1], 10.0)
    opener.rekey(first, 20.0)
    opens(opener, second, [2], 20.0 + SOON)
    opens(opener, first, [3], 20.0 + SOON)
    with pytest.raises(Unauthenticated):
        opens(opener, second, [4], 20.1 + OLD_KEY_S)


@pytest.mark.parametrize("began_at", [0, 3 * 65_536 + 70])
def test_a_stream_that_wrapped_under_another_key_goes_on_under_the_first(began_at: int) -> None:
    """RFC 3711 3.3.1: the rollover counter belongs to the stream."""
    first, second = key(seed=1), key(seed=2)
    opener = Opener(first)
    opens(opener, first, range(0, began_at, 0x4000), 0.0)
    opens(opener, first, [began_at], 0.0)
    opener.rekey(second, 0.0)
    under_second = range(began_at + 1, began_at + 200_000, 0x4000)
    opens(opener, second, under_second, 0.0)
    opener.rekey(first, LATER)
    goes_on = under_second[-1] + 1
    with pytest.raises(Unauthenticated):  # the counter has passed it, so it is read as a later one
        opens(opener, first, [began_at], LATER)
    opens(opener, first, range(goes_on, goes_on + 5), LATER)


def test_a_stream_that_wrapped_before_it_first_came_under_an_older_key_is_understood() -> None:
    first, second = key(seed=1), key(seed=2)
    opener = Opener(first)
    opener.rtp(Sealer(first, 7, 0).rtp(packet(0, ssrc=7)), 0.0)
    opener.rekey(second, 0.0)
    opens(opener, second, range(0, 100_000, 0x4000), 0.0)
    opener.rekey(first, LATER)
    opens(opener, first, [100_000], LATER)


def test_a_stream_that_ran_too_far_ahead_is_not_walked_after() -> None:
    """The walk would hold up everybody's audio, so the peer is heard again with its next key."""
    first, second, third = key(seed=1), key(seed=2), key(seed=3)
    opener = Opener(first)
    opens(opener, first, [0], 0.0)
    opener.rekey(second, 0.0)
    opens(opener, second, range(1, (MAX_ROLLOVERS + 1) * 65_536, 0x7000), 0.0)
    opener.rekey(first, LATER)
    with pytest.raises(Unauthenticated):
        opens(opener, first, [(MAX_ROLLOVERS + 1) * 65_536 + 5], LATER)
    opener.rekey(third, LATER)
    assert opener.rtp(Sealer(third, SSRC, 5).rtp(packet(5)), LATER) == packet(5)


def test_a_key_under_which_nothing_came_begins_anew() -> None:
    """Both readings of its counter are open again: it was offered, and something else was used."""
    first, second = key(seed=1), key(seed=2)
    opener = Opener(first)
    opens(opener, first, range(0, 70_000, 0x4000), 0.0)
    opener.rekey(second, 0.0)
    opener.rekey(first, SOON)
    opens(opener, first, [70_000], SOON)
    opener.rekey(second, LATER)
    assert opener.rtp(Sealer(second, SSRC, 5).rtp(packet(5)), LATER) == packet(5)


def rounds(opener: Opener, count: int) -> None:
    """The peer changes its key as often, a packet under each; the stream goes on from 1."""
    for seed in range(2, 2 + count):
        theirs = key(seed=seed)
        opener.rekey(theirs, 0.0)
        opens(opener, theirs, [seed - 1], 0.0)


def test_a_key_that_comes_back_at_once_after_a_spent_one_is_the_newest_again() -> None:
    first, last = key(seed=1), key(seed=MAX_FORMER_KEYS + 2)
    opener = Opener(first)
    opens(opener, first, [0], 0.0)
    rounds(opener, MAX_FORMER_KEYS + 1)
    opener.rekey(first, 0.0)
    opener.rekey(last, SOON)
    opens(opener, last, [MAX_FORMER_KEYS + 2], 9 * LATER)
    with pytest.raises(Replayed):
        opens(opener, last, [MAX_FORMER_KEYS + 1], 9 * LATER)


def test_the_windows_of_some_former_keys_are_kept() -> None:
    first = key(seed=1)
    opener = Opener(first)
    opens(opener, first, [0], 0.0)
    rounds(opener, MAX_FORMER_KEYS)
    opener.rekey(first, LATER)
    with pytest.raises(Replayed):
        opens(opener, first, [0], LATER)
    opens(opener, first, [MAX_FORMER_KEYS + 1], LATER)


def test_a_key_whose_window_was_given_up_opens_nothing_any_more() -> None:
    first, next_ = key(seed=1), key(seed=999)
    opener = Opener(first)
    opens(opener, first, [0], 0.0)
    rounds(opener, MAX_FORMER_KEYS + 1)
    last, after = key(seed=MAX_FORMER_KEYS + 2), MAX_FORMER_KEYS + 2
    opener.rekey(first, 10.0)
    assert opener.key == first
    for index in (0, after):
        with pytest.raises(SpentKey):
            opens(opener, first, [index], 10.0)
    opens(opener, last, [after], 10.0 + SOON)
    with pytest.raises(SpentKey):
        opens(opener, last, [after + 1], 10.1 + OLD_KEY_S)
    opener.rekey(next_, 20.0)
    opens(opener, next_, [after + 2], 20.0)


def test_a_peer_with_keys_without_end_costs_no_memory_without_end() -> None:
    opener = Opener(key(seed=1))
    rounds(opener, MAX_SPENT_KEYS + MAX_FORMER_KEYS + 10)
    opener.rekey(key(seed=MAX_FORMER_KEYS + 11), LATER)
    with pytest.raises(SpentKey):
        opens(opener, key(seed=MAX_FORMER_KEYS + 11), [0], LATER)
    assert opener.former_keys <= MAX_SPENT_KEYS + MAX_FORMER_KEYS


def test_a_report_before_the_first_packet_does_not_upset_the_count() -> None:
    """A stream that begins in the upper half, and whose peer reports first, wraps after minutes."""
    first, second = key(seed=1), key(seed=2)
    opener = Opener(first)
    opener.rtcp(Reference(first.suite, first.secret).rtcp(report(), 1), 0.0)
    opens(opener, first, range(50_000, 70_000, 100), 0.0)
    opener.rekey(second, 0.0)
    opens(opener, second, [70_000], LATER)
