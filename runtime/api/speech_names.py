"""Names of voices, languages and recognisers: VoiceList, Language, ASRProfileList and their kin.

The lists of VoxEngine are long, grow with every provider and follow a pattern. The pattern is kept
here instead of the lists: a name says which language it means, and that language is its value. None
of the providers is here; whatever is asked for is spoken by the voice of the same language, and
told to the operator's recogniser.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from runtime.api.names import MAX_SHOWN, NamespaceType, unknown

_PROVIDER_VOICE: Final = re.compile(
    r"(?P<language>[a-z]{2,3})(?:_(?P<script>[A-Z][a-z]{3}))?_(?P<region>[A-Z]{2}|[0-9]{3})(?:_\w+)?"
)
"""BCP 47 with underscores, then the voice: en_US_Joanna, es_419_Wavenet_A, cmn_Hans_CN."""
_PROFILE: Final = re.compile(r"[a-z]{2,3}|auto|multi")
"""Profiles of a language wherever it is spoken, and of whatever is spoken."""
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_MODEL: Final = re.compile(r"[A-Za-z]\w*")

LANGUAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "AFRIKAANS": "af",
        "AMHARIC": "am",
        "ARABIC": "ar",
        "ARMENIAN": "hy",
        "AZERBAIJANI": "az",
        "BASQUE": "eu",
        "BENGALI": "bn",
        "BULGARIAN": "bg",
        "CANTONESE": "yue",
        "CATALAN": "ca",
        "CHINESE": "cmn",
        "CROATIAN": "hr",
        "CZECH": "cs",
        "DANISH": "da",
        "DUTCH": "nl",
        "ENGLISH": "en",
        "FARSI": "fa",
        "FILIPINO": "fil",
        "FINNISH": "fi",
        "FRENCH": "fr",
        "GALICIAN": "gl",
        "GEORGIAN": "ka",
        "GERMAN": "de",
        "GREEK": "el",
        "GUJARATI": "gu",
        "HEBREW": "he",
        "HINDI": "hi",
        "HUNGARIAN": "hu",
        "ICELANDIC": "is",
        "INDONESIAN": "id",
        "ITALIAN": "it",
        "JAPANESE": "ja",
        "JAVANESE": "jv",
        "KANNADA": "kn",
        "KHMER": "km",
        "KOREAN": "ko",
        "LAO": "lo",
        "LATVIAN": "lv",
        "LITHUANIAN": "lt",
        "MALAY": "ms",
        "MALAYALAM": "ml",
        "MALAYSIA": "ms",
        "MARATHI": "mr",
        "NEPALI": "ne",
        "NORWEGIAN": "nb",
        "POLISH": "pl",
        "PORTUGUES": "pt",
        "PORTUGUESE": "pt",
        "ROMANIAN": "ro",
        "RUSSIAN": "ru",
        "SERBIAN": "sr",
        "SINHALA": "si",
        "SLOVAK": "sk",
        "SLOVENIAN": "sl",
        "SPANISH": "es",
        "SUNDANESE": "su",
        "SWAHILI": "sw",
        "SWEDISH": "sv",
        "TAMIL": "ta",
        "TELUGU": "te",
        "THAI": "th",
        "TURKISH": "tr",
        "UKRAINIAN": "uk",
        "URDU": "ur",
        "VIETNAMESE": "vi",
        "ZULU": "zu",
    }
)
"""As VoxEngine spells them in Language and ASRLanguage -> ISO 639; MALAYSIA and PORTUGUES too."""
_COUNTRIES: Final[Mapping[str, str]] = MappingProxyType({"UK": "GB", "SW": "SE"})
"""Where VoxEngine's letters of a country are not those of ISO 3166."""
_SCRIPTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "CANTONESE_HK": "yue-Hant-HK",
        "CHINESE_CN": "cmn-Hans-CN",
        "CHINESE_HK": "cmn-Hans-HK",
        "CHINESE_TW": "cmn-Hant-TW",
    }
)
"""Languages of ASRLanguage that are written in a script of the place."""
_EUROPE: Final = ("EU", "EUR")
"""In Language: the language as it is spoken where it comes from."""


class ProviderType(NamespaceType):
    """A provider's voices: any name that begins with language and region means that language."""

    def __getattr__(cls, name: str) -> str:
        match = _PROVIDER_VOICE.fullmatch(name)
        if match is None:
            raise AttributeError(
                f"{cls.__name__} has no voice {name[:MAX_SHOWN]!r}: voices are named by language "
                "and region first, as en_US_Joanna"
            )
        return "-".join(part for part in match.group("language", "script", "region") if part)


class NeuralVoices(metaclass=ProviderType):
    """The better voices of a provider, VoiceList.Amazon.Neural.en_US_Joanna and the like."""


class ProviderVoices(metaclass=ProviderType):
    """Voices of providers that VoxEngine knows, Google.en_US_Wavenet_A and the like.

    None of them is here: the offline voice of the same language speaks.
    """

    Neural = NeuralVoices


class OfflineVoices(metaclass=NamespaceType):
    """Voices that need no account and no network."""

    en_US: Final = "en-US"
    en_GB: Final = "en-GB"
    de_DE: Final = "de-DE"
    es_ES: Final = "es-ES"
    fr_FR: Final = "fr-FR"
    it_IT: Final = "it-IT"
    nl_NL: Final = "nl-NL"
    pl_PL: Final = "pl-PL"
    pt_BR: Final = "pt-BR"
    ru_RU: Final = "ru-RU"


class VoiceList(metaclass=NamespaceType):
    """Values for the `voice` option of say and createTTSPlayer. VoxEngine reference: VoiceList."""

    _later = frozenset({"ElevenLabs"})

    Amazon = ProviderVoices
    Default = ProviderVoices
    Google = ProviderVoices
    IBM = ProviderVoices
    Microsoft = ProviderVoices
    Offline = OfflineVoices
    SaluteSpeech = ProviderVoices
    TBank = ProviderVoices
    Tinkoff = ProviderVoices
    Yandex = ProviderVoices
    YandexV3 = ProviderVoices


class LanguageType(NamespaceType):
    """Voices by country, language and gender: US_ENGLISH_FEMALE."""

    def __getattr__(cls, name: str) -> str:
        country, _, rest = name.partition("_")
        word, _, gender = rest.partition("_")
        language = LANGUAGES.get(word)
        if language is None or gender not in ("FEMALE", "MALE"):
            raise AttributeError(
                f"{cls.__name__} has no voice {name[:MAX_SHOWN]!r}: they are named by country, "
                "language and gender, as US_ENGLISH_FEMALE"
            )
        region = "" if country in _EUROPE else f"-{_COUNTRIES.get(country, country)}"
        return f"{language}{region}+{gender.lower()}"


class PremiumLanguage(metaclass=LanguageType):
    """Language.Premium.US_ENGLISH_FEMALE and the like: the same voices."""


class Language(metaclass=LanguageType):
    """The older names of voices, for the `voice` of say and createTTSPlayer: any
    COUNTRY_LANGUAGE_GENDER, as US_ENGLISH_FEMALE; EU is the language of its own country.

    VoxEngine reference: Language, of older versions; newer ones have VoiceList.
    """

    Premium = PremiumLanguage


class ProfileType(ProviderType):
    """What a provider recognises: a language with or without region, or "auto"."""

    def __getattr__(cls, name: str) -> str:
        return name if _PROFILE.fullmatch(name) else super().__getattr__(name)


class ProviderProfiles(metaclass=ProfileType):
    """Languages of a provider: Google.en_US, Google.cmn_Hans_CN, Deepgram.ru, YandexV3.auto."""


class OfflineProfiles(metaclass=NamespaceType):
    """The embedded recogniser, also where the operator has configured another."""

    en_US: Final = "offline:en-US"
    en_GB: Final = "offline:en-GB"


class ASRProfileList(metaclass=NamespaceType):
    """Values for the `profile` option of createASR: languages, whatever the provider.

    VoxEngine reference: ASRProfileList.
    """

    Amazon = ProviderProfiles
    Deepgram = ProviderProfiles
    Google = ProviderProfiles
    Microsoft = ProviderProfiles
    Offline = OfflineProfiles
    SaluteSpeech = ProviderProfiles
    TBank = ProviderProfiles
    Tinkoff = ProviderProfiles
    Yandex = ProviderProfiles
    YandexV3 = ProviderProfiles


class ASRLanguageType(NamespaceType):
    """Languages by name and country: ENGLISH_US."""

    def __getattr__(cls, name: str) -> str:
        word, _, country = name.partition("_")
        language = LANGUAGES.get(word)
        if language is not None and _COUNTRY.fullmatch(country):
            return _SCRIPTS.get(name) or f"{language}-{_COUNTRIES.get(country, country)}"
        close = "" if language else f"; {unknown('there is no language', word, LANGUAGES)}"
        raise AttributeError(
            f"{cls.__name__} has no language {name[:MAX_SHOWN]!r}: they are named with their "
            f"country, as ENGLISH_US{close}"
        )


class ASRLanguage(metaclass=ASRLanguageType):
    """Languages: any LANGUAGE_COUNTRY, as ENGLISH_US (its value is "en-US"), for the `language`
    option of record and createASR. VoxEngine reference: ASRLanguage."""


class ModelType(NamespaceType):
    """Models of a provider: each name is its own value."""

    def __getattr__(cls, name: str) -> str:
        if _MODEL.fullmatch(name) is None:
            raise AttributeError(f"{cls.__name__} has no model {name[:MAX_SHOWN]!r}")
        return name


class ProviderModels(metaclass=ModelType):
    """Google.phone_call, Deepgram.nova2_general and the like: the operator's recogniser is told the
    name."""


class ASRModelList(metaclass=NamespaceType):
    """Values for the `model` option of createASR. VoxEngine reference: ASRModelList."""

    Amazon = ProviderModels
    Deepgram = ProviderModels
    Google = ProviderModels
    Microsoft = ProviderModels
    SaluteSpeech = ProviderModels
    TBank = ProviderModels
    Tinkoff = ProviderModels
    Yandex = ProviderModels
    YandexV3 = ProviderModels


class ASRModel(StrEnum):
    """The older values for the `model` option of createASR. VoxEngine reference: ASRModel."""

    COMMAND_AND_SEARCH = "command_and_search"
    DEFAULT = "default"
    PHONE_CALL = "phone_call"
    VIDEO = "video"


class ASRDictionary(metaclass=ModelType):
    """Values for the `dict` option of record, each name is its own value: recordings are not
    transcribed. VoxEngine reference: ASRDictionary."""


class TranscriptionProvider(StrEnum):
    """Values for the `provider` option of record, which has no effect. VoxEngine reference:
    TranscriptionProvider."""

    GOOGLE = "google"
    TBANK = "tcs"
    YANDEX = "yandex"
