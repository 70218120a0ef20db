"""Packets of 10 to 60 ms, one length or all in one call: every sample is heard in its place.

A peer sends a packet when its last sample was spoken, as telephones do. What it says is noise, so
that no sample can be taken for another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from runtime.media.codec import decode
from runtime.media.frames import FRAME, Samples
from runtime.media.native.library import Library
from tests.media.native.helper import helper
from tests.media.rig import Peer, Rig
from tests.media.speaker import TABLE, Speaker
from tests.media.test_engine_pauses import statistics

MILLISECONDS = [10, 20, 30, 40, 60]


@pytest.fixture(params=["numpy", "native"])
def library(request: pytest.FixtureRequest) -> Library | None:
    return helper() if request.param == "native" else None


def lengths(*milliseconds: int, total: int) -> Iterator[int]:
    """Samples of each packet, these lengths over and over."""
    left = total
    while left > 0:
        for each in milliseconds:
            yield min(8 * each, left)
            left -= 8 * each
            if left <= 0:
                return


class Talk:
    """What a peer says, and what the other end of its bridge hears."""

    def __init__(self, library: Library | None, frames: int) -> None:
        self.rig = Rig(library=library)
        self.peer = self.rig.peer()
        self.listener = self.rig.peer()
        self.rig.connect(self.peer, self.listener)
        self.octets = np.random.default_rng(7).integers(0, 256, FRAME * frames).astype(np.uint8)
        self.sound = decode(self.octets, "PCMU")
        self.rig.tick()
        self.before = len(self.listener.samples)

    def run(self, sizes: Iterable[int], lost: frozenset[int] = frozenset(), phase: int = 0) -> None:
        """`phase` = samples between the peer's and our ticks."""
        packets, start, number = list(sizes), 0, 0
        for tick in range(len(self.octets) // FRAME + 1):
            while number < len(packets) and start + packets[number] + phase <= FRAME * (tick + 1):
                self.say(start, packets[number], lost=number in lost)
                start += packets[number]
                number += 1
            self.rig.tick()
        self.rig.tick(4)

    def say(self, start: int, size: int, *, lost: bool) -> None:
        peer = self.peer
        if lost:
            peer.sequence, peer.timestamp = peer.sequence + 1, peer.timestamp + size
        else:
            peer.say(self.octets[start : start + size].tobytes())

    @property
    def heard(self) -> Samples:
        """From the first sound on."""
        samples = np.array(self.listener.samples[self.before :], dtype=np.int16)
        return samples[np.flatnonzero(samples)[0] // FRAME * FRAME :]


@pytest.mark.parametrize("milliseconds", MILLISECONDS)
def test_packets_of_one_length_are_heard_exactly_and_go_out_as_20_ms(
    library: Library | None, milliseconds: int
) -> None:
    talk = Talk(library, 300)
    talk.run(lengths(milliseconds, total=len(talk.octets)))
    assert talk.heard[: len(talk.sound)].tolist() == talk.sound.tolist()
    assert {len(packet.payload) for packet in talk.listener.heard} == {FRAME}
    ended = statistics(talk.rig, talk.peer)
    assert (ended.packets_lost, ended.packets_late) == (0, 0)


@pytest.mark.parametrize(
    "order", [(60, 20), (60, 10, 30), (20, 10, 40, 30, 60), (60, 40, 30, 20, 10)]
)
def test_packets_of_all_lengths_in_one_call_are_heard_exactly(
    library: Library | None, order: tuple[int, ...]
) -> None:
    talk = Talk(library, 240)
    talk.run(lengths(*order, total=len(talk.octets)))
    heard = talk.heard
    # A first packet that is shorter than the later ones is heard too early for them; from the
    # first long one on nothing is missing.
    settled = talk.sound[FRAME * 10 :]
    at = position_of(settled[:FRAME], heard)
    assert heard[at : at + len(settled)].tolist() == settled.tolist()
    ended = statistics(talk.rig, talk.peer)
    assert ended.packets_lost == 0
    assert ended.packets_late <= 2


@pytest.mark.parametrize("phase", [0, 80])
@pytest.mark.parametrize("before", MILLISECONDS)
@pytest.mark.parametrize("after", MILLISECONDS)
def test_a_peer_that_changes_its_length_in_the_call_loses_nothing(
    library: Library | None, before: int, after: int, phase: int
) -> None:
    talk = Talk(library, 120)
    half = len(talk.octets) // 2
    talk.run([*lengths(before, total=half), *lengths(after, total=half)], phase=phase)
    heard, sound = talk.heard, talk.sound
    assert heard[:half].tolist() == sound[:half].tolist()
    # Where longer packets have to be waited for, something is made up; after the second all is
    # as it was.
    settled = half + 16 * after
    at = position_of(sound[settled : settled + FRAME], heard)
    assert settled <= at <= settled + 3 * FRAME
    assert heard[at : at + half - 16 * after].tolist() == sound[settled:].tolist()
    ended = statistics(talk.rig, talk.peer)
    assert ended.packets_lost == 0
    assert ended.packets_late <= 1


def position_of(part: Samples, whole: Samples) -> int:
    windows = np.lib.stride_tricks.sliding_window_view(whole, len(part))
    found = np.flatnonzero((windows == part).all(axis=1))
    assert len(found) == 1
    return int(found[0])


@pytest.mark.parametrize("milliseconds", MILLISECONDS)
def test_a_lost_packet_of_any_length_leaves_the_others_where_they_were(
    library: Library | None, milliseconds: int
) -> None:
    talk = Talk(library, 90)
    size, number = 8 * milliseconds, 9
    talk.run(lengths(milliseconds, total=len(talk.octets)), lost=frozenset({number}))
    heard, start, end = talk.heard, number * size, (number + 1) * size
    assert heard[:start].tolist() == talk.sound[:start].tolist()
    # The first 10 ms after a loss are faded in.
    assert heard[end + 80 : len(talk.sound)].tolist() == talk.sound[end + 80 :].tolist()
    assert np.abs(heard[start : start + 80].astype(int)).max() > 1000
    ended = statistics(talk.rig, talk.peer)
    assert (ended.packets_lost, ended.packets_late) == (1, 0)


@pytest.mark.parametrize("milliseconds", MILLISECONDS)
def test_a_peer_that_wants_10_ms_gets_all_sound_in_10_ms(
    library: Library | None, milliseconds: int
) -> None:
    rig = Rig(library=library)
    peer = rig.peer(ptime_ms=10)
    rig.connect(peer, peer)
    octets = np.random.default_rng(8).integers(0, 256, 60 * FRAME).astype(np.uint8)
    size, said = 8 * milliseconds, 0
    for tick in range(60):
        while said + size <= FRAME * (tick + 1):
            peer.say(octets[said : said + size].tobytes())
            said += size
        rig.tick()
    assert {len(packet.payload) for packet in peer.heard} == {80}
    heard, sound = np.array(peer.samples, dtype=np.int16), decode(octets, "PCMU")
    at = position_of(sound[:FRAME], heard)
    assert heard[at:].tolist() == sound[: len(heard) - at].tolist()


@pytest.mark.parametrize(
    ("codec", "milliseconds"),
    # Of L16 at 16 kHz no more than 30 ms fit into what we receive.
    [*(("L16/8000", each) for each in MILLISECONDS), *(("L16", each) for each in (10, 20, 30))],
)
def test_coded_packets_of_any_length_are_heard_exactly(codec: str, milliseconds: int) -> None:
    rig = Rig(codecs=TABLE)
    speaker = Speaker.on(rig, codec)
    peer: Peer = speaker.peer
    rig.connect(peer, peer)
    rate = 16000 if codec == "L16" else 8000
    frame, size = rate // 50, rate * milliseconds // 1000
    sound = np.random.default_rng(9).integers(-9000, 9000, 60 * frame).astype(np.int16)
    said = 0
    for tick in range(60):
        while said + size <= frame * (tick + 1):
            before = peer.timestamp
            peer.say(sound[said : said + size].astype(">i2").tobytes())
            peer.timestamp, said = before + size, said + size
        rig.tick()
    heard = speaker.heard(60)
    at = position_of(sound[:frame], heard)
    assert heard[at:].tolist() == sound[: len(heard) - at].tolist()
