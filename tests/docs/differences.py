"""What of VoxEngine's surface is here and behaves differently: told by hand, for the page
docs/reference/voxengine-coverage.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_SCHEME: Final = "`scheme` is always empty: codecs are negotiated by the runtime"
_RATES: Final = "`cost` is by the operator's `[[rate]]`s, 0 without"

DIFFERENCES: Final[Mapping[str, str]] = {
    "Call.addEventListener": "what cannot be a handler is refused at once, not when it fires",
    "Call.customData": "200 bytes by default; longer ones raise ValueError",
    "Call.say": "spoken by the offline voice of the language",
    "Call.vad": "True while handleMicStatus(True) is on",
    "Call.record": "recorded once per call; a second record() fires RecordError",
    "CallEvents.Connected": _SCHEME,
    "CallEvents.Disconnected": f"{_RATES}; `direction` is the name of the rate, else SIP Call, "
    "PSTN to SIP or SIP to PSTN",
    "CallEvents.RecordStopped": _RATES,
    "CallEvents.StateChanged": "fired before the event that caused it",
    "CallEvents.MediaStatisticsReceived": "the reference does not name the figures; these are ours",
    "CallEvents.BeepDetectionComplete": "`timeout` is None when a beep was heard",
    "AppEvents.Started": "`accountId` is 0, `logURL` empty, `applicationId` a name",
    "AppEvents.CallAlerting": _SCHEME,
    "AppEvents.WebSocket": "`content` is empty, as that of a handshake always is",
    "VoxEngine.allowWebSocketConnections": "with calls + 3 by default, at the access URL",
    "AppEvents.HttpRequest": "`headers` holds all of them; a problem body when there is no answer",
    "VoxEngine.addEventListener": "what cannot be a handler is refused at once",
    "VoxEngine.callUserDirect": "Failed(488) where the peers could not reach each other",
    "VoxEngine.getSecretValue": "a placeholder that becomes the value on its way to allowed hosts",
    "VoxEngine.forwardCallToSIP": "`video` has no effect",
    "VoxEngine.forwardCallToUser": "`video` has no effect",
    "VoxEngine.createURLPlayer": "what was fetched is kept for as long as its server allows",
    "VoxEngine.createRecorder": "files of the runtime, not of a cloud",
    "VoxEngine.createConference": "audio only",
    "Conference.add": "audio only, and in every conference",
    "ConferenceEvents.EndpointUpdated": "after setDisplayName only",
    "VoxEngine.createWebSocket": "ws:// works too; private addresses need the operator's leave",
    "WebSocket.sendMediaTo": "one stream of the server's at a time: `tag` does not choose",
    "WebSocket.clearMediaBuffer": "`tag` does not choose among several streams",
    "WebSocketEvents.ERROR": "with `reason`; CLOSE follows",
    "VoxEngine.createASR": "the operator's recogniser or the embedded one (English phrases of "
    "`phraseHints`), whatever the provider of `profile`",
    "ASREvents.Stopped": _RATES,
    "RecorderEvents.Stopped": _RATES,
    "Net.httpRequest": "private addresses need the operator's leave",
    "Net.httpRequestAsync": "private addresses need the operator's leave",
    "Net.sendMail": "by the operator's relay only; `from` is named `from_`",
    "Net.sendMailAsync": "by the operator's relay only; `from` is named `from_`",
    "ASRLanguage": "any language and country of BCP 47 in this form",
    "ASRModelList": "any name of a model: the operator's recogniser is told it",
    "ASRDictionary": "each name is its own value; recordings are not transcribed",
    "TranscriptionProvider": "recordings are not transcribed",
    "Language": "spoken by the offline voice of the language",
    "VoiceList": "spoken by the offline voice of the language; no ElevenLabs",
    "Modules": "require() accepts every one of them; all that is here is loaded anyway",
    "setInterval": "every 100 ms at least",
}
"""Section.name -> how."""

_NO_TRANSCRIPT: Final = "recordings are not transcribed"
_CODECS: Final = "codecs are negotiated by the runtime"
_NO_VIDEO: Final = "calls carry audio only"

WITHOUT_EFFECT: Final[Mapping[str, Mapping[str, str]]] = {
    "Call.answer": {
        "conferenceCall": _NO_VIDEO,
        "disableDtxForAudio": "what is sent never pauses, with or without",
        "disableExtPlayoutDelay": _NO_VIDEO,
        "disableExtVideoOffset": _NO_VIDEO,
        "disableExtVideoOrientation": _NO_VIDEO,
        "disableExtVideoTiming": _NO_VIDEO,
        "maxVideoBitrate": _NO_VIDEO,
        "scheme": _CODECS,
    },
    "Call.record": {
        "dict": _NO_TRANSCRIPT,
        "format": _NO_TRANSCRIPT,
        "labels": _NO_TRANSCRIPT,
        "language": _NO_TRANSCRIPT,
        "provider": _NO_TRANSCRIPT,
        "secure": "recordings are always behind the API's authorization",
        "transcribe": _NO_TRANSCRIPT,
        "video": _NO_VIDEO,
        "videoParameters": _NO_VIDEO,
    },
    "Call.say": {"request": "it is for cloud voices"},
    "VoxEngine.callSIP": {
        "video": _NO_VIDEO,
        "scheme": _CODECS,
        "strictCodecList": _CODECS,
    },
    "Conference.add": {
        "scheme": _CODECS,
        "receiveParameters": "everybody hears all others",
        "maxVideoBitrate": _NO_VIDEO,
    },
    "Net.sendMail": {
        "login": "the operator's relay has its own",
        "password": "the operator's relay has its own",
        "port": "the operator's relay has its own",
    },
    "VoxEngine.callUser": {
        "video": _NO_VIDEO,
        "scheme": _CODECS,
        "pushNotificationTimeout": "there are no push notifications",
    },
}
"""Method -> options that are accepted and have no effect, and why."""
