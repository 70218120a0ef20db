"""A SIP leg between the port's commands and the events of its INVITE session."""

from __future__ import annotations

import pytest

from runtime.decisions.directions import AudioDirection
from runtime.legs.leg import (
    Connected,
    EarlyMedia,
    Ended,
    InfoReceived,
    ReinviteAccepted,
    Reinvited,
    ReinviteRejected,
    Ringing,
    ToneSignalled,
)
from runtime.legs.sip.telling import Telling
from sip.dialog import events
from sip.message import Headers
from tests.legs.sip.fakes import Stage, ended, offer, stage

NONE = Headers()


def connected_stage() -> Stage:
    made = stage()
    made.leg.answer({})
    made.session.say(events.Acknowledged(NONE, None))
    return made


# --- called ---------------------------------------------------------------------------------


def test_nothing_goes_out_before_a_command() -> None:
    made = stage()
    assert made.session.asked == []
    assert made.media.streams == []


def test_ring_early_media_and_answer_send_180_183_and_200() -> None:
    made = stage()
    made.leg.ring({"X-A": "1"})
    assert made.media.streams == []
    made.leg.early_media({})
    assert [s.remote_port for s in made.media.streams] == [4_000]
    made.leg.answer({"X-B": "2"})
    assert made.session.names() == ["provisional 180", "provisional 183", "accept 200"]
    ring, early, accepted = made.session.asked
    assert (ring.sdp, ring.headers) == (None, (("X-A", "1"),))
    assert early.sdp == accepted.sdp
    assert b"m=audio 10000" in (accepted.sdp or b"")
    assert accepted.headers == (("X-B", "2"),)
    assert made.said == []
    assert len(made.media.streams) == 1


def test_audio_begins_with_the_200_and_connected_with_the_ack() -> None:
    made = stage()
    made.leg.answer({})
    assert len(made.media.streams) == 1
    assert made.said == []
    made.session.say(events.Acknowledged(Headers([("X-Ack", "1"), ("Via", "v")]), None))
    assert made.said == [Connected(headers={"X-Ack": "1"})]


def test_a_late_offer_is_ours_in_the_200_and_answered_by_the_ack() -> None:
    made = stage(offered=None)
    made.leg.early_media({})
    assert made.session.asked[0].sdp is None
    made.leg.answer({})
    assert made.media.streams == []
    made.session.say(events.Acknowledged(NONE, offer(port=4_444)))
    assert made.names() == ["Connected"]
    assert [s.remote_port for s in made.media.streams] == [4_444]


@pytest.mark.parametrize("answer", [None, b"rubbish", offer(formats="18")])
def test_an_ack_without_a_usable_answer_ends_the_leg_with_488(answer: bytes | None) -> None:
    made = stage(offered=None)
    made.leg.answer({})
    made.session.say(events.Acknowledged(NONE, answer))
    assert made.names() == ["Ended"]
    assert isinstance(made.said[0], Ended)
    assert (made.said[0].code, made.said[0].by) == (488, "us")
    assert made.media.closed == 1


def test_headers_that_scripts_may_not_set_are_left_out_with_a_line() -> None:
    made = stage()
    made.leg.answer({"Contact": "<sip:evil>", "X-B": "2"})
    assert made.session.asked[0].headers == (("X-B", "2"),)
    assert any("may not set Contact" in line.what for line in made.lines)


def test_a_display_name_is_asserted_in_the_answer() -> None:
    made = stage()
    made.leg.answer({}, display_name='Desk "1"')
    name, value = made.session.asked[0].headers[0]
    assert (name, value) == ("P-Asserted-Identity", '"Desk \\"1\\"" <sip:100@127.0.0.1>')


def test_a_rejected_leg_ends_with_the_code_and_closes_its_audio() -> None:
    made = stage()
    made.leg.reject(486, "busy", {"X-A": "1"})
    assert made.session.asked[0].reason == "busy"
    assert made.said == [Ended(code=486, reason="busy", by="us")]
    assert made.media.closed == 1


def test_a_refusal_of_the_runtime_is_numbered_for_whoever_reads_the_warning() -> None:
    made = stage()
    made.leg.reject(404, "no rule " + "x" * 300, {}, problem="E2104")
    [asked] = made.session.asked
    assert asked.reason == "no rule " + "x" * 300
    assert dict(asked.headers)["Warning"].startswith('399 callstage "E2104 no rule x')
    scripted = stage()
    scripted.leg.reject(486, "busy", {})
    assert scripted.session.asked[0].headers == ()


def test_a_hang_up_before_the_answer_refuses_with_the_given_code() -> None:
    made = stage()
    made.leg.hangup({}, code=480, reason="nobody is there")
    assert made.session.names() == ["reject 480"]
    assert made.said == [Ended(code=480, reason="nobody is there", by="us")]


def test_a_cancelled_leg_ends_with_487() -> None:
    made = stage()
    made.leg.ring({})
    made.session.say(ended("remote", "cancel", 487))
    assert made.said == [Ended(code=487, reason="Request Terminated", by="peer")]


def test_a_missing_ack_ends_the_leg_as_a_fault_of_the_network() -> None:
    made = stage()
    made.leg.answer({})
    made.session.say(ended("timeout", "ack-timeout", 408, "no ACK"))
    assert made.said == [Ended(code=408, reason="no ACK", by="network")]


def test_hanging_up_between_the_200_and_the_ack_is_our_end() -> None:
    made = stage()
    made.leg.answer({})
    made.leg.hangup({})
    assert made.session.names() == ["accept 200", "hangup"]
    assert made.names() == ["Ended"]


# --- connected ------------------------------------------------------------------------------


def test_our_bye_names_normal_clearing_unless_told_otherwise() -> None:
    made = connected_stage()
    made.leg.hangup({"X-A": "1"})
    bye = made.session.asked[-1]
    assert bye.reason == 'Q.850;cause=16;text="Normal call clearing"'
    assert bye.headers == (("X-A", "1"),)
    assert made.said[-1] == Ended(code=200, reason="BYE", by="us")
    failed = connected_stage()
    failed.leg.hangup({}, code=500, reason="script-error")
    assert failed.session.asked[-1].reason == 'SIP;cause=500;text="script-error"'


def test_the_peers_reason_is_told_with_its_header() -> None:
    made = connected_stage()
    made.session.say(ended("remote", "bye", 200, Reason='Q.850;cause=17;text="busy"'))
    assert made.said[-1] == Ended(
        code=17, reason="busy", by="peer", headers={"Reason": 'Q.850;cause=17;text="busy"'}
    )


def test_a_hold_is_answered_without_a_script_and_stops_our_audio() -> None:
    made = connected_stage()
    made.session.say(events.ReinviteReceived(NONE, offer(extra="a=sendonly")))
    assert b"a=recvonly" in (made.session.asked[-1].sdp or b"")
    assert not made.media.streams[-1].sending
    made.session.say(events.ReinviteReceived(NONE, offer()))
    assert made.media.streams[-1].sending
    assert made.names() == ["Connected", "Reinvited", "Held", "Reinvited", "Resumed"]


def test_our_own_hold_is_offered_kept_and_ended() -> None:
    made = connected_stage()
    made.leg.reinvite(AudioDirection.NONE, {"X-A": "1"})
    asked = made.session.asked[-1]
    assert (asked.command, asked.headers) == ("reinvite", (("X-A", "1"),))
    assert b"a=inactive" in (asked.sdp or b"")
    headers = Headers([("X-B", "2"), ("Server", "x")])
    made.session.say(events.ReinviteAnswered(offer(extra="a=inactive"), headers))
    accepted = made.said[-1]
    assert isinstance(accepted, ReinviteAccepted)
    assert (accepted.mime_type, accepted.headers) == ("application/sdp", {"X-B": "2"})
    assert "a=inactive" in accepted.body
    assert (made.media.streams[-1].sending, made.media.streams[-1].receiving) == (False, False)
    made.session.say(events.ReinviteReceived(NONE, offer(port=5_000)))
    assert b"a=inactive" in (made.session.asked[-1].sdp or b"")
    made.leg.reinvite(AudioDirection.BOTH, {})
    made.session.say(events.ReinviteAnswered(offer(port=5_000), NONE))
    assert made.media.streams[-1].sending
    assert made.names() == ["Connected", "ReinviteAccepted", "Reinvited", "ReinviteAccepted"]


def test_a_change_that_the_peer_refuses_is_told_and_forgotten() -> None:
    made = connected_stage()
    made.leg.reinvite(AudioDirection.NONE, {})
    made.session.say(events.ReinviteFailed(488, "Not Acceptable", Headers([("X-Why", "no")])))
    assert made.said[-1] == ReinviteRejected(
        code=488, reason="Not Acceptable", headers={"X-Why": "no"}
    )
    assert len(made.media.streams) == 1
    made.leg.reinvite(None, {})
    assert b"a=sendrecv" in (made.session.asked[-1].sdp or b"")


def test_the_answer_to_what_nobody_asked_for_is_not_told() -> None:
    made = connected_stage()
    made.session.say(events.ReinviteReceived(NONE, None))
    made.session.say(events.ReinviteAnswered(offer(port=5_000)))
    assert made.names() == ["Connected"]


def test_the_keys_in_a_change_of_the_call_are_not_for_scripts() -> None:
    made = connected_stage()
    key = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
    made.session.say(events.ReinviteReceived(NONE, offer(extra=key)))
    [change] = [event for event in made.said if isinstance(event, Reinvited)]
    assert "m=audio" in change.body
    assert "c2VjcmV0" not in change.body


def test_a_refresh_leaves_the_audio_alone() -> None:
    made = connected_stage()
    made.session.say(events.ReinviteReceived(NONE, offer(), is_news=False))
    assert made.session.names()[-1] == "answer_reinvite"
    assert len(made.media.streams) == 1
    assert made.names() == ["Connected"]


def test_a_re_invite_that_asks_for_an_offer_gets_one() -> None:
    made = connected_stage()
    made.session.say(events.ReinviteReceived(NONE, None))
    assert b"m=audio 10000 RTP/AVP 0 8 101" in (made.session.asked[-1].sdp or b"")
    made.session.say(events.ReinviteAnswered(offer(port=5_000)))
    assert made.media.streams[-1].remote_port == 5_000


def test_a_re_invite_that_cannot_be_taken_gets_488_and_changes_nothing() -> None:
    made = connected_stage()
    made.session.say(events.ReinviteReceived(NONE, offer(formats="18")))
    assert made.session.names()[-1] == "reject_reinvite 488"
    assert len(made.media.streams) == 1


def test_keys_and_other_infos_are_told_apart() -> None:
    made = connected_stage()
    relay = events.InfoReceived(
        headers=NONE, content_type="application/dtmf-relay", body=b"Signal=9\r\n"
    )
    made.session.say(relay)
    text = events.InfoReceived(
        headers=Headers([("X-A", "1")]), content_type="text/plain", body=b"hi"
    )
    made.session.say(text)
    made.session.say(events.InfoReceived(headers=NONE, content_type="", body=b""))
    assert made.said[1:] == [
        ToneSignalled(tone="9"),
        InfoReceived(mime_type="text/plain", body="hi", headers={"X-A": "1"}),
    ]


def test_our_info_carries_type_body_and_headers() -> None:
    made = connected_stage()
    made.leg.send_info("text/plain", "grüß", {"X-A": "1"})
    asked = made.session.asked[-1]
    assert (asked.command, asked.body) == ("info text/plain", "grüß".encode())
    assert asked.headers == (("X-A", "1"),)


def test_after_the_end_every_command_is_a_line_and_nothing_else() -> None:
    made = connected_stage()
    made.leg.hangup({})
    asked = len(made.session.asked)
    made.leg.answer({})
    made.leg.ring({})
    made.leg.early_media({})
    made.leg.reject(486, "", {})
    made.leg.hangup({})
    made.leg.send_info("a/b", "", {})
    made.leg.send_message("hi")
    assert len(made.session.asked) == asked
    assert made.names() == ["Connected", "Ended"]
    assert sum("does nothing" in line.what for line in made.lines) == 6


@pytest.mark.parametrize("command", ["ring", "early_media"])
def test_a_caller_that_wants_our_offer_reliably_gets_it_with_the_first_response(
    command: str,
) -> None:
    made = stage(offered=None)
    made.session.owes_early_offer = True
    getattr(made.leg, command)({})
    made.session.owes_early_offer = False
    made.leg.ring({})
    made.leg.answer({})
    first, ringing, accepted = made.session.asked
    assert b"m=audio 10000 RTP/AVP 0 8 101" in (first.sdp or b"")
    assert ringing.sdp is None
    assert accepted.sdp == first.sdp
    made.session.say(events.Acknowledged(NONE, offer(port=4_321)))
    assert made.media.streams[-1].remote_port == 4_321
    assert made.names() == ["Connected"]


# --- dialled --------------------------------------------------------------------------------


def provisional(status: int, sdp: bytes | None = None, **headers: str) -> events.Provisional:
    return events.Provisional(
        status=status, reason="", headers=Headers(list(headers.items())), sdp=sdp
    )


def answered(sdp: bytes | None) -> events.Answered:
    return events.Answered(status=200, reason="OK", headers=NONE, sdp=sdp)


def test_ringing_and_early_media_are_told_once_each() -> None:
    made = stage(incoming=False)
    made.session.say(provisional(181))
    made.session.say(provisional(180))
    made.session.say(provisional(183, offer()))
    made.session.say(provisional(180))
    made.session.say(provisional(183, offer()))
    assert made.said == [Ringing(), EarlyMedia()]
    assert len(made.media.streams) == 1


def test_ringing_with_audio_is_also_early_media() -> None:
    made = stage(incoming=False)
    made.session.say(provisional(180, offer()))
    assert made.said == [Ringing(), EarlyMedia()]


def test_the_branch_that_wins_has_the_audio() -> None:
    made = stage(incoming=False)
    made.session.say(provisional(183, offer(port=4_000)))
    made.session.say(provisional(183, offer(port=5_000)))
    made.session.say(answered(offer(port=6_000, formats="8 101")))
    assert [s.remote_port for s in made.media.streams] == [4_000, 5_000, 6_000]
    assert made.media.streams[-1].codec == "PCMA"
    assert made.names() == ["EarlyMedia", "Connected"]


def test_a_200_without_a_description_keeps_that_of_the_183() -> None:
    made = stage(incoming=False)
    made.session.say(provisional(183, offer()))
    made.session.say(answered(None))
    assert made.names() == ["EarlyMedia", "Connected"]


def updated(sdp: bytes) -> events.ReinviteReceived:
    return events.ReinviteReceived(NONE, sdp)


def test_early_media_that_the_peer_has_changed_goes_on_after_its_200() -> None:
    made = stage(incoming=False)
    made.session.say(provisional(183, offer(port=4_000)))
    made.session.say(updated(offer(port=5_000, formats="8 101")))
    made.session.say(answered(None))
    assert made.session.names() == ["answer_reinvite"]
    assert [s.remote_port for s in made.media.streams] == [4_000, 5_000]
    assert made.names() == ["EarlyMedia", "Connected"]


def test_another_branch_may_answer_after_one_has_changed_its_early_media() -> None:
    made = stage(incoming=False)
    made.session.say(provisional(183, offer(port=4_000)))
    made.session.say(updated(offer(port=5_000)))
    made.session.say(answered(offer(port=6_000)))
    assert made.session.names() == ["answer_reinvite"]
    assert [s.remote_port for s in made.media.streams] == [4_000, 5_000, 6_000]
    assert made.names() == ["EarlyMedia", "Connected"]


@pytest.mark.parametrize("answer", [None, b"v=rubbish", offer(formats="9")])
def test_an_answer_without_usable_audio_is_hung_up_with_488(answer: bytes | None) -> None:
    made = stage(incoming=False)
    made.session.say(answered(answer))
    assert made.session.names() == ["hangup"]
    assert "cause=488" in (made.session.asked[0].reason or "")
    assert isinstance(made.said[-1], Ended)
    assert (made.said[-1].code, made.said[-1].by) == (488, "us")


def test_an_offer_in_the_200_is_answered_with_the_ack() -> None:
    made = stage(incoming=False, offered=None)
    made.session.say(provisional(183, offer()))
    made.session.say(answered(offer(port=4_321)))
    assert made.session.names() == ["ack_with"]
    assert made.media.streams[-1].remote_port == 4_321
    assert made.names() == ["EarlyMedia", "Connected"]


def test_a_refusal_is_told_as_it_came() -> None:
    made = stage(incoming=False)
    made.session.say(ended("remote", "reject", 486, "Busy Here", **{"X-Why": "lunch"}))
    assert made.said == [Ended(code=486, reason="Busy Here", by="peer", headers={"X-Why": "lunch"})]


def test_giving_up_keeps_the_code_of_whoever_gave_up() -> None:
    made = stage(incoming=False)
    made.leg.hangup({}, code=408, reason="no answer within 60 s")
    assert made.said == [Ended(code=408, reason="no answer within 60 s", by="us")]
    assert made.session.asked[0].reason == 'SIP;cause=408;text="no answer within 60 s"'


def test_events_before_a_listener_are_replayed_in_order() -> None:
    made = stage(incoming=False)
    late = stage(incoming=False)
    late.leg._telling = Telling()
    late.session.say(provisional(180))
    late.session.say(ended("remote", "reject", 603, "Decline"))
    late.leg.listen(made.said.append)
    assert made.names() == ["Ringing", "Ended"]
