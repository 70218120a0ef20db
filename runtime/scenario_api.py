"""The public names, each from its room: what `from runtime import ...` gives."""

from runtime.api.amd import AMD as AMD
from runtime.api.asr import ASR as ASR
from runtime.api.bridge import Bridge as Bridge
from runtime.api.bridge import Bridged as Bridged
from runtime.api.bridge import BridgeReason as BridgeReason
from runtime.api.bridge import bridge as bridge
from runtime.api.call import Call as Call
from runtime.api.call_list import CallList as CallList
from runtime.api.conference import Conference as Conference
from runtime.api.crypto import Crypto as Crypto
from runtime.api.endpoint import Endpoint as Endpoint
from runtime.api.errors import CommandFailed as CommandFailed
from runtime.api.errors import LimitReached as LimitReached
from runtime.api.errors import NobodyAnswered as NobodyAnswered
from runtime.api.errors import NoSession as NoSession
from runtime.api.errors import SessionOver as SessionOver
from runtime.api.event_constants import AppEvents as AppEvents
from runtime.api.event_constants import ASREvents as ASREvents
from runtime.api.event_constants import CallEvents as CallEvents
from runtime.api.event_constants import ConferenceEvents as ConferenceEvents
from runtime.api.event_constants import PlayerEvents as PlayerEvents
from runtime.api.event_constants import RecorderEvents as RecorderEvents
from runtime.api.event_constants import SequencePlayerEvents as SequencePlayerEvents
from runtime.api.event_constants import WebSocketEvents as WebSocketEvents
from runtime.api.handle import Handle as Handle
from runtime.api.http import HttpHeader as HttpHeader
from runtime.api.http import HttpHeaders as HttpHeaders
from runtime.api.http import HttpRequestOptions as HttpRequestOptions
from runtime.api.http import HttpRequestResult as HttpRequestResult
from runtime.api.ivr import IVR as IVR
from runtime.api.ivr import IVRState as IVRState
from runtime.api.logger import Logger as Logger
from runtime.api.mail import SendMailResult as SendMailResult
from runtime.api.net import Net as Net
from runtime.api.parallel import FirstAnswered as FirstAnswered
from runtime.api.parallel import first_answered as first_answered
from runtime.api.phone_number import PhoneNumber as PhoneNumber
from runtime.api.phone_number import PhoneNumberInfo as PhoneNumberInfo
from runtime.api.player import Player as Player
from runtime.api.player import SequencePlayer as SequencePlayer
from runtime.api.recorder import Recorder as Recorder
from runtime.api.speech_names import ASRDictionary as ASRDictionary
from runtime.api.speech_names import ASRLanguage as ASRLanguage
from runtime.api.speech_names import ASRModel as ASRModel
from runtime.api.speech_names import ASRModelList as ASRModelList
from runtime.api.speech_names import ASRProfileList as ASRProfileList
from runtime.api.speech_names import Language as Language
from runtime.api.speech_names import TranscriptionProvider as TranscriptionProvider
from runtime.api.speech_names import VoiceList as VoiceList
from runtime.api.storage import ApplicationStorage as ApplicationStorage
from runtime.api.storage import KeyList as KeyList
from runtime.api.storage import KeyValue as KeyValue
from runtime.api.timers import clearInterval as clearInterval
from runtime.api.timers import clearTimeout as clearTimeout
from runtime.api.timers import setInterval as setInterval
from runtime.api.timers import setTimeout as setTimeout
from runtime.api.values import Answered as Answered
from runtime.api.values import CallAudioQuality as CallAudioQuality
from runtime.api.values import CallState as CallState
from runtime.api.values import ConferenceDirection as ConferenceDirection
from runtime.api.values import ConferenceMode as ConferenceMode
from runtime.api.values import DTMFType as DTMFType
from runtime.api.values import Gathered as Gathered
from runtime.api.values import GatherReason as GatherReason
from runtime.api.values import Modules as Modules
from runtime.api.values import PlaybackOutcome as PlaybackOutcome
from runtime.api.values import RecordExpireTime as RecordExpireTime
from runtime.api.values import WebSocketAudioEncoding as WebSocketAudioEncoding
from runtime.api.values import WebSocketReadyState as WebSocketReadyState
from runtime.api.voxengine import VoxEngine as VoxEngine
from runtime.api.voxengine import require as require
from runtime.api.websocket import WebSocket as WebSocket

__all__ = [
    "AMD",
    "ASR",
    "IVR",
    "ASRDictionary",
    "ASREvents",
    "ASRLanguage",
    "ASRModel",
    "ASRModelList",
    "ASRProfileList",
    "Answered",
    "AppEvents",
    "ApplicationStorage",
    "Bridge",
    "BridgeReason",
    "Bridged",
    "Call",
    "CallAudioQuality",
    "CallEvents",
    "CallList",
    "CallState",
    "CommandFailed",
    "Conference",
    "ConferenceDirection",
    "ConferenceEvents",
    "ConferenceMode",
    "Crypto",
    "DTMFType",
    "Endpoint",
    "FirstAnswered",
    "GatherReason",
    "Gathered",
    "Handle",
    "HttpHeader",
    "HttpHeaders",
    "HttpRequestOptions",
    "HttpRequestResult",
    "IVRState",
    "KeyList",
    "KeyValue",
    "Language",
    "LimitReached",
    "Logger",
    "Modules",
    "Net",
    "NoSession",
    "NobodyAnswered",
    "PhoneNumber",
    "PhoneNumberInfo",
    "PlaybackOutcome",
    "Player",
    "PlayerEvents",
    "RecordExpireTime",
    "Recorder",
    "RecorderEvents",
    "SendMailResult",
    "SequencePlayer",
    "SequencePlayerEvents",
    "SessionOver",
    "TranscriptionProvider",
    "VoiceList",
    "VoxEngine",
    "WebSocket",
    "WebSocketAudioEncoding",
    "WebSocketEvents",
    "WebSocketReadyState",
    "bridge",
    "clearInterval",
    "clearTimeout",
    "first_answered",
    "require",
    "setInterval",
    "setTimeout",
]
