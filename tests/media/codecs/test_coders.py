"""Every codec by what comes out of it: tones, their level, losses, and bytes that are no audio."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.media.codecs import libopus, opus
from runtime.media.codecs.coding import Decoder, Encoder, Format
from runtime.media.codecs.opus_by_ffmpeg import FfmpegOpusDecoder, FfmpegOpusEncoder
from runtime.media.codecs.table import FORMATS, CodecTable
from tests.media.spectrum import Samples, amplitude_of, decibels, energy_above, tone, voice

TABLE = CodecTable()
TABLE.load(FORMATS)
FEC = "useinbandfec=1"


@attrs.frozen
class Coder:
    name: str
    form: Format
    encoder: Callable[[str], Encoder]
    decoder: Callable[[], Decoder]


def _coder(name: str) -> Coder:
    return Coder(
        name,
        FORMATS[name],
        lambda fmtp: TABLE.encoder(name, fmtp),
        lambda: TABLE.decoder(name),
    )


CODERS = [_coder(name) for name in FORMATS]
CODERS.append(Coder("opus-ffmpeg", FORMATS["opus"], FfmpegOpusEncoder, FfmpegOpusDecoder))
WIDE = [coder for coder in CODERS if coder.form.rate_hz == 16000]


def called(coder: Coder) -> str:
    return coder.name


def payloads(coder: Coder, sound: Samples, fmtp: str = FEC) -> list[bytes]:
    encoder = coder.encoder(fmtp)
    return [encoder.encode(frame) for frame in sound.reshape(-1, coder.form.frame)]


def heard(coder: Coder, sound: Samples, fmtp: str = FEC) -> Samples:
    decoder = coder.decoder()
    return np.concatenate(list(_decoded(decoder, payloads(coder, sound, fmtp))))


def _decoded(decoder: Decoder, packets: list[bytes]) -> Iterator[Samples]:
    for packet in packets:
        samples = decoder.decode(packet)
        assert samples is not None
        yield samples


@pytest.mark.parametrize("coder", CODERS, ids=called)
@pytest.mark.parametrize("frequency", [300, 1000, 3000])
def test_a_tone_comes_back_with_its_frequency_and_level(coder: Coder, frequency: int) -> None:
    sound = heard(coder, tone(frequency, coder.form.rate_hz, 1))
    settled = sound[len(sound) // 2 :]
    assert abs(decibels(amplitude_of(settled, frequency, coder.form.rate_hz), 8000)) < 1


@pytest.mark.parametrize("coder", WIDE, ids=called)
@pytest.mark.parametrize("frequency", [5000, 6500])
def test_wideband_codecs_carry_what_the_telephone_never_did(coder: Coder, frequency: int) -> None:
    sound = heard(coder, tone(frequency, 16000, 1))
    settled = sound[len(sound) // 2 :]
    assert abs(decibels(amplitude_of(settled, frequency, 16000), 8000)) < 3
    assert energy_above(settled, 4000, 16000) > 0.95


def test_g722_has_the_signal_to_noise_ratio_of_the_recommendation() -> None:
    """ITU-T G.722 Figure 1: a tone of -10 dBm0 in the lower band is 20 dB or more over noise."""
    sound = heard(_coder("G722"), tone(1000, 16000, 1))[8000:]
    at = np.arange(len(sound))
    basis = np.stack([np.cos(2 * np.pi * at / 16), np.sin(2 * np.pi * at / 16)], axis=1)
    fit, *_ = np.linalg.lstsq(basis, sound.astype(float), rcond=None)
    noise = sound - basis @ fit
    assert decibels(float(np.std(basis @ fit)), float(np.std(noise))) > 20


def test_g722_sends_one_octet_for_two_samples() -> None:
    assert {len(p) for p in payloads(_coder("G722"), tone(1000, 16000, 0.2))} == {160}


def test_g722_octets_are_those_of_the_reference() -> None:
    """The first octets of silence, as every implementation of the recommendation sends them."""
    first = payloads(_coder("G722"), np.zeros(320, np.int16))[0]
    assert set(first[:4]) <= {0xFA, 0xDA, 0xFF, 0xDF, 0xFE, 0xDE, 0xFB}


def test_l16_is_in_network_byte_order() -> None:
    frame = np.array([1, -2, 0x1234] + [0] * 317, np.int16)
    assert payloads(_coder("L16"), frame)[0][:6] == bytes.fromhex("0001 fffe 1234")
    assert TABLE.decoder("L16").decode(bytes.fromhex("0001 fffe 1234")) is not None


@pytest.mark.parametrize("coder", CODERS, ids=called)
def test_a_loss_is_replaced_by_exactly_what_is_missing_and_falls_silent(coder: Coder) -> None:
    decoder, rate = coder.decoder(), coder.form.rate_hz
    for _ in _decoded(decoder, payloads(coder, tone(440, rate, 0.4))):
        pass
    first = decoder.conceal(coder.form.frame, None)
    assert len(first) == coder.form.frame
    assert np.abs(first).max() > 1000
    for count in (1, 7, coder.form.frame, 3 * coder.form.frame, 0):
        assert len(decoder.conceal(count, None)) == count
    later = [decoder.conceal(coder.form.frame, None) for _ in range(50)][-1]
    assert np.abs(later).max() < 800


@pytest.mark.parametrize("coder", CODERS, ids=called)
def test_a_lost_packet_leaves_no_step_and_hardly_a_dip_in_a_tone(coder: Coder) -> None:
    decoder, rate, frame = coder.decoder(), coder.form.rate_hz, coder.form.frame
    sound = []
    for number, packet in enumerate(payloads(coder, tone(440, rate, 0.6))):
        lost = number == 15
        samples = decoder.conceal(frame, None) if lost else decoder.decode(packet)
        assert samples is not None
        sound.append(samples)
    around = np.concatenate(sound)[14 * frame : 18 * frame]
    steepest = 8000 * 2 * np.pi * 440 / rate
    assert np.abs(np.diff(around.astype(int))).max() < 1.7 * steepest
    for at in range(0, 3 * frame, frame // 2):
        assert amplitude_of(around[at : at + frame], 440, rate) > 4000


@pytest.mark.parametrize("coder", CODERS, ids=called)
def test_a_decoder_that_heard_nothing_conceals_with_silence(coder: Coder) -> None:
    assert not coder.decoder().conceal(coder.form.frame, None).any()


@pytest.mark.parametrize("coder", CODERS, ids=called)
@given(junk=st.lists(st.binary(max_size=300), max_size=8))
@settings(max_examples=60, deadline=None)
def test_no_payload_of_a_stranger_raises_or_ends_the_decoder(
    coder: Coder, junk: list[bytes]
) -> None:
    decoder = coder.decoder()
    for payload in junk:
        samples = decoder.decode(payload)
        assert samples is None or len(samples) <= 48_000
        assert len(decoder.conceal(coder.form.frame, payload)) == coder.form.frame
    again = [decoder.decode(p) for p in payloads(coder, tone(1000, coder.form.rate_hz, 0.4))]
    last = again[-1]
    assert last is not None
    assert amplitude_of(last, 1000, coder.form.rate_hz) > 3000


@pytest.mark.parametrize("coder", CODERS, ids=called)
def test_an_empty_payload_is_malformed(coder: Coder) -> None:
    assert coder.decoder().decode(b"") is None


# --- opus ---------------------------------------------------------------------------------------


def test_opus_restores_a_lost_packet_from_its_successor() -> None:
    coder, sound = _coder("opus"), voice(2)
    packets = payloads(coder, sound)
    whole = np.concatenate(list(_decoded(coder.decoder(), packets)))
    restored, concealed = coder.decoder(), coder.decoder()
    errors = {"restored": 0.0, "concealed": 0.0}
    for number, packet in enumerate(packets[:-1]):
        at = slice(320 * number, 320 * (number + 1))
        if number % 10 == 9:
            known = restored.conceal(320, packets[number + 1])
            guessed = concealed.conceal(320, None)
            errors["restored"] += float(((known - whole[at].astype(float)) ** 2).sum())
            errors["concealed"] += float(((guessed - whole[at].astype(float)) ** 2).sum())
        else:
            assert restored.decode(packet) is not None
            assert concealed.decode(packet) is not None
    assert errors["restored"] < errors["concealed"] / 2


def test_opus_sends_what_the_peer_can_play_and_take() -> None:
    hiss = np.random.default_rng(1).normal(0, 3000, 16000).astype(np.int16)
    coder = _coder("opus")
    narrow = heard(coder, hiss, "maxplaybackrate=8000")
    assert energy_above(narrow[4000:], 4300, 16000) < 0.01
    assert energy_above(heard(coder, hiss, "")[4000:], 4300, 16000) > 0.2
    small = sum(map(len, payloads(coder, hiss, "maxaveragebitrate=8000"))) * 8
    usual = sum(map(len, payloads(coder, hiss, ""))) * 8
    assert small < 12_000 < usual < 45_000


@pytest.mark.parametrize(
    "fmtp", ["maxaveragebitrate=-1;cbr=x", "maxplaybackrate=99999999999999999999", "a;b=;=c;;"]
)
def test_parameters_that_make_no_sense_are_not_heeded(fmtp: str) -> None:
    assert energy_above(heard(_coder("opus"), tone(6000, 16000, 0.5), fmtp), 4000, 16000) > 0.9


def test_a_library_that_does_not_code_is_found_out_before_the_first_call() -> None:
    class Mute:
        def __init__(self) -> None:
            self._real = libopus.load()

        def __getattr__(self, name: str) -> object:
            if name == "opus_decode":
                return lambda *_: 0
            return getattr(self._real, name)

    opus.rehearse(libopus.load())
    with pytest.raises(libopus.NoLibopus, match="level 0"):
        opus.rehearse(Mute())


def test_where_libopus_is_missing_ffmpeg_codes_opus() -> None:
    def missing() -> object:
        raise libopus.NoLibopus("libopus.so.0: no such file")

    table = CodecTable(missing)
    table.load(["opus"])
    assert isinstance(table.encoder("opus", FEC), FfmpegOpusEncoder)
    assert isinstance(table.decoder("opus"), FfmpegOpusDecoder)


def test_a_codec_that_was_not_loaded_is_named() -> None:
    with pytest.raises(LookupError, match="G722 was not among those to be loaded"):
        CodecTable().encoder("G722", "")


def test_thousands_of_frames_leave_no_memory_behind() -> None:
    for coder in CODERS:
        encoder, decoder = coder.encoder(FEC), coder.decoder()
        frame = tone(700, coder.form.rate_hz, 0.02)

        def churn(count: int, encoder: Encoder, decoder: Decoder, frame: Samples) -> None:
            for _ in range(count):
                assert decoder.decode(encoder.encode(frame)) is not None

        churn(500, encoder, decoder, frame)
        before = _resident_kib()
        churn(3000, encoder, decoder, frame)
        assert _resident_kib() - before < 2048, coder.name


def _resident_kib() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4
