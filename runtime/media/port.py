"""What sessions and legs may ask of the audio engine, and what it tells them.

Two adapters implement this port: media/client.py (the engine process) and the test kit's symbolic
media. The engine does what it is told: who hears whom is decided in decisions/routing.py, so
`connect` on a leg simply replaces what the leg hears. All calls are synchronous, are batched, and
take effect together at the next 20 ms tick; events come back through the listener given when a
thing was opened, in order, on the core's trio thread. Nothing here touches samples.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import attrs

from runtime.media.findings import Detection, Finding
from runtime.media.tone_script import ToneScript


class MediaUnavailable(Exception):
    """The engine cannot carry another leg (ports, limit) or is being restarted; says which."""


# --- values -------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class LegAddress:
    """Where this leg receives, for the SDP."""

    host: str
    rtp_port: int
    rtcp_port: int


@attrs.frozen
class ReceivedFormat:
    """A further payload type that the peer may send, and its codec."""

    payload_type: int
    codec: str


@attrs.frozen(kw_only=True)
class SrtpKeys:
    """Keys of an encrypted leg, one for each direction: base64 of master key and salt."""

    suite: str
    """By its name in RFC 4568 or RFC 7714: "AES_CM_128_HMAC_SHA1_80"."""
    send_key: str = attrs.field(repr=False)
    receive_key: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class RtpStream:
    """What offer and answer agreed on, as the engine needs it."""

    remote_host: str
    remote_port: int
    remote_rtcp_port: int
    codec: str
    """A name of runtime/media/codecs/table.py: "PCMU", "PCMA", "G722", "opus", "L16", ..."""
    send_payload_type: int
    receive_payload_types: frozenset[int]
    """Of `codec`."""
    other_formats: tuple[ReceivedFormat, ...] = ()
    """What else the peer may switch to without asking."""
    fmtp: str = ""
    """The peer's parameters for what we send it."""
    dtmf_send_payload_type: int | None = None
    dtmf_receive_payload_type: int | None = None
    dtmf_clock_hz: int = 8000
    """Of the durations in telephone events."""
    ptime_ms: int = 20
    sending: bool = True
    """False while the peer's direction forbids RTP towards it; the leg's clock runs on."""
    receiving: bool = True
    srtp: SrtpKeys | None = None
    """None for plain RTP."""
    rtcp_mux: bool = False
    """RTCP comes and goes on the RTP ports (RFC 5761); `remote_rtcp_port` is then the RTP port."""
    remote_rtcp_host: str = ""
    """Where it is not `remote_host` (RFC 3605)."""


@attrs.frozen(kw_only=True)
class LegStatistics:
    """RTP counters of one leg since it was opened."""

    packets_sent: int = 0
    packets_received: int = 0
    octets_sent: int = 0
    octets_received: int = 0
    packets_lost: int = 0
    packets_late: int = 0
    packets_duplicated: int = 0
    packets_rejected: int = 0
    """Malformed, not negotiated, from elsewhere, or not opened (of encrypted legs)."""
    packets_unauthenticated: int = 0
    """Of the rejected ones of an encrypted leg: forged, damaged, or under another key."""
    packets_replayed: int = 0
    """Of the rejected ones of an encrypted leg: came a second time."""
    jitter_ms: float = 0.0
    round_trip_ms: float | None = None
    """From the peer's last report on us; None before the first."""
    remote_loss_fraction: float | None = None
    """Of our packets, between the peer's last two reports."""
    remote_packets_lost: int | None = None
    """Of our packets, in all, as the peer counts."""
    remote_jitter_ms: float | None = None
    max_gap_ms: float = 0.0


class Sound(Protocol):
    """Decoded or spoken audio that a player can play, possibly still growing while it plays."""

    @property
    def label(self) -> str:
        """The file name, URL or text, for timelines and tests."""

    @property
    def duration_s(self) -> float | None:
        """None until the length is known; as announced by the sound itself while it arrives."""

    @property
    def error(self) -> str | None:
        """Why it ended before its time, as the author of the script reads it; None when it did
        not."""

    async def ready(self) -> None:
        """Return when the length is known; raise SoundError when the sound turned out broken."""

    def close(self) -> None:
        """Give the memory back once no player plays it. Safe to call twice."""


class SoundError(Exception):
    """A file, URL or text that cannot be played; str() is the PlaybackFinished error."""


# --- events -------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class FirstPacketReceived:
    """The leg's first RTP packet with audio was accepted."""

    wideband: bool = False
    """Whether its codec carries more than 4 kHz."""


@attrs.frozen(kw_only=True)
class ToneReceivedFromPeer:
    """One key press by RFC 4733 (at its first end packet, or 120 ms after a lost end), or in the
    audio (20 ms after its end)."""

    tone: str
    duration_ms: int
    in_band: bool = False


@attrs.frozen
class DigitsSent:
    """Everything given to `send_digits` so far is on the wire."""


@attrs.frozen
class RtpStopped:
    """No RTP or RTCP for 5 s on a leg that should receive."""


@attrs.frozen
class RtpResumed:
    """RTP came back after RtpStopped."""


@attrs.frozen(kw_only=True)
class AudioMissing:
    """Nothing to be heard came from the peer for 2 s; `cause` says what the packets tell of why."""

    cause: str


@attrs.frozen(kw_only=True)
class LegMeasured:
    """The answer to `measure`."""

    statistics: LegStatistics


@attrs.frozen(kw_only=True)
class LegClosed:
    """Last event of a leg, after close()."""

    statistics: LegStatistics


@attrs.frozen
class MediaLost:
    """The engine died with this leg, player, conference or recorder; nothing follows."""


@attrs.frozen
class PlayerStarted:
    """The first frame of the sound was mixed."""


@attrs.frozen(kw_only=True)
class PlayerMarkerReached:
    offset_ms: int


@attrs.frozen
class PlayerStarved:
    """It has played all of the sound that is there; silence until more of it comes."""


@attrs.frozen(kw_only=True)
class PlayerFed:
    """More of the sound came; `missed_frames` of 20 ms were silence."""

    missed_frames: int


@attrs.frozen(kw_only=True)
class PlayerFinished:
    """Natural end (or `error`). The engine has already silenced every edge from this player."""

    error: str | None = None


@attrs.frozen(kw_only=True)
class RecorderClosed:
    """The last frame was written to the ring; `frames` 20 ms frames in all."""

    frames: int
    overrun_frames: int


LegMediaEvent = (
    FirstPacketReceived
    | ToneReceivedFromPeer
    | DigitsSent
    | RtpStopped
    | RtpResumed
    | AudioMissing
    | Finding
    | LegMeasured
    | LegClosed
    | MediaLost
)
PlayerEvent = (
    PlayerStarted | PlayerMarkerReached | PlayerStarved | PlayerFed | PlayerFinished | MediaLost
)
RecorderEvent = RecorderClosed | MediaLost

LegMediaListener = Callable[[LegMediaEvent], None]
PlayerListener = Callable[[PlayerEvent], None]
RecorderListener = Callable[[RecorderEvent], None]


# --- things -------------------------------------------------------------------------------------


class MediaLeg(Protocol):
    """The RTP side of one call leg: source of what the peer says, sink of what it hears.

    Sends 50 packets a second (silence when nothing is connected) from the first `configure` until
    `close`, with one SSRC and unbroken sequence numbers and timestamps. `close` is safe twice.
    """

    @property
    def address(self) -> LegAddress: ...
    def listen(self, listener: LegMediaListener) -> None:
        """Replace the listener; events that came before the first one are kept and replayed."""

    def configure(self, stream: RtpStream) -> None: ...
    def handle_tones(self, handle: bool) -> None:
        """Report RFC 4733 digits as events and keep them out of what others hear and receive.

        While False, digits pass through to whoever hears this leg (as RFC 4733 where negotiated).
        """

    def detect(self, what: Detection) -> None:
        """Listen for exactly this from now on; what is listened for already goes on."""

    def measure(self) -> None:
        """Ask for LegMeasured."""

    def send_digits(self, digits: str) -> None:
        """Queue 0-9 * # A-D, and p for a pause of 0.5 s; 100 ms tone, 100 ms gap each."""

    def close(self) -> None: ...


class MediaPlayer(Protocol):
    """A source with its own clock, which runs from `resume` (or creation) whoever listens."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def add_marker(self, offset_ms: int) -> None: ...
    def close(self) -> None:
        """End it without PlayerFinished; its edges fall silent. Safe twice."""


class MediaConference(Protocol):
    """A mixer: each listener hears the sum of all sources except its own."""

    def close(self) -> None: ...


class MediaRecorder(Protocol):
    """Writes what its taps say into the recording's ring until `close` (then RecorderClosed)."""

    def tap_leg(self, leg: MediaLeg) -> None:
        """Left what the endpoint sends, right what it hears; the recording mixes when mono."""

    def mute(self, muted: bool) -> None: ...
    def close(self) -> None: ...


MediaSource = MediaLeg | MediaPlayer | MediaConference
MediaSink = MediaLeg | MediaConference | MediaRecorder


@attrs.frozen(kw_only=True)
class RecordingFormat:
    container: str
    """"mp3", "wav", "flac" or "ogg"."""
    stereo: bool
    """Left what the endpoint sends, right what it hears; otherwise both channels are the mix."""
    hd_audio: bool = False


@attrs.frozen(kw_only=True)
class RecordingResult:
    """A finished, closed, playable file."""

    duration_s: float
    size_bytes: int
    sha256: str


class RecordingError(Exception):
    """A recording cannot start or go on (disk full, worker lost); str() is for RecordError."""


class Recording(Protocol):
    """One recording file in the making. `url` is known at once; the file exists from the start."""

    @property
    def url(self) -> str: ...
    @property
    def number(self) -> int: ...
    async def finish(self) -> RecordingResult:
        """After RecorderClosed: drain, finalise (length header, checksum) and close the file."""


class RecordingStore(Protocol):
    """Where recordings go: files under DATA/recordings in production, symbolic in tests."""

    async def start(self, session_id: str, number: int, form: RecordingFormat) -> Recording:
        """Open the next recording of a session (numbered from 1). Raises RecordingError."""


class MediaPort(Protocol):
    """The engine, as sessions and legs see it."""

    async def open_leg(self) -> MediaLeg:
        """Take a pre-bound RTP/RTCP pair from the pool. Raises MediaUnavailable."""

    def open_player(
        self,
        source: Sound | ToneScript,
        listener: PlayerListener,
        *,
        loop: bool = False,
        paused: bool = False,
    ) -> MediaPlayer: ...

    def open_conference(self) -> MediaConference: ...
    def open_recorder(self, recording: Recording, listener: RecorderListener) -> MediaRecorder: ...
    def connect(self, source: MediaSource, sink: MediaSink) -> None:
        """Add the edge; on a leg it replaces the edge that was there."""

    def disconnect(self, source: MediaSource, sink: MediaSink) -> None:
        """Remove the edge if it still is there."""
