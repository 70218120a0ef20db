"""Who may offer now: the table, walked in every direction."""

from __future__ import annotations

import itertools

import pytest

from sip.dialog.offer_answer import TURNS, Exchange, OfferAnswer, OfferError, Turn


def after(*turns: Turn) -> OfferAnswer:
    offers = OfferAnswer()
    for turn in turns:
        offers.take(turn)
    return offers


def test_our_offer_is_answered_by_the_peer() -> None:
    offers = after(Turn.SEND_OFFER)
    assert (offers.state, offers.refusal) == (Exchange.OFFERED, 491)
    assert not offers.can(Turn.SEND_OFFER)
    offers.take(Turn.GET_ANSWER)
    assert offers.state is Exchange.STABLE
    assert offers.can(Turn.GET_OFFER)


def test_the_peers_offer_is_answered_by_us() -> None:
    offers = after(Turn.GET_OFFER)
    assert offers.refusal == 500
    offers.take(Turn.SEND_ANSWER)
    assert offers.can(Turn.SEND_OFFER)
    assert offers.can(Turn.GET_OFFER)


@pytest.mark.parametrize("offer", [Turn.SEND_OFFER, Turn.GET_OFFER])
def test_an_offer_that_is_given_up_leads_back_to_where_it_began(offer: Turn) -> None:
    assert after(offer, Turn.ROLL_BACK).state is Exchange.NONE
    settled = after(Turn.SEND_OFFER, Turn.GET_ANSWER, offer, Turn.ROLL_BACK)
    assert settled.state is Exchange.STABLE


def test_an_impossible_turn_is_a_local_error_that_changes_nothing() -> None:
    offers = after(Turn.SEND_OFFER)
    with pytest.raises(OfferError, match=r"cannot send an answer now: our offer is open"):
        offers.take(Turn.SEND_ANSWER)
    assert repr(offers) == "<OfferAnswer our offer is open>"


def test_there_is_never_more_than_one_open_offer() -> None:
    for turns in itertools.product(list(Turn), repeat=4):
        offers = OfferAnswer()
        open_offers = 0
        for turn in turns:
            if not offers.can(turn):
                continue
            offers.take(turn)
            if turn in (Turn.SEND_OFFER, Turn.GET_OFFER):
                open_offers += 1
            else:
                open_offers = 0
            assert 0 <= open_offers <= 1
    assert len(TURNS) == 6
