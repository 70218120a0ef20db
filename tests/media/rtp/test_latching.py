"""Whose packets a leg believes: the negotiated address, or one other while that one is silent."""

from __future__ import annotations

from runtime.media.rtp.latching import LOST_S, PROBATION, SILENT_S, SourceGate

PEER = ("192.0.2.1", 4000)
NAT = ("198.51.100.7", 61000)
THIEF = ("203.0.113.9", 5)


def send(gate: SourceGate, source: tuple[str, int], count: int, *, now: float = 0.0) -> list[bool]:
    ssrc = source[1]
    return [gate.accepts(source, ssrc, n & 0xFFFF, now + n * 0.02) for n in range(count)]


def test_the_negotiated_address_is_believed_from_its_first_packet() -> None:
    gate = SourceGate(PEER)
    assert not gate.settled
    assert send(gate, PEER, 1) == [True]
    assert gate.settled
    assert gate.target == PEER


def test_a_peer_behind_nat_is_believed_after_packets_in_a_row() -> None:
    gate = SourceGate(PEER)
    assert send(gate, NAT, 6) == [False] * (PROBATION - 1) + [True] * 3
    assert gate.target == NAT
    assert not gate.settled


def test_before_anything_is_believed_packets_go_to_the_negotiated_address() -> None:
    gate = SourceGate(PEER)
    send(gate, NAT, PROBATION - 1)
    assert gate.target == PEER


def test_once_the_negotiated_address_spoke_nobody_else_gets_in() -> None:
    gate = SourceGate(PEER)
    send(gate, PEER, 1)
    assert send(gate, THIEF, 50) == [False] * 50
    assert gate.target == PEER


def test_a_third_source_never_takes_over_from_a_latched_one() -> None:
    gate = SourceGate(PEER)
    send(gate, NAT, PROBATION)
    assert send(gate, THIEF, 50) == [False] * 50
    assert gate.target == NAT


def test_the_negotiated_address_takes_the_leg_back_from_a_latched_one() -> None:
    gate = SourceGate(PEER)
    send(gate, THIEF, PROBATION)
    assert gate.target == THIEF
    assert send(gate, PEER, 1) == [True]
    assert send(gate, THIEF, 10, now=1.0) == [False] * 10
    assert gate.target == PEER


def test_guessed_packets_without_order_or_with_changing_ssrc_are_not_believed() -> None:
    gate = SourceGate(PEER)
    assert not any(gate.accepts(THIEF, 1, n * 7919 & 0xFFFF, n * 0.02) for n in range(100))
    assert not any(gate.accepts(THIEF, n, n, 3 + n * 0.02) for n in range(100))


def test_a_noisy_third_party_does_not_keep_the_real_peer_out() -> None:
    gate = SourceGate(PEER)
    heard = []
    for n in range(PROBATION):
        heard.append(gate.accepts(NAT, 7, n, n * 0.02))
        assert not gate.accepts(THIEF, 9, n, n * 0.02 + 0.01)
    assert heard[-1]
    assert gate.target == NAT


def test_a_source_that_fell_silent_during_its_proof_makes_room() -> None:
    gate = SourceGate(PEER)
    assert send(gate, THIEF, 2) == [False, False]
    heard = send(gate, NAT, PROBATION, now=0.02 + SILENT_S)
    assert heard[-1]
    assert gate.target == NAT


def test_the_proof_works_across_the_wrap_of_sequence_numbers() -> None:
    gate = SourceGate(PEER)
    heard = [gate.accepts(NAT, 7, (65534 + n) & 0xFFFF, n * 0.02) for n in range(PROBATION)]
    assert heard[-1]


def latched() -> SourceGate:
    """A gate whose peer speaks from behind a NAT, last heard at 0.1 s."""
    gate = SourceGate(PEER)
    assert send(gate, NAT, 6)[-1]
    return gate


MOVED = ("198.51.100.7", 50_000)


def test_a_stream_that_goes_on_from_another_port_is_followed_after_a_pause_and_its_proof() -> None:
    gate = latched()
    heard = [gate.accepts(MOVED, NAT[1], 6 + n, 0.12 + n * 0.02) for n in range(60)]
    assert heard.index(True) * 0.02 + 0.12 >= 0.1 + LOST_S
    assert heard[-1]
    assert gate.target == MOVED
    assert not any(gate.accepts(NAT, NAT[1], 70 + n, 1.4 + n * 0.02) for n in range(40))


def test_another_stream_does_not_take_the_place_of_one_that_fell_silent() -> None:
    gate = latched()
    assert send(gate, THIEF, 200, now=30.0) == [False] * 200
    assert gate.target == NAT


def test_after_a_new_negotiation_any_stream_may_take_the_place_of_one_that_fell_silent() -> None:
    gate = latched()
    gate.negotiated_again()
    assert not any(gate.accepts(MOVED, 1, n, 0.2 + n * 0.02) for n in range(40))
    assert gate.accepts(NAT, NAT[1], 50, 1.0)
    assert send(gate, THIEF, 20, now=10.0) == [False] * 20
    gate.negotiated_again()
    assert [gate.accepts(MOVED, 1, n, 20 + n * 0.02) for n in range(4)] == [False] * 3 + [True]


def test_after_a_new_negotiation_a_stream_that_speaks_keeps_its_place() -> None:
    gate = latched()
    for n in range(100):
        gate.negotiated_again()
        assert gate.accepts(NAT, NAT[1], 6 + n, 0.12 + n * 0.02)
        assert not gate.accepts(THIEF, 5, n, 0.12 + n * 0.02)


def test_what_can_never_be_believed_is_known_without_reading_it() -> None:
    gate = SourceGate(PEER)
    assert not gate.ignores(THIEF, 0.0)
    gate = latched()
    assert gate.ignores(THIEF, 0.2)
    assert not gate.ignores(NAT, 0.2)
    assert not gate.ignores(PEER, 0.2)
    assert not gate.ignores(THIEF, 0.1 + LOST_S)
    gate.accepts(PEER, 1, 1, 5.0)
    assert gate.ignores(THIEF, 50.0)
    assert gate.ignores(NAT, 50.0)


def test_a_latched_source_that_is_said_to_go_on_keeps_its_place() -> None:
    gate = SourceGate(PEER)
    send(gate, NAT, PROBATION)
    gate.went_on(5.0, NAT[1])
    assert gate.ignores(THIEF, 5.0 + LOST_S / 2)
    moved = (NAT[0], 61001)
    proof = [gate.accepts(moved, NAT[1], n, 5.0 + LOST_S + n * 0.02) for n in range(PROBATION)]
    assert proof == [False] * (PROBATION - 1) + [True]
    assert gate.target == moved


def test_what_is_said_to_have_gone_on_before_a_new_negotiation_proves_nothing_after_it() -> None:
    gate = SourceGate(PEER)
    send(gate, NAT, PROBATION)
    gate.went_on(5.0, NAT[1])
    gate.negotiated_again()
    gate.went_on(5.0, NAT[1])
    other = [gate.accepts(THIEF, 99, n, 6.1 + n * 0.02) for n in range(PROBATION)]
    assert other == [False] * (PROBATION - 1) + [True]


def test_nobody_can_have_gone_on_whom_the_gate_never_believed() -> None:
    gate = SourceGate(PEER)
    gate.went_on(5.0, 7)
    assert gate.latched is None
