"""The embedded recogniser's process: pocketsphinx behind a link, one utterance at a time.

A process of its own because the library keeps the interpreter's lock while it computes, and reads
what strangers say. Everything it needs is loaded before its locks; an utterance comes as sealed
memory. How sure it is, is the score of the best phrase against that of any row of English sounds.
`python -m runtime.recognition.sphinx`
"""

from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pocketsphinx

from runtime.decisions.hints import HintsRefused, Phrase, grammar_of, phrases_wanted, unknown_words
from runtime.media.pcm import PcmBuffer, PcmError, Samples
from runtime.processes.confine import Confinement
from runtime.processes.entering import enter_child, leave
from runtime.processes.locking import lock_for_good
from runtime.processes.packets import LinkClosed
from runtime.sandbox.profiles import DECODER

MEMORY_BYTES: Final = 192 * 1024 * 1024
"""Over the size at start: the longest utterance and the largest grammar take a tenth of it."""
CONFINEMENT: Final = Confinement(profile=DECODER, memory_bytes=MEMORY_BYTES)

LEVEL: Final = 2500.0
"""RMS to which speech is brought: the middle of what the model was trained with."""
NOISE: Final = 0.1
"""Of LEVEL, mixed in. Digital silence, and nothing above 4 kHz, as on telephone lines, are nothing
that the model has ever heard: with it 56 of 56 phrases are understood, without it 37."""
LOUD: Final = 0.02
"""Part of the peak from which on a sample counts as speech."""
SEED: Final = 1
"""The same utterance always has the same noise, and so the same result."""

GRAMMAR: Final = "hints"
SOUNDS: Final = "sounds"
"""The two searches of an utterance."""
SURE: Final = -60.0
SLOPE: Final = 40.0
"""Where the difference of scores per frame, in 1e-5, means 50 % and how fast it grows."""
NOTHING: Final = -150.0
"""Below it something else was said: no phrase that was right was ever so low (lowest: -129)."""
_PAUSES: Final = ("<", "[", "++")
"""How the names of fillers begin."""

Wave = npt.NDArray[np.float64]


class Sphinx:
    """The decoder with its English model; each utterance is judged by itself."""

    def __init__(self) -> None:
        model = Path(pocketsphinx.get_model_path()) / "en-us"
        self._decoder = pocketsphinx.Decoder(
            hmm=str(model / "en-us"),
            dict=str(model / "cmudict-en-us.dict"),
            lm=None,
            loglevel="FATAL",
        )
        self._decoder.add_allphone_file(SOUNDS, str(model / "en-us-phone.lm.bin"))
        self._phrases: tuple[Phrase, ...] = ()

    def knows(self, word: str) -> bool:
        return self._decoder.lookup_word(word) is not None

    def prepare(self, phrases: tuple[Phrase, ...]) -> list[str]:
        """Tell these apart from now on; the words that the dictionary lacks, whose phrases are
        left out. Raises HintsRefused when none is left."""
        unknown = unknown_words(phrases, self.knows)
        left = tuple(each for each in phrases if not set(each.words) & set(unknown))
        if not left:
            raise HintsRefused(
                "the embedded recogniser's dictionary has none of the hints; it lacks "
                + ", ".join(unknown)
            )
        if left != self._phrases:
            self._decoder.add_jsgf_string(GRAMMAR, grammar_of(left))
            self._phrases = left
        return unknown

    def understand(self, samples: Samples) -> tuple[str, float]:
        """The phrase that was said, and 0 to 100 for how sure that is; "" when it is none."""
        audio = _prepared(samples).tobytes()
        found, score, frames = self._search(GRAMMAR, audio)
        if not found or not frames:
            return "", 0.0
        _, other, _ = self._search(SOUNDS, audio)
        advantage = (score - other) / frames * 1e5
        text = next((each.text for each in self._phrases if " ".join(each.words) == found), "")
        if not text or advantage < NOTHING:
            return "", 0.0
        return text, round(100 / (1 + math.exp(-(advantage - SURE) / SLOPE)), 1)

    def _search(self, name: str, audio: bytes) -> tuple[str, float, int]:
        """The best hypothesis, its score, and the frames (10 ms) of its words."""
        decoder = self._decoder
        decoder.activate_search(name)
        decoder.start_utt()
        decoder.process_raw(audio, no_search=False, full_utt=True)
        decoder.end_utt()
        best = decoder.hyp()
        if best is None:
            return "", 0.0, 0
        words = [each for each in decoder.seg() if not each.word.startswith(_PAUSES)]
        return best.hypstr, best.score, sum(w.end_frame - w.start_frame + 1 for w in words)


def _prepared(samples: Samples) -> Samples:
    """At the level and with the noise of LEVEL and NOISE."""
    wave: Wave = samples.astype(np.float64)
    loud = wave[np.abs(wave) > LOUD * np.abs(wave).max(initial=0.0)]
    if len(loud):
        wave *= LEVEL / math.sqrt(float(np.mean(loud**2)))
    wave += np.random.default_rng(SEED).normal(0.0, LEVEL * NOISE, len(wave))
    prepared: Samples = np.clip(wave, -32768, 32767).astype(np.int16)
    return prepared


def main() -> None:
    link = enter_child()
    sphinx = Sphinx()
    # What Python and the library load late is loaded now.
    sphinx.prepare(phrases_wanted({"phraseHints": ["yes", "no"]}))
    sphinx.understand(np.zeros(8000, np.int16))
    report = lock_for_good(CONFINEMENT)
    with contextlib.suppress(LinkClosed):
        link.send({"state": "ready", "sandbox": report.to_json()})
        while True:
            request, descriptors = link.receive()
            link.send(_answer(sphinx, request, descriptors))
    leave()


def _answer(sphinx: Sphinx, request: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
    """`wishes` alone: which words are unknown; with the memory of an utterance: what was said."""
    try:
        unknown = sphinx.prepare(phrases_wanted(request["wishes"]))
        if not descriptors:
            return {"state": "prepared", "unknown": unknown}
        pcm = PcmBuffer.attach(descriptors[0])
        try:
            text, confidence = sphinx.understand(pcm.samples[: pcm.valid_samples].reshape(-1))
        finally:
            pcm.close()
    except (HintsRefused, PcmError) as exc:
        return {"state": "failed", "error": str(exc)}
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    return {"state": "understood", "text": text, "confidence": confidence}


if __name__ == "__main__":
    main()
