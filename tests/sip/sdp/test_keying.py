"""Whether a stream becomes encrypted: every policy against every kind of offer and answer."""

from __future__ import annotations

import attrs
import pytest

from sip.sdp import (
    SUITES,
    LocalMedia,
    MediaCapabilities,
    NegotiatedAudio,
    NegotiationError,
    SessionDescription,
    SrtpKey,
    SrtpPolicy,
    accept_answer,
    answer_offer,
    make_offer,
)
from tests.sip.sdp.offers import LOCAL, audio, sdp

CM, GCM = "AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM"
OURS = tuple(SrtpKey(suite, bytes([n]) * size) for n, (suite, size) in enumerate(SUITES.items()))
KEYED = attrs.evolve(LOCAL, keys=OURS)
OFF, OPTIONAL, REQUIRED = SrtpPolicy.OFF, SrtpPolicy.OPTIONAL, SrtpPolicy.REQUIRED


def caps(policy: SrtpPolicy) -> MediaCapabilities:
    return MediaCapabilities(srtp=policy)


def local(policy: SrtpPolicy) -> LocalMedia:
    return LOCAL if policy is OFF else KEYED


def theirs(suite: str = CM) -> SrtpKey:
    return SrtpKey(suite, b"\x77" * SUITES[suite])


def line(suite: str = CM, tag: int = 1, more: str = "") -> str:
    return f"a=crypto:{tag} {suite} inline:{theirs(suite).inline}{more}"


def stream(protocol: str, *lines: str) -> SessionDescription:
    return sdp(f"m=audio 4000 {protocol} 0", *lines)


PLAIN = stream("RTP/AVP")
BEST_EFFORT = stream("RTP/AVP", line())
SECURE = stream("RTP/SAVP", line())
FEEDBACK = stream("RTP/SAVPF", line())
KEYLESS = stream("RTP/SAVP")
WITH_MKI = stream("RTP/SAVP", line(more="|2^20|1:4"))
BEST_EFFORT_WITH_MKI = stream("RTP/AVP", line(more="|2^20|1:4"))


def why(refusal: NegotiationError) -> str:
    """The reason alone; never with a key in it."""
    assert (refusal.status, refusal.warning_code) == (488, 302)
    assert theirs().inline not in refusal.warning
    return refusal.warning.partition(": ")[2]


def outcome(offer: SessionDescription, policy: SrtpPolicy) -> str:
    """How an offer is answered: the protocol, with "+" where it is encrypted, or the refusal."""
    try:
        answer, agreed = answer_offer(offer, caps(policy), local(policy))
    except NegotiationError as exc:
        return why(exc)
    written = answer.media[0].values("crypto")
    assert len(written) == (agreed.srtp is not None)
    return answer.media[0].protocol + ("+" if agreed.srtp else "")


SWITCHED_OFF = "encryption is switched off here; offer RTP/AVP"
NEEDED = "encryption is required here; offer RTP/SAVP with a=crypto"
NO_KEY = "no key that can be used: no a=crypto line"
MKI = f"no key that can be used: {CM} with an MKI, which is not supported"


@pytest.mark.parametrize(
    ("offer", "off", "optional", "required"),
    [
        (PLAIN, "RTP/AVP", "RTP/AVP", NEEDED),
        (BEST_EFFORT, "RTP/AVP", "RTP/AVP+", "RTP/AVP+"),
        (SECURE, SWITCHED_OFF, "RTP/SAVP+", "RTP/SAVP+"),
        (FEEDBACK, SWITCHED_OFF, "RTP/SAVPF+", "RTP/SAVPF+"),
        (KEYLESS, SWITCHED_OFF, NO_KEY, NO_KEY),
        (WITH_MKI, SWITCHED_OFF, MKI, MKI),
        (BEST_EFFORT_WITH_MKI, "RTP/AVP", "RTP/AVP", MKI),
    ],
)
def test_each_policy_answers_each_offer(
    offer: SessionDescription, off: str, optional: str, required: str
) -> None:
    assert [outcome(offer, policy) for policy in (OFF, OPTIONAL, REQUIRED)] == [
        off,
        optional,
        required,
    ]


@pytest.mark.parametrize(
    ("policy", "protocol", "suites"),
    [
        (OFF, "RTP/AVP", []),
        (OPTIONAL, "RTP/AVP", [CM, GCM, "AEAD_AES_256_GCM"]),
        (REQUIRED, "RTP/SAVP", [CM, GCM, "AEAD_AES_256_GCM"]),
    ],
)
def test_each_policy_offers(policy: SrtpPolicy, protocol: str, suites: list[str]) -> None:
    offered = make_offer(caps(policy), local(policy)).media[0]
    assert offered.protocol == protocol
    assert [value.split()[1] for value in offered.values("crypto")] == suites
    assert [value.split()[0] for value in offered.values("crypto")] == ["1", "2", "3"][
        : len(suites)
    ]


def answered(policy: SrtpPolicy, answer: SessionDescription) -> NegotiatedAudio | str:
    try:
        return accept_answer(make_offer(caps(policy), local(policy)), answer, caps(policy))
    except NegotiationError as exc:
        return why(exc)


@pytest.mark.parametrize("answer", [BEST_EFFORT, SECURE])
@pytest.mark.parametrize("policy", [OPTIONAL, REQUIRED])
def test_an_answer_with_a_key_makes_the_call_encrypted(
    policy: SrtpPolicy, answer: SessionDescription
) -> None:
    agreed = answered(policy, answer)
    assert isinstance(agreed, NegotiatedAudio)
    assert agreed.srtp is not None
    assert (agreed.srtp.local, agreed.srtp.remote) == (OURS[0], theirs())


def test_the_answers_tag_says_which_of_our_keys_counts() -> None:
    agreed = answered(REQUIRED, stream("RTP/SAVP", line(GCM, tag=2)))
    assert isinstance(agreed, NegotiatedAudio)
    assert agreed.srtp is not None
    assert agreed.srtp.local.suite == agreed.srtp.remote.suite == GCM


NO_ANSWER = "the answer has no key to our encrypted offer; answer a=crypto"
ECHO = SrtpKey(CM, OURS[0].secret)


@pytest.mark.parametrize(
    ("policy", "answer", "reason"),
    [
        (REQUIRED, PLAIN, NO_ANSWER),
        (REQUIRED, KEYLESS, NO_ANSWER),
        (OPTIONAL, KEYLESS, NO_ANSWER),
        (OFF, SECURE, "nothing encrypted was offered; answer RTP/AVP"),
        (REQUIRED, WITH_MKI, MKI),
        (OPTIONAL, BEST_EFFORT_WITH_MKI, MKI),
        (OPTIONAL, stream("RTP/AVP", line(tag=9)), f"tag 9 with {CM} is not what we offered"),
        (REQUIRED, stream("RTP/SAVP", line(GCM)), f"tag 1 with {GCM} is not what we offered"),
        (
            REQUIRED,
            stream("RTP/SAVP", f"a=crypto:1 {CM} inline:{ECHO.inline}"),
            f"{CM} with our own key; each side needs one of its own",
        ),
    ],
)
def test_answers_that_are_not_followed(
    policy: SrtpPolicy, answer: SessionDescription, reason: str
) -> None:
    assert answered(policy, answer) == reason


def test_an_optional_offer_that_is_answered_without_key_is_a_plain_call() -> None:
    agreed = answered(OPTIONAL, PLAIN)
    assert isinstance(agreed, NegotiatedAudio)
    assert agreed.srtp is None


def test_the_first_offered_suite_that_we_have_wins_and_keeps_its_tag() -> None:
    offer = stream(
        "RTP/SAVP",
        f"a=crypto:1 F8_128_HMAC_SHA1_80 inline:{theirs().inline}",
        line(GCM, tag=4),
        line(CM, tag=5),
    )
    answer, agreed = answer_offer(offer, caps(OPTIONAL), KEYED)
    ours = OURS[list(SUITES).index(GCM)]
    assert answer.media[0].values("crypto") == [f"4 {GCM} inline:{ours.inline}"]
    assert agreed.srtp is not None
    assert (agreed.srtp.local, agreed.srtp.remote) == (ours, theirs(GCM))


def test_the_short_tag_is_taken_from_peers_that_offer_it() -> None:
    short = "AES_CM_128_HMAC_SHA1_32"
    assert outcome(stream("RTP/SAVP", line(short)), REQUIRED) == "RTP/SAVP+"


def test_an_offer_under_our_own_key_is_refused() -> None:
    offer = stream("RTP/SAVP", f"a=crypto:1 {CM} inline:{ECHO.inline}")
    assert "our own key" in outcome(offer, OPTIONAL)


def test_of_two_streams_the_one_that_the_policy_allows_is_taken() -> None:
    offer = sdp("m=audio 4000 RTP/AVP 0", "m=audio 4002 RTP/SAVP 0", line())
    answer, agreed = answer_offer(offer, caps(REQUIRED), KEYED)
    assert [media.port for media in answer.media] == [0, 10_000]
    assert agreed.remote_rtp_port == 4002
    assert answer_offer(offer, caps(OFF), LOCAL)[1].remote_rtp_port == 4000


def test_an_encrypted_call_is_offered_encrypted_again_with_the_same_key() -> None:
    answer, _ = answer_offer(SECURE, caps(OPTIONAL), KEYED)
    again = make_offer(caps(OPTIONAL), KEYED, previous=answer).media[0]
    assert again.protocol == "RTP/SAVP"
    assert again.values("crypto")[0].split()[2] == answer.media[0].values("crypto")[0].split()[2]


def test_only_so_many_lines_are_read() -> None:
    bad = [f"a=crypto:{n} NO_SUCH_SUITE inline:x" for n in range(1, 100)]
    assert "no key that can be used" in outcome(stream("RTP/SAVP", *bad, line()), REQUIRED)


# --- RTCP ---------------------------------------------------------------------------------------

MUXING = MediaCapabilities(rtcp_mux=True)


@pytest.mark.parametrize(
    ("lines", "rtcp", "shared"),
    [
        ((), ("192.0.2.1", 4001), False),
        (("a=rtcp:5005",), ("192.0.2.1", 5005), False),
        (("a=rtcp:5005 IN IP4 192.0.2.7",), ("192.0.2.7", 5005), False),
        (("a=rtcp:9 IN IP4 0.0.0.0",), ("192.0.2.1", 9), False),
        (("a=rtcp:5005 IN IP4 media.example.com",), ("192.0.2.1", 5005), False),
        (("a=rtcp:5005 IN IP6 2001:db8::7",), ("192.0.2.1", 5005), False),
        (("a=rtcp:nonsense",), ("192.0.2.1", 4001), False),
        (("a=rtcp-mux",), ("192.0.2.1", 4000), True),
        (("a=rtcp-mux", "a=rtcp:5005"), ("192.0.2.1", 4000), True),
    ],
)
def test_where_rtcp_goes(lines: tuple[str, ...], rtcp: tuple[str, int], shared: bool) -> None:
    answer, agreed = answer_offer(audio(*lines), MUXING, LOCAL)
    assert (agreed.remote_rtcp_host, agreed.remote_rtcp_port) == rtcp
    assert agreed.rtcp_mux is shared
    assert (answer.media[0].attribute("rtcp-mux") is not None) is shared


def test_rtcp_to_a_group_is_refused() -> None:
    with pytest.raises(NegotiationError):
        answer_offer(audio("a=rtcp:5005 IN IP4 224.0.0.9"), MUXING, LOCAL)


def test_a_shared_port_is_offered_and_agreed_on_only_when_answered() -> None:
    offer = make_offer(MUXING, LOCAL)
    assert offer.media[0].attribute("rtcp-mux") is not None
    assert accept_answer(offer, audio("a=rtcp-mux"), MUXING).rtcp_mux
    assert not accept_answer(offer, audio(), MUXING).rtcp_mux


def test_an_answer_cannot_share_a_port_that_was_not_offered() -> None:
    unshared = MediaCapabilities()
    assert not accept_answer(make_offer(unshared, LOCAL), audio("a=rtcp-mux"), unshared).rtcp_mux


def test_payload_types_that_look_like_rtcp_keep_the_ports_apart() -> None:
    offer = audio("a=rtpmap:72 PCMU/8000", "a=rtcp-mux", formats="72")
    answer, agreed = answer_offer(offer, MUXING, LOCAL)
    assert not agreed.rtcp_mux
    assert answer.media[0].attribute("rtcp-mux") is None
