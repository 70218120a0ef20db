"""Names of voices, languages and recognisers, as scripts for VoxEngine have them."""

from __future__ import annotations

import pytest

from runtime import (
    AppEvents,
    ASRDictionary,
    ASRLanguage,
    ASRModel,
    ASRModelList,
    ASRProfileList,
    CallAudioQuality,
    ConferenceEvents,
    Language,
    RecorderEvents,
    TranscriptionProvider,
    VoiceList,
)
from runtime.api.event_constants import constants


@pytest.mark.parametrize(
    ("voice", "means"),
    [
        (VoiceList.Amazon.en_US_Joanna, "en-US"),
        (VoiceList.Amazon.Neural.en_GB_Amy, "en-GB"),
        (VoiceList.Microsoft.Neural.zh_CN_henan_YundengNeural, "zh-CN"),
        (VoiceList.Google.es_419_Wavenet_A, "es-419"),
        (VoiceList.YandexV3.ru_RU_dasha, "ru-RU"),
        (VoiceList.Default.en_US_Female, "en-US"),
        (Language.US_ENGLISH_FEMALE, "en-US+female"),
        (Language.UK_ENGLISH_MALE, "en-GB+male"),
        (Language.EU_SPANISH_FEMALE, "es+female"),
        (Language.Premium.RU_RUSSIAN_FEMALE, "ru-RU+female"),
    ],
)
def test_a_voice_is_the_language_in_its_name(voice: str, means: str) -> None:
    assert voice == means


@pytest.mark.parametrize(
    ("name", "means"),
    [
        (ASRLanguage.ENGLISH_US, "en-US"),
        (ASRLanguage.ENGLISH_UK, "en-GB"),
        (ASRLanguage.CHINESE_TW, "cmn-Hant-TW"),
        (ASRLanguage.NORWEGIAN_NO, "nb-NO"),
        (ASRProfileList.Google.en_US, "en-US"),
        (ASRProfileList.Google.cmn_Hans_CN, "cmn-Hans-CN"),
        (ASRProfileList.Deepgram.ru, "ru"),
        (ASRProfileList.YandexV3.auto, "auto"),
        (ASRModelList.Google.phone_call, "phone_call"),
        (ASRModel.PHONE_CALL, "phone_call"),
        (ASRDictionary.NUMBERS_RU, "NUMBERS_RU"),
        (TranscriptionProvider.TBANK, "tcs"),
        (CallAudioQuality.HD, "HD"),
    ],
)
def test_a_name_for_recognisers_has_the_value_that_they_are_told(name: str, means: str) -> None:
    assert name == means


@pytest.mark.parametrize(
    ("space", "name", "message"),
    [
        (VoiceList.Amazon, "Joanna", "voices are named by language and region first"),
        (VoiceList.Amazon.Neural, "Joanna", "as en_US_Joanna"),
        (Language, "US_ENGLISH", "Language has no voice 'US_ENGLISH': .* as US_ENGLISH_FEMALE"),
        (Language, "US_KLINGON_MALE", "as US_ENGLISH_FEMALE"),
        (ASRLanguage, "ENGLISH", "with their country, as ENGLISH_US$"),
        (ASRLanguage, "ENGLSH_US", "there is no language 'ENGLSH': did you mean 'ENGLISH'"),
        (ASRProfileList.Google, "EN", "voices are named by language"),
        (ASRModelList, "Gogle", "did you mean 'Google'"),
    ],
)
def test_a_name_that_means_nothing_says_how_they_are_made(
    space: object, name: str, message: str
) -> None:
    with pytest.raises(AttributeError, match=message):
        getattr(space, name)


def test_constants_of_events_are_named_as_in_voxengine() -> None:
    assert constants(AppEvents)[AppEvents.WebSocket] == "WebSocket"
    assert constants(RecorderEvents)[RecorderEvents.RecorderError] == "RecorderError"
    assert constants(ConferenceEvents)[ConferenceEvents.ConferenceError] == "ConferenceError"


def test_the_names_that_our_scripts_had_first_are_the_same_events() -> None:
    assert AppEvents.NewWebSocketConnection is AppEvents.WebSocket
    assert RecorderEvents.Error is RecorderEvents.RecorderError
    assert ConferenceEvents.Error is ConferenceEvents.ConferenceError
