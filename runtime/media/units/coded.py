"""Legs whose codec is coded leg by leg: everything that is not plain G.711 on both ways.

What arrives waits in the leg's own playout and is decoded when due, into the leg's wide row or its
narrow one; what the leg hears is encoded after all mixing. Coders keep to themselves, so that this
loop can be given to a pool of threads (libopus and FFmpeg release the interpreter) if it must.
"""

from __future__ import annotations

from collections.abc import Collection

import attrs

from runtime.media.codecs.coding import Encoder, Format
from runtime.media.codecs.table import FORMATS, CodecTable
from runtime.media.frames import WIDE_RATE_HZ, FrameTable, Samples
from runtime.media.port import RtpStream
from runtime.media.resampling import Doubler
from runtime.media.rtp.header import Bools
from runtime.media.rtp.packet_playout import PacketPlayout, Voice

from .leg import Leg, formats_of
from .legs import Legs


@attrs.define(eq=False)
class CodedLeg:
    """Coders and playout of one leg."""

    sent_as: Format
    encoder: Encoder
    fmtp: str
    rate_hz: int
    voices: dict[int, Voice]
    """By payload type."""
    playout: PacketPlayout


class CodedLegs:
    """All of them, by the leg's number."""

    def __init__(self, legs: Legs, frames: FrameTable, table: CodecTable) -> None:
        self._legs = legs
        self._frames = frames
        self._table = table
        self._coded: dict[int, CodedLeg] = {}

    def __len__(self) -> int:
        return len(self._coded)

    def configure(self, leg: Leg, stream: RtpStream) -> bool:
        """Follow what was agreed on; returns whether the leg hears wide."""
        formats = formats_of(stream)
        if not leg.plain:
            rate_hz = max(FORMATS[name].rate_hz for name in formats.values())
            self._coded[leg.index] = self._made(leg.index, stream, formats, rate_hz)
            wide = rate_hz == WIDE_RATE_HZ
        else:
            self._coded.pop(leg.index, None)
            wide = False
        self._frames.write_wide(self._frames.of_leg(leg.index), wide)
        return wide

    def forget(self, leg: Leg) -> None:
        self._coded.pop(leg.index, None)

    def put(
        self, index: int, payload_type: int, timestamp: int, payload: bytes, restarted: bool
    ) -> float:
        """A fresh audio packet of a coded leg; seconds since its last one by their timestamps."""
        coded = self._coded[index]
        voice = coded.voices[payload_type]
        step = coded.playout.put(timestamp, payload, voice, restarted=restarted)
        return step / voice.format.clock_hz

    def pause(self, index: int, timestamp: int, level: int) -> None:
        """The peer announced a pause, if the leg is coded; see PacketPlayout.pause."""
        coded = self._coded.get(index)
        if coded is not None:
            coded.playout.pause(timestamp, level)

    def came(self, arrived: Bools) -> None:
        """Coded legs conceal what is lost by themselves: all their frames count as heard."""
        for index in self._coded:
            arrived[index] = True

    def play(self) -> None:
        """Fill the rows of all coded legs with their next 20 ms."""
        for index, coded in self._coded.items():
            wide = coded.rate_hz == WIDE_RATE_HZ
            rows = self._frames.wide if wide else self._frames.samples
            rows[self._frames.of_leg(index)] = coded.playout.pull()
            if coded.playout.malformed or coded.playout.late:
                self._count(index, coded.playout)

    def send(self, heard: Samples, heard_wide: Samples, replaced: Collection[int]) -> None:
        """Encode what each leg hears, in place of the G.711 packet that was prepared.

        On legs whose packet was `replaced` already, the encoder hears the frame all the same.
        """
        sending, sockets = self._legs.sending, self._legs.sockets
        for index, coded in self._coded.items():
            if not sending.active[index]:
                continue
            wide = coded.sent_as.rate_hz == WIDE_RATE_HZ
            payload = coded.encoder.encode(heard_wide[index] if wide else heard[index])
            if index in replaced:
                continue
            packet = memoryview(sending.replace_by_coded(index, payload))
            sockets.send_instead(index, self._legs.sealing.seal_instead(index, packet))

    def skip(self, frames: int) -> None:
        for coded in self._coded.values():
            coded.playout.skip(frames)

    def adjust(self, legs: slice) -> None:
        """See Playout.adjust."""
        for index in range(*legs.indices(self._legs.count)):
            coded = self._coded.get(index)
            if coded is not None:
                coded.playout.adjust()

    def _count(self, index: int, playout: PacketPlayout) -> None:
        self._legs.rejected[index] += playout.malformed
        self._legs.playout.late[index] += playout.late
        playout.malformed = playout.late = 0

    def _made(
        self, index: int, stream: RtpStream, formats: dict[int, str], rate_hz: int
    ) -> CodedLeg:
        """Coders go on from what the leg had, as far as nothing changed about them."""
        before = self._coded.get(index)
        sent_as = FORMATS[stream.codec]
        same_rate = before is not None and before.rate_hz == rate_hz
        known = before.voices if before is not None and same_rate else {}
        voices: dict[str, Voice] = {voice.format.name: voice for voice in known.values()}
        for name in formats.values():
            if name not in voices:
                voices[name] = self._voice(name, rate_hz)
        goes_on = before is not None and (before.sent_as, before.fmtp) == (sent_as, stream.fmtp)
        return CodedLeg(
            sent_as=sent_as,
            encoder=(
                before.encoder
                if before is not None and goes_on
                else self._table.encoder(stream.codec, stream.fmtp)
            ),
            fmtp=stream.fmtp,
            rate_hz=rate_hz,
            voices={number: voices[name] for number, name in formats.items()},
            playout=(
                before.playout if before is not None and same_rate else PacketPlayout(rate_hz // 50)
            ),
        )

    def _voice(self, name: str, rate_hz: int) -> Voice:
        form = FORMATS[name]
        lift = Doubler().feed if form.rate_hz < rate_hz else None
        return Voice(form, self._table.decoder(name), lift)
