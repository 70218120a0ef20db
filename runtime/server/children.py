"""The processes beside the core, and the ports that lead to them."""

from __future__ import annotations

import secrets

import attrs
import trio
from structlog.typing import FilteringBoundLogger

from runtime.config import Config
from runtime.config.data import parse_size
from runtime.config.settings import parse_port_range
from runtime.media.client import MediaClient
from runtime.media.pcm import ROW_RATE_HZ, WIDE_ROW_RATE_HZ
from runtime.media.recording.recording_disk import RecordingDisk
from runtime.media.recording.recordings import Recordings
from runtime.media.sounds.alive import AliveSounds
from runtime.media.sounds.decoders import file_decoders
from runtime.media.sounds.library import Sounds
from runtime.media.sounds.sound_workers import SoundWorkers
from runtime.net import Direct, Fetcher, parse_networks
from runtime.net.turnstile import Turnstile
from runtime.recognition.embedded import EmbeddedRecogniser
from runtime.recognition.providers import Recognisers
from runtime.sandbox.ceilings import Ceilings
from runtime.sandbox.launcher import ZygoteLauncher
from runtime.sandbox.levels import Isolation
from runtime.session.timeline_file import TimelineFiles
from runtime.sockets import SocketClient
from runtime.speech.offline import OfflineSpeech

SOUNDS_FOLDER = "sounds"
"""Under the data folder: files that every scenario may play by name."""


@attrs.frozen(kw_only=True)
class Children:
    """Audio engine, file decoders, voice, recogniser, recorder, zygote, writer of timelines."""

    engine: MediaClient
    decoders: SoundWorkers
    speech: OfflineSpeech
    recordings: Recordings
    zygote: ZygoteLauncher
    timelines: TimelineFiles
    sounds: Sounds
    http: Fetcher
    sockets: SocketClient
    recognisers: Recognisers

    @classmethod
    def configured(cls, config: Config, base_url: str, log: FilteringBoundLogger) -> Children:
        data = config.data.dir.resolve()
        decoders = file_decoders(log.warning)
        # Where no call can hear wide, sounds are made narrow: half the work and the memory.
        sound_rate_hz = WIDE_ROW_RATE_HZ if config.wideband else ROW_RATE_HZ
        alive = AliveSounds()
        speech = OfflineSpeech(log.warning, sound_rate_hz, alive)
        network = Direct(parse_networks(config.net.allow))
        http = Fetcher(Turnstile(network, config.limits.http_machine_active))
        recordings = Recordings(
            RecordingDisk(data / "recordings", parse_size(config.data.recordings_max)),
            base_url=lambda: base_url,
            warn=log.warning,
        )
        for line in config.without_audio:
            log.warning(line)
        engine = MediaClient(
            config.rtp_host,
            parse_port_range(config.rtp.ports),
            codecs=config.codecs,
            on_note=log.warning,
        )
        sockets = SocketClient(network, engine, lambda: secrets.randbits(32))
        return cls(
            engine=engine,
            decoders=decoders,
            speech=speech,
            recordings=recordings,
            zygote=ZygoteLauncher(Ceilings.of(config.limits)),
            timelines=TimelineFiles(data / "sessions", log.warning),
            sounds=Sounds(
                decoders=decoders,
                speech=speech,
                fetcher=http,
                alive=alive,
                folder=data / SOUNDS_FOLDER,
                recording_path=recordings.path_of_url,
                rate_hz=sound_rate_hz,
            ),
            http=http,
            sockets=sockets,
            recognisers=Recognisers(
                sockets=sockets,
                media=engine,
                http=http,
                # Decoders keep the same calls; what the machine could lock them with, it still can.
                embedded=EmbeddedRecogniser(log.warning, lambda: decoders.sandbox),
                audio=config.asr.audio,
                timeout_s=config.asr.timeout_s,
            ),
        )

    @property
    def isolation(self) -> Isolation:
        """How well those are locked that meet what strangers made, kind by kind."""
        return Isolation.of(
            session=self.zygote.sandbox,
            decoder=self.decoders.sandbox,
            recorder=self.recordings.sandbox,
            voice=self.speech.sandbox,
            engine=self.engine.sandbox,
            recogniser=self.recognisers.embedded.sandbox,
        )

    async def start(self, nursery: trio.Nursery) -> None:
        """Return when all of them are ready."""
        await nursery.start(self.timelines.run)
        async with trio.open_nursery() as starting:
            for run in (
                self.engine.run,
                self.decoders.run,
                self.speech.run,
                self.recognisers.embedded.run,
                self.sounds.run,
                self.recordings.run,
                self.zygote.run,
            ):
                starting.start_soon(nursery.start, run)
