"""Which recogniser a createASR gets: that of its profile, of `[asr] url`, or the embedded one."""

from __future__ import annotations

import attrs

from runtime.decisions.hints import wants_embedded, wishes_of
from runtime.media.port import MediaPort
from runtime.net import Fetcher
from runtime.sockets import SocketPort

from .embedded import EmbeddedRecogniser
from .http import AudioFormat, HttpUnderstander
from .one_shot import OneShotRecognition, Understander
from .port import Recognition, RecognitionListener, RecognitionRequest
from .sockets import SocketRecognition


@attrs.frozen(kw_only=True)
class Recognisers:
    """Implements RecognitionPort."""

    sockets: SocketPort
    media: MediaPort
    http: Fetcher
    embedded: EmbeddedRecogniser
    audio: AudioFormat = "wav"
    """As what a recogniser behind HTTP gets its utterances."""
    timeout_s: float = 10.0
    """For one of its answers."""

    async def open(self, request: RecognitionRequest, listener: RecognitionListener) -> Recognition:
        wishes = wishes_of(request.wishes)
        scheme = "" if wants_embedded(wishes) else request.url.partition(":")[0].lower()
        if scheme in ("ws", "wss"):
            return await SocketRecognition.open(self.sockets, request, listener)
        if scheme in ("http", "https"):
            understander: Understander = HttpUnderstander(
                self.http,
                url=request.url,
                audio=self.audio,
                timeout_s=self.timeout_s,
                connect_s=request.connect_s,
                wishes=wishes,
            )
        else:
            understander = await self.embedded.open(wishes, request.owner)
        return await OneShotRecognition.open(self.media, understander, listener)
