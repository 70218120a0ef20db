"""Who hears whom, as transcripts of actions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.decisions.routing import (
    CONFERENCE,
    LEG,
    PLAYER,
    RECORDER,
    Action,
    ConferenceFull,
    Connect,
    Disconnect,
    Node,
    Replaced,
    Routing,
    RoutingRefused,
)


def legs(*nodes: str) -> Routing:
    """Connected legs."""
    routing = Routing(50)
    for node in nodes:
        routing.add(node, LEG, can_hear=True, can_be_heard=True)
    return routing


def test_m1_an_edge_between_connected_legs_is_effective_at_once() -> None:
    routing = legs("a", "b")
    assert routing.connect("a", "b") == [Connect("a", "b")]
    assert routing.source_of("b") == "a"
    assert routing.source_of("a") is None


def test_m1_the_same_edge_twice_is_one_edge() -> None:
    routing = legs("a", "b")
    routing.connect("a", "b")
    assert routing.connect("a", "b") == []


def test_m2_a_new_edge_replaces_the_old_one_for_good() -> None:
    routing = legs("a", "b", "c")
    routing.connect("a", "b")
    assert routing.connect("c", "b") == [Replaced("a", "b"), Connect("c", "b")]
    assert routing.disconnect("c", "b") == [Disconnect("c", "b")]
    assert routing.source_of("b") is None


def test_m2_the_replaced_source_keeps_its_other_sinks() -> None:
    routing = legs("a", "b", "c")
    routing.connect("a", "b")
    routing.connect("a", "c")
    routing.connect("c", "b")
    assert routing.heard_by("a") == ["c"]


def test_m2_a_stored_edge_already_silences_what_it_replaces() -> None:
    routing = legs("a", "b")
    routing.add("later", LEG)
    routing.connect("a", "b")
    assert routing.connect("later", "b") == [Disconnect("a", "b"), Replaced("a", "b")]
    assert routing.update("later", can_hear=True, can_be_heard=True) == [Connect("later", "b")]


def test_m8_edges_wait_until_both_ends_are_there() -> None:
    routing = Routing(50)
    routing.add("caller", LEG)
    routing.add("callee", LEG)
    assert routing.connect("caller", "callee") == []
    assert routing.connect("callee", "caller") == []
    # The caller hears early media, but cannot be heard; the callee is only dialled.
    assert routing.update("caller", can_hear=True, can_be_heard=False) == []
    assert routing.update("callee", can_hear=True, can_be_heard=True) == [
        Connect("callee", "caller")
    ]
    assert routing.update("caller", can_hear=True, can_be_heard=True) == [
        Connect("caller", "callee")
    ]


def test_m9_stopping_an_edge_that_was_replaced_does_nothing() -> None:
    routing = legs("a", "b", "c")
    routing.connect("a", "b")
    routing.connect("c", "b")
    assert routing.disconnect("a", "b") == []
    assert routing.source_of("b") == "c"


def test_m10_a_conference_takes_many_and_leaving_takes_the_edges_along() -> None:
    routing = legs("a", "b")
    routing.add("room", CONFERENCE, can_hear=True, can_be_heard=True)
    for leg in ("a", "b"):
        assert routing.connect(leg, "room") == [Connect(leg, "room")]
        assert routing.connect("room", leg) == [Connect("room", leg)]
    assert set(routing.remove("a")) == {Disconnect("a", "room"), Disconnect("room", "a")}
    assert routing.heard_by("room") == ["b"]


def test_a_leg_may_hear_itself() -> None:
    routing = legs("a")
    assert routing.connect("a", "a") == [Connect("a", "a")]
    assert routing.remove("a") == [Disconnect("a", "a")]


@pytest.mark.parametrize(
    ("source", "sink", "why"),
    [
        ("recorder", "leg", "no audio"),
        ("leg", "player", "cannot be sent"),
        ("room", "room", "its own"),
        ("leg", "nobody", "has ended"),
        ("nobody", "leg", "has ended"),
    ],
)
def test_edges_that_make_no_sense_are_refused(source: str, sink: str, why: str) -> None:
    routing = legs("leg")
    routing.add("player", PLAYER, can_be_heard=True)
    routing.add("recorder", RECORDER, can_hear=True)
    routing.add("room", CONFERENCE, can_hear=True, can_be_heard=True)
    with pytest.raises(RoutingRefused, match=why):
        routing.connect(source, sink)


NODES = ["leg1", "leg2", "leg3", "room", "player", "recorder"]
ROLES = [LEG, LEG, LEG, CONFERENCE, PLAYER, RECORDER]
OPS = st.one_of(
    st.tuples(st.just("connect"), st.sampled_from(NODES), st.sampled_from(NODES)),
    st.tuples(st.just("disconnect"), st.sampled_from(NODES), st.sampled_from(NODES)),
    st.tuples(st.just("update"), st.sampled_from(NODES), st.integers(0, 3)),
    st.tuples(st.just("remove"), st.sampled_from(NODES), st.just(0)),
)


@given(st.lists(OPS, max_size=40))
def test_the_actions_always_describe_what_is_effective(
    script: list[tuple[str, str, str | int]],
) -> None:
    routing = Routing(50)
    for node, role in zip(NODES, ROLES, strict=True):
        routing.add(node, role)
    engine: set[tuple[Node, Node]] = set()
    for op, first, second in script:
        for action in play(routing, op, first, second):
            match action:
                case Connect(source, sink):
                    if str(sink).startswith("leg"):
                        engine = {edge for edge in engine if edge[1] != sink}
                    engine.add((source, sink))
                case Disconnect(source, sink):
                    assert (source, sink) in engine
                    engine.discard((source, sink))
                case Replaced():
                    pass
        effective = {(node, sink) for node in NODES for sink in routing.heard_by(node)}
        assert engine == effective
        for leg in NODES[:3]:
            assert len([edge for edge in engine if edge[1] == leg]) <= 1


def play(routing: Routing, op: str, first: str, second: str | int) -> list[Action]:
    if op == "remove":
        return routing.remove(first)
    if op == "disconnect":
        return routing.disconnect(first, second)
    try:
        if op == "connect":
            return routing.connect(first, second)
        bits = int(second)
        return routing.update(first, can_hear=bool(bits & 1), can_be_heard=bool(bits & 2))
    except RoutingRefused:
        return []


def room(members: int) -> Routing:
    """A conference of three calls at most, with so many in it."""
    routing = Routing(3)
    routing.add("room", CONFERENCE, can_hear=True, can_be_heard=True)
    for number in range(5):
        routing.add(number, LEG, can_hear=True, can_be_heard=True)
    for number in range(members):
        routing.connect(number, "room")
        routing.connect("room", number)
    return routing


def test_one_call_too_many_is_not_let_into_a_conference_and_nothing_changes() -> None:
    routing = room(3)
    routing.add("music", PLAYER, can_be_heard=True)
    routing.connect("music", 3)
    for source, sink in ((3, "room"), ("room", 3)):
        with pytest.raises(ConferenceFull, match="3 calls already"):
            routing.connect(source, sink)
    assert routing.source_of(3) == "music"
    assert routing.heard_by("room") == [0, 1, 2]


def test_who_speaks_and_listens_counts_once_and_players_not_at_all() -> None:
    routing = room(2)
    routing.connect(2, "room")
    assert routing.connect("room", 2) == [Connect("room", 2)]
    routing.add("music", PLAYER, can_be_heard=True)
    assert routing.connect("music", "room") == [Connect("music", "room")]
    routing.add("recorder", RECORDER, can_hear=True)
    assert routing.connect("room", "recorder") == [Connect("room", "recorder")]


def test_who_leaves_makes_room() -> None:
    routing = room(3)
    routing.disconnect(0, "room")
    with pytest.raises(ConferenceFull):
        routing.connect(3, "room")
    routing.disconnect("room", 0)
    assert routing.connect(3, "room") == [Connect(3, "room")]
    routing.remove(1)
    assert routing.connect(4, "room") == [Connect(4, "room")]
