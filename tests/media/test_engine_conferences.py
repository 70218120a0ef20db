"""Conferences packet by packet: who hears whom, how loud, and how members come and go."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from runtime.media.limiting import CEILING
from runtime.media.protocol import Disconnect
from tests.media.packets import sine
from tests.media.rig import Peer, Rig, q, sound, talk
from tests.media.speaker import SECOND, TABLE, Speaker
from tests.media.spectrum import amplitude_of, decibels, tone


def test_everyone_in_a_conference_hears_everyone_else() -> None:
    rig = Rig()
    room = rig.conference()
    peers = [rig.peer() for _ in range(4)]
    for peer in peers:
        rig.connect(peer, room)
        rig.connect(room, peer)
    values = [100, 1000, -300, 2000]
    talk(rig, 4, *zip(peers, values, strict=True))
    heard = [q(v) for v in values]
    for peer, own in zip(peers, heard, strict=True):
        assert peer.level == q(sum(heard) - own)


def test_a_listener_that_does_not_speak_hears_all_and_a_speaker_need_not_listen() -> None:
    rig = Rig()
    room = rig.conference()
    speaker, listener = rig.peer(), rig.peer()
    rig.connect(speaker, room)
    rig.connect(room, listener)
    talk(rig, 4, (speaker, 500))
    assert listener.level == q(q(500))
    assert speaker.level == 0


def test_leaving_and_entering_a_conference_begins_at_the_next_tick_and_takes_5_ms() -> None:
    rig = Rig()
    room = rig.conference()
    one, two, three = rig.peer(), rig.peer(), rig.peer()
    for peer in (one, two):
        rig.connect(peer, room)
    rig.connect(room, three)
    talk(rig, 4, (one, 500), (two, 40))
    assert three.level == q(q(500) + q(40))
    rig.close(one)
    talk(rig, 1, (two, 40))
    assert three.last[0] > q(450)
    assert set(three.last[40:]) == {q(40)}
    rig.connect(three, room)
    three.say_level(700)
    talk(rig, 2, (two, 40), (three, 700))
    assert three.level == q(40)
    assert two.level == 0
    rig.close(room)
    talk(rig, 2, (two, 40))
    assert three.level == 0


def test_players_and_conferences_are_heard_in_a_conference() -> None:
    rig = Rig()
    first, second = rig.conference(), rig.conference()
    one, two = rig.peer(), rig.peer()
    music = rig.player(sound(4000, frames=100), loop=True)
    rig.connect(music, first)
    rig.connect(first, second)
    rig.connect(second, first)
    for peer, room in ((one, first), (two, second)):
        rig.connect(peer, room)
        rig.connect(room, peer)
    talk(rig, 6, (one, 100), (two, 1000))
    assert one.level == q(4000 + q(1000))
    assert two.level == q(4000 + q(100))


def join(rig: Rig, room: int, *peers: Peer) -> None:
    """They speak and listen."""
    for peer in peers:
        rig.connect(peer, room)
        rig.connect(room, peer)


def say_tones(rig: Rig, ticks: int, tones: dict[int, Peer], amplitude: int = 8000) -> None:
    """Each peer its own pitch; the sequence number keeps the phase."""
    for _ in range(ticks):
        for hertz, peer in tones.items():
            at = 160 * (peer.sequence - 100)
            peer.say(sine(hertz, at, amplitude=amplitude, law=peer.law))
        rig.tick()


def pitches(peer: Peer, among: Iterable[int]) -> set[int]:
    """Which of these frequencies are in the last 0.4 s."""
    last = np.array(peer.samples[-3200:], dtype=np.int16)
    return {hertz for hertz in among if amplitude_of(last, hertz, 8000) > 100}


def test_a_loud_crowd_is_turned_down_and_never_at_the_rail() -> None:
    rig = Rig(legs=8)
    room = rig.conference()
    peers = [rig.peer() for _ in range(8)]
    join(rig, room, *peers)
    talk(rig, 6, *[(peer, 16000) for peer in peers])
    assert max(peers[0].samples) <= q(CEILING)
    assert q(CEILING) - 1100 < peers[0].level < 32124


def test_fifty_members_hear_the_forty_nine_others_and_not_themselves() -> None:
    rig = Rig(legs=50)
    room = rig.conference()
    tones = {200 + 50 * n: rig.peer() for n in range(50)}
    join(rig, room, *tones.values())
    say_tones(rig, 40, tones, amplitude=8000)
    for hertz, peer in list(tones.items())[::7]:
        assert pitches(peer, tones) == set(tones) - {hertz}
        assert np.abs(peer.samples).max() <= q(CEILING)


def test_a_single_loud_speaker_is_heard_as_he_speaks() -> None:
    rig = Rig()
    room = rig.conference()
    speaker, listener = rig.peer(), rig.peer()
    join(rig, room, speaker, listener)
    say_tones(rig, 50, {500: speaker}, amplitude=29_000)
    sent = b"".join(sine(500, 160 * n, amplitude=29_000) for n in range(49))
    assert b"".join(packet.payload for packet in listener.heard[2:]) == sent[160:]


def test_members_come_and_go_without_a_click_in_what_the_others_hear() -> None:
    rig = Rig(legs=8)
    room = rig.conference()
    speaker, listener, other, third = (rig.peer() for _ in range(4))
    join(rig, room, speaker, listener)
    say_tones(rig, 30, {300: speaker})
    join(rig, room, other)
    say_tones(rig, 30, {300: speaker, 700: other})
    rig.do(Disconnect(other.unit, room))
    say_tones(rig, 30, {300: speaker, 700: other})
    join(rig, room, third)
    say_tones(rig, 30, {300: speaker, 900: third})
    rig.close(third)
    say_tones(rig, 30, {300: speaker})
    heard = np.array(listener.samples[320:], dtype=float)
    # A click is a step that neither tone makes: 8000 * 2 pi f / 8000 at its steepest, and G.711.
    steepest = 2 * np.pi * (300 + 900) + 1100
    assert np.abs(np.diff(heard)).max() < steepest
    speaking = 8000 * np.sin(2 * np.pi * 300 * np.arange(160, 160 + len(heard)) / 8000)
    alone = [*range(160 * 3, 160 * 28), *range(160 * 61, 160 * 88), *range(160 * 121, 160 * 148)]
    assert np.abs((heard - speaking)[alone]).max() < 300


def test_a_quiet_speaker_is_brought_up_for_everybody() -> None:
    rig = Rig()
    room = rig.conference()
    quiet, listener = rig.peer(), rig.peer()
    join(rig, room, quiet, listener)
    for n in range(500):
        speaking = n % 12 < 8
        quiet.say(sine(300, 160 * n, amplitude=600 if speaking else 0))
        rig.tick()
    first = np.array(listener.samples[160:], dtype=np.int16)[: 12 * 160]
    last = np.array(listener.samples, dtype=np.int16)[-12 * 160 :]
    raised = decibels(float(np.abs(last).max()), float(np.abs(first).max()))
    assert 9 < raised < 12.5


def test_members_of_different_laws_and_packet_lengths_hear_each_other() -> None:
    rig = Rig()
    room = rig.conference()
    one = rig.peer()
    two = rig.peer(codec="PCMA", send_payload_type=8)
    three = rig.peer(ptime_ms=10)
    join(rig, room, one, two, three)
    tones = {400: one, 700: two, 1000: three}
    say_tones(rig, 40, tones, amplitude=4000)
    for hertz, peer in tones.items():
        assert pitches(peer, tones) == set(tones) - {hertz}


def test_a_quiet_wide_member_is_brought_up_for_wide_and_narrow_members_alike() -> None:
    rig = Rig(codecs=TABLE)
    conference = rig.conference()
    quiet, wide, narrow = Speaker.on(rig, "L16"), Speaker.on(rig, "L16"), rig.peer()
    for member in (quiet.peer, wide.peer, narrow):
        rig.connect(member, conference)
        rig.connect(conference, member)
    syllable, pause = tone(1000, 16000, 1, 600), np.zeros(16000, dtype=np.int16)
    for number in range(10 * SECOND):
        quiet.say(syllable if number % 12 < 8 else pause)
        rig.tick()
    loudest = np.abs(wide.heard(12)).max()
    assert 9 < decibels(float(loudest), 600) < 12.5
    assert 9 < decibels(float(np.abs(narrow.samples[-12 * 160 :]).max()), 600) < 12.5


def test_a_loud_wide_crowd_is_never_at_the_rail_of_either_rate() -> None:
    rig = Rig(codecs=TABLE)
    conference = rig.conference()
    crowd = [Speaker.on(rig, "L16") for _ in range(5)]
    narrow = rig.peer()
    for member in (*(speaker.peer for speaker in crowd), narrow):
        rig.connect(member, conference)
        rig.connect(conference, member)
    for _ in range(SECOND):
        for number, speaker in enumerate(crowd):
            speaker.say(tone(400 + 800 * number, 16000, 1, 30_000))
        rig.tick()
    assert CEILING * 0.8 < np.abs(crowd[0].heard(40)).max() <= CEILING
    assert CEILING * 0.8 < np.abs(narrow.samples[10 * 160 :]).max() <= q(CEILING)
