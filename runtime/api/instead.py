"""What a script can use in place of what VoxEngine has and this runtime does not: "Owner.name" ->
a sentence for the error message and for docs/reference/voxengine-coverage.md.

Names without an owner are imported ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_QUEUES: Final = (
    "there are no queues of operators here; let callers wait in one shared session (`conference = "
    "true` in the rule) with startPlayback, and join them with VoxEngine.sendMediaBetween"
)
_VIDEO: Final = "calls carry audio only"
_VENDOR: Final = (
    "connectors to other vendors are not built in; reach their services with Net.httpRequest"
)
_UNTIL_THE_END: Final = (
    "a recording of record() ends with the call; VoxEngine.createRecorder() has stop()"
)
_PYTHON: Final = "use Python's own"

INSTEAD: Final[Mapping[str, str]] = MappingProxyType(
    {
        "VoxEngine.callWhatsappUser": "WhatsApp is reached through a SIP gateway, with callSIP()",
        "VoxEngine.createStreamingAgent": "there is no RTMP here",
        "VoxEngine.enqueueACDRequest": _QUEUES,
        "VoxEngine.enqueueTask": _QUEUES,
        "VoxEngine.enableStatisticsForIncomingWebsockets": "the timeline tells of sockets anyway",
        "VoxEngine.disableStatisticsForIncomingWebsockets": "the timeline tells of sockets anyway",
        "VoxEngine.createAMD": "use AMD.create()",
        "VoxEngine.createToneGeneratorPlayer": "use createToneScriptPlayer()",
        "VoxEngine.scheduleTimers": "use setTimeout() and setInterval()",
        "VoxEngine.sessionId": "it is a field of AppEvents.Started",
        "VoxEngine.accountId": "it is a field of AppEvents.Started",
        "VoxEngine.applicationId": "it is a field of AppEvents.Started",
        "ConferenceEvents.EndpointManaged": "everybody in a conference hears all others",
        "Endpoint.manageEndpoint": "everybody in a conference hears all others; make another "
        "conference for some of them",
        "Call.bridge": "use VoxEngine.sendMediaBetween(), or bridge() of runtime",
        "Call.hold": "no call is put on hold from here; let it hear music: startPlayback(..., "
        "loop=True)",
        "Call.mute": "use stopMediaTo() of whom is not to be heard",
        "Call.play": "use startPlayback()",
        "Call.playback": "use startPlayback()",
        "Call.sendTone": "use sendDigits()",
        "Call.startRecording": "use record()",
        "Call.stopRecord": _UNTIL_THE_END,
        "Call.stopRecording": _UNTIL_THE_END,
        "Call.transfer": "use transferTo()",
        "Call.unhold": "use VoxEngine.sendMediaBetween() again",
        "CallEvents.Answered": "use CallEvents.Connected",
        "CallEvents.DTMF": "use CallEvents.ToneReceived, after handleTones(True)",
        "CallEvents.DTMFReceived": "use CallEvents.ToneReceived, after handleTones(True)",
        "CallEvents.Ended": "use CallEvents.Disconnected, and CallEvents.Failed of outgoing calls",
        "CallEvents.Hangup": "use CallEvents.Disconnected, and CallEvents.Failed of outgoing calls",
        "CallEvents.Terminated": "use CallEvents.Disconnected, and CallEvents.Failed of outgoing "
        "calls",
        "AppEvents.OnNewWebSocketFailed": "use AppEvents.NewWebSocketFailed",
        "CallEvents.VoicemailPromptDetected": "use AMD.create() and AMD.Events.DetectionComplete",
        "CallEvents.VoicemailPromptNotDetected": "use AMD.create() and "
        "AMD.Events.DetectionComplete",
        "CallEvents.PCM": "audio reaches scripts as recordings only",
        "PlayerEvents.PlaybackError": "PlaybackFinished has an error field",
        "Net.WebSocket": "use VoxEngine.createWebSocket()",
        "AI": "use AMD.create() for answering machines",
        "ACDEvents": _QUEUES,
        "SmartQueueEvents": _QUEUES,
        "SmartQueueOperatorSettingsMode": _QUEUES,
        "StreamingAgentEvents": "there is no RTMP here",
        "Cartesia": _VENDOR,
        "ElevenLabs": _VENDOR,
        "Gemini": _VENDOR,
        "OpenAI": _VENDOR,
        "Ultravox": _VENDOR,
        "Yandex": _VENDOR,
        "VoximplantAPI": "the runtime's own HTTP interface is called with Net.httpRequest",
        "VoximplantApi": "the runtime's own HTTP interface is called with Net.httpRequest",
        "getLocalTime": "use VoxEngine.now(tz)",
        "base64_encode": f"{_PYTHON} base64.b64encode",
        "base64_decode": f"{_PYTHON} base64.b64decode",
        "bytes2hex": f"{_PYTHON} bytes.hex",
        "hex2bytes": f"{_PYTHON} bytes.fromhex",
        "bytes2str": f"{_PYTHON} bytes.decode",
        "str2bytes": f"{_PYTHON} str.encode",
        "uuidgen": f"{_PYTHON} uuid.uuid4",
        "levenshtein_distance": f"{_PYTHON} difflib for likeness",
    }
)
