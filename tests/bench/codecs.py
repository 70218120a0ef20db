"""What each codec costs: coders alone, and the engine's tick with legs that hear each other.

    python -m tests.bench.codecs [--legs 50] [--seconds 4]

CPU-ms per leg and second, without system calls (tests.bench.engine has those). `fed` and `silent`
tell both ways of a conversation; a leg that hears a narrow one costs the doubling as well.
"""

from __future__ import annotations

import argparse
import time
from typing import Final

import numpy as np

from runtime.media.codecs.table import FORMATS, CodecTable
from tests.media.rig import Peer, Rig
from tests.media.spectrum import Samples, voice

TABLE: Final = CodecTable()
FRAMES_PER_S: Final = 50
NUMBERS: Final = {"PCMU": 0, "PCMA": 8, "G722": 9, "opus": 96, "L16": 97, "L16/8000": 98}


def coder_figures(name: str, seconds: int) -> tuple[float, float]:
    """Encoder and decoder alone, in CPU-ms per second of sound."""
    form = FORMATS[name]
    sound = _sound(form.rate_hz).reshape(-1, form.frame)
    encoder, decoder = TABLE.encoder(name, "useinbandfec=1"), TABLE.decoder(name)
    began = time.process_time()
    payloads = [encoder.encode(frame) for _ in range(seconds) for frame in sound]
    encoded = time.process_time()
    for payload in payloads:
        decoder.decode(payload)
    decoded = time.process_time()
    return (encoded - began) * 1000 / seconds, (decoded - encoded) * 1000 / seconds


def engine_figure(name: str, count: int, seconds: int, *, listener: str | None = None) -> float:
    """The tick of `count` legs in pairs; every second one is a `listener` when that is named."""
    rig = Rig(legs=count, players=1, codecs=TABLE)
    names = [name if listener is None or number % 2 == 0 else listener for number in range(count)]
    peers = [_peer(rig, each) for each in names]
    for number, peer in enumerate(peers):
        rig.connect(peers[number ^ 1], peer)
    payloads = {each: _payloads(each) for each in set(names)}
    spent = 0.0
    for tick in range(seconds * FRAMES_PER_S):
        for peer, each in zip(peers, names, strict=True):
            before = peer.timestamp
            peer.say(payloads[each][tick % FRAMES_PER_S])
            peer.timestamp = before + FORMATS[each].step
        began = time.process_time()
        rig.engine.tick(rig.now, rig.now)
        spent += time.process_time() - began
        rig.now += 1 / FRAMES_PER_S
    return spent * 1000 / count / seconds


def _peer(rig: Rig, name: str) -> Peer:
    number = NUMBERS[name]
    return rig.peer(
        codec=name,
        send_payload_type=number,
        receive_payload_types=frozenset({number}),
        fmtp="useinbandfec=1",
    )


def _payloads(name: str) -> list[bytes]:
    form, encoder = FORMATS[name], TABLE.encoder(name, "useinbandfec=1")
    frames = _sound(form.rate_hz).reshape(-1, form.frame)
    return [encoder.encode(np.ascontiguousarray(frame)) for frame in frames]


def _sound(rate_hz: int) -> Samples:
    """A second of a voice with some hiss."""
    hiss = np.random.default_rng(1).normal(0, 200, 16000)
    sound: Samples = (voice(1) + hiss).astype(np.int16)[:: 16000 // rate_hz]
    return sound


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--legs", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=4)
    options = parser.parse_args()
    TABLE.load(FORMATS)
    print(f"{'':10}encode  decode  a leg of a pair  beside PCMU (mean of both)")
    for name in FORMATS:
        encode, decode = coder_figures(name, options.seconds)
        alike = engine_figure(name, options.legs, options.seconds)
        mixed = engine_figure(name, options.legs, options.seconds, listener="PCMU")
        print(f"{name:10}{encode:6.2f}  {decode:6.2f}  {alike:15.2f}  {mixed:11.2f}", flush=True)


if __name__ == "__main__":
    main()
