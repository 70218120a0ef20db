"""How many HTTP connections are held, of all and of one address."""

from __future__ import annotations

import pytest

from runtime.control.places import MAX_CONNECTIONS, MAX_PER_ADDRESS, Places


def test_one_address_does_not_keep_the_others_out() -> None:
    places = Places()
    taken = [places.take("192.0.2.1") for _ in range(MAX_CONNECTIONS)]
    assert taken == [True] * MAX_PER_ADDRESS + [False] * (MAX_CONNECTIONS - MAX_PER_ADDRESS)
    assert places.take("192.0.2.2")
    places.leave("192.0.2.1")
    assert places.take("192.0.2.1")
    assert not places.take("192.0.2.1")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", ""])
def test_this_machine_may_have_all_places_and_no_more(address: str) -> None:
    places = Places()
    assert all(places.take(address) for _ in range(MAX_CONNECTIONS))
    assert not places.take(address)
    assert not places.take("192.0.2.1")
    places.leave(address)
    assert places.take("192.0.2.1")


def test_refusals_are_told_at_the_first_and_at_each_doubling() -> None:
    places = Places()
    for _ in range(MAX_PER_ADDRESS):
        places.take("192.0.2.1")
    told = []
    for _ in range(9):
        places.take("192.0.2.1")
        told.append(places.worth_telling)
    assert [text.partition(" ")[0] for text in told if text] == ["1", "2", "4", "8"]
    assert told[0].endswith("500 are open, from 1 addresses")


def test_addresses_that_are_gone_are_forgotten() -> None:
    places = Places()
    for number in range(5_000):
        address = f"198.51.{number // 250}.{number % 250}"
        assert places.take(address)
        places.leave(address)
    assert not places._taken
