"""Encrypted SIP legs: agreed on, keyed anew by re-INVITE, refused with the reason."""

from __future__ import annotations

import attrs
import pytest
import trio

from runtime.config.settings import RtpSettings
from runtime.legs.leg import Connected, Ended, Trace
from runtime.legs.sip.encryption import Encryption, Terms
from runtime.legs.sip.leg_audio import EngineAudio
from runtime.legs.sip.media_session import MediaSession, capabilities, local_media, new_keys
from runtime.media.rtp.srtp import MasterKey, Opener, Sealer
from runtime.testing.conformance import Heard, saw, until
from sip.dialog import events
from sip.message import Headers, NameAddr, Uri
from sip.sdp import SUITES, NegotiationError, SessionDescription, SrtpKey, SrtpPolicy
from sip.sdp.crypto import Crypto
from tests.legs.sip.bench import SipFarEnd
from tests.legs.sip.fakes import ADDRESS, Stage, offer, stage
from tests.legs.sip.test_rtp import Scene, scene
from tests.media.packets import Packet, level
from tests.media.rig import q
from tests.media.secure import master

CM = "AES_CM_128_HMAC_SHA1_80"
REQUIRED = RtpSettings(srtp="required")


def secure_offer(key: MasterKey, port: int = 4_000, protocol: str = "RTP/SAVP") -> bytes:
    line = Crypto("1", SrtpKey(key.suite, key.secret))
    text = offer(host="127.0.0.1", port=port, extra=f"a=crypto:{line}").decode()
    return text.replace("RTP/AVP", protocol).encode()


def key_in(sdp: bytes) -> MasterKey:
    [value] = SessionDescription.parse(sdp).media[0].values("crypto")
    key = Crypto.parse(value).key
    return MasterKey(key.suite, key.secret)


@attrs.define
class SecureEar:
    """A telephone that seals one value over and over, and opens what comes."""

    sock: trio.socket.SocketType
    target: int = 0
    sealer: Sealer | None = None
    opener: Opener | None = None
    value: int = 1000
    packets: list[Packet] = attrs.field(factory=list)
    keyed: trio.Event = attrs.field(factory=trio.Event)

    @classmethod
    async def open(cls, at: Scene) -> SecureEar:
        sock = trio.socket.socket(type=trio.socket.SOCK_DGRAM)
        await sock.bind(("127.0.0.1", 0))
        ear = cls(sock)
        at.nursery.start_soon(ear.run)
        return ear

    async def run(self) -> None:
        with self.sock:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.listen)
                nursery.start_soon(self.speak)

    @property
    def port(self) -> int:
        port: int = self.sock.getsockname()[1]
        return port

    async def listen(self) -> None:
        await self.keyed.wait()  # packets may come before the answer that has their key
        assert self.opener is not None
        while True:
            data = await self.sock.recv(2048)
            self.packets.append(Packet.parse(self.opener.rtp(data, trio.current_time())))

    async def speak(self) -> None:
        for number in range(100_000):
            if self.sealer is not None:
                packet = Packet(sequence=number, timestamp=160 * number, payload=level(self.value))
                sealed = self.sealer.rtp(packet.to_bytes())
                await self.sock.sendto(sealed, ("127.0.0.1", self.target))
            await trio.sleep(0.02)

    async def hears(self, value: int) -> None:
        await until(lambda: bool(self.packets) and self.packets[-1].payload == level(q(value)))


async def connected(at: Scene, ear: SecureEar, key: MasterKey) -> SipFarEnd:
    """An encrypted call in which the far end hears itself."""
    leg, far = await at.call(secure_offer(key, ear.port))
    heard = Heard(leg)
    at.engine.connect(leg.media, leg.media)
    leg.answer({})
    await heard.wait_for(Connected)
    await until(lambda: bool(far.descriptions))
    ear.opener = Opener(key_in(far.descriptions[-1]))
    ear.target = SessionDescription.parse(far.descriptions[-1]).media[0].port
    ear.sealer = Sealer(key, 0x1234, 0)
    ear.keyed.set()
    return far


@pytest.mark.loopback
async def test_a_re_invite_with_a_new_key_takes_effect_and_nothing_breaks() -> None:
    async with scene(REQUIRED) as at:
        ear = await SecureEar.open(at)
        far = await connected(at, ear, master(1))
        await ear.hears(1000)
        ours = key_in(far.descriptions[-1])
        await far.reinvite(secure_offer(master(2), ear.port))
        await until(lambda: len(far.descriptions) == 2)
        assert key_in(far.descriptions[-1]) == ours
        ear.value, ear.sealer = 3000, Sealer(master(2), 0x1234, 0)
        await ear.hears(3000)
        numbers = [packet.sequence for packet in ear.packets]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert len({packet.ssrc for packet in ear.packets}) == 1


@pytest.mark.loopback
async def test_a_plain_re_invite_of_a_call_that_must_be_encrypted_changes_nothing() -> None:
    async with scene(REQUIRED) as at:
        ear = await SecureEar.open(at)
        far = await connected(at, ear, master(1))
        await ear.hears(1000)
        lines: list[str] = []
        at.legs[-1].trace(lambda line: lines.append(line.what))
        far.call.reinvite(offer(host="127.0.0.1", port=ear.port))
        await until(lambda: any("encryption is required here" in line for line in lines))
        ear.value = 3000
        await ear.hears(3000)
        assert len(far.descriptions) == 1


@pytest.mark.loopback
async def test_a_plain_offer_to_a_leg_that_must_be_encrypted_is_refused_with_the_reason() -> None:
    async with scene(REQUIRED) as at:
        far = SipFarEnd()
        me = NameAddr(uri=Uri(user="far", host="127.0.0.1"))
        far.session = at.phone.invite(at.target, sdp=offer(), from_=me, observer=far)
        await saw(far, "rejected")
        assert far.steps[-1].code == 488
        [warning] = list(far.last_headers.values("Warning"))
        assert warning.startswith("302 ")
        assert "encryption is required here; offer RTP/SAVP with a=crypto" in warning
        assert at.legs == []


# --- without a network --------------------------------------------------------------------------


def audio(policy: SrtpPolicy) -> MediaSession:
    keys = new_keys(lambda size: b"\x55" * size)
    return MediaSession(capabilities(srtp=policy), local_media(ADDRESS, 77, keys=keys))


def encrypted_stage(*, offered: bytes | None) -> Stage:
    """An incoming leg with this offer, or an outgoing one that has made its own."""
    made = stage(incoming=offered is not None, offered=None)
    talk = audio(SrtpPolicy.REQUIRED)
    made.leg.audio = EngineAudio.answering(talk, offered)(made.leg)
    if offered is None:
        talk.offer()
    return made


def warnings(lines: list[Trace]) -> list[str]:
    return [line.what for line in lines if "can be read on the way" in line.what]


def test_each_suite_gets_a_key_of_its_size_from_the_given_randomness() -> None:
    keys = new_keys(bytes)
    assert [key.suite for key in keys] == list(SUITES)
    assert [len(key.secret) for key in keys] == list(SUITES.values())


def test_the_stream_of_an_encrypted_leg_holds_both_keys_and_shows_neither() -> None:
    stream = audio(SrtpPolicy.OPTIONAL).answer(secure_offer(master(1))).stream
    assert stream.srtp is not None
    assert stream.srtp.suite == CM
    assert stream.srtp.send_key == SrtpKey(CM, b"\x55" * 30).inline
    assert stream.srtp.receive_key == SrtpKey(CM, master(1).secret).inline
    assert stream.srtp.send_key not in repr(stream)
    assert stream.srtp.receive_key not in repr(stream)


def test_a_hold_keeps_the_keys() -> None:
    session = audio(SrtpPolicy.OPTIONAL)
    before = session.answer(secure_offer(master(1))).stream
    session.settle()
    held = session.answer(secure_offer(master(1)) + b"a=sendonly\r\n").stream
    assert held.srtp == before.srtp
    assert not held.sending


def test_a_re_offer_of_an_encrypted_leg_is_encrypted() -> None:
    session = audio(SrtpPolicy.OPTIONAL)
    session.answer(secure_offer(master(1)))
    assert b" RTP/SAVP " in session.offer()


def test_a_plain_re_invite_is_refused_with_the_reason_in_answer_and_trace() -> None:
    made = encrypted_stage(offered=secure_offer(master(1)))
    made.leg.answer({})
    made.session.say(events.Acknowledged(headers=Headers([]), sdp=None))
    made.session.say(events.ReinviteReceived(Headers([]), offer()))
    refusal = made.session.asked[-1]
    assert (refusal.command, refusal.status) == ("reject_reinvite", 488)
    assert "encryption is required here" in (refusal.reason or "")
    assert any("encryption is required here" in line.what for line in made.lines)


def test_a_plain_answer_to_a_call_that_must_be_encrypted_ends_it_with_488() -> None:
    made = encrypted_stage(offered=None)
    made.session.say(events.Answered(status=200, reason="OK", headers=Headers([]), sdp=offer()))
    [ended] = [event for event in made.said if isinstance(event, Ended)]
    assert ended.code == 488
    assert any("no key to our encrypted offer" in line.what for line in made.lines)
    assert made.media.streams == []


def test_keys_in_the_open_are_mentioned_once_for_each_trunk() -> None:
    told: list[str] = []
    encryption = Encryption(warn=told.append)
    assert encryption.exposure("tls", "a") is None
    assert "trunk a can be read on the way" in (encryption.exposure("udp", "a") or "")
    assert encryption.exposure("udp", "a") is None
    assert "peers without trunk" in (encryption.exposure("tcp", "") or "")
    assert len(told) == 2


def test_the_warning_and_the_suite_are_in_the_trace_of_an_encrypted_leg() -> None:
    made = encrypted_stage(offered=secure_offer(master(1)))
    made.leg.answer({})
    assert any(f"encrypted by {CM}" in line.what for line in made.lines)
    assert len(warnings(made.lines)) == 1


def test_a_plain_leg_says_that_it_is_not_encrypted_and_warns_of_nothing() -> None:
    made = stage()
    made.leg.answer({})
    assert any("not encrypted" in line.what for line in made.lines)
    assert warnings(made.lines) == []


# --- keys over protected signalling alone -------------------------------------------------------

UNPROTECTED = "no SRTP keys over UDP here, only over TLS ([rtp] srtp_keys)"


@pytest.mark.parametrize(
    ("policy", "transport", "terms"),
    [
        ("off", "udp", Terms(SrtpPolicy.OFF)),
        ("optional", "udp", Terms(SrtpPolicy.OFF, UNPROTECTED)),
        ("optional", "tls", Terms(SrtpPolicy.OPTIONAL)),
        ("required", "tls", Terms(SrtpPolicy.REQUIRED)),
    ],
)
def test_keys_may_be_kept_to_protected_signalling(
    policy: str, transport: str, terms: Terms
) -> None:
    wish = SrtpPolicy(policy)
    assert Encryption(policy=wish, only_protected=True).terms(transport, None) == terms
    assert Encryption(only_protected=True).terms(transport, wish) == terms
    assert Encryption(policy=wish).terms(transport, None) == Terms(wish)


def test_what_must_be_encrypted_is_refused_where_keys_may_not_travel() -> None:
    encryption = Encryption(policy=SrtpPolicy.REQUIRED, only_protected=True)
    with pytest.raises(NegotiationError) as refused:
        encryption.terms("tcp", None)
    assert refused.value.status == 488
    assert refused.value.warning.startswith("encryption is required, but no SRTP keys over TCP")


def exposed() -> MediaSession:
    """Optional encryption, of a call over UDP where keys need TLS."""
    caps = capabilities(srtp=SrtpPolicy.OFF, plain_because=UNPROTECTED)
    return MediaSession(caps, local_media(ADDRESS, 77))


def test_an_offer_that_leaves_the_choice_is_answered_plainly_and_one_that_insists_refused() -> None:
    either = secure_offer(master(1)).replace(b"RTP/SAVP", b"RTP/AVP")
    agreement = exposed().answer(either)
    assert agreement.stream.srtp is None
    assert b"crypto" not in agreement.sdp
    with pytest.raises(NegotiationError, match="no SRTP keys over UDP here"):
        exposed().answer(secure_offer(master(1)))
    assert b"crypto" not in exposed().offer()
