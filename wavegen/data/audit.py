"""What a corpus holds and what is odd about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from wavegen.audio import Audio, count_codes
from wavegen.data.audit_lines import count_line, duplicate_lines, passed_over_lines, refused_lines, speaker_lines
from wavegen.data.splits import SPLITS

SILENCE_SECONDS = 0.01  # zeros in a row that make digital silence; in quiet speech shorter runs happen
MUCH_SILENCE = 0.05
MUCH_CLIPPING = 1e-4
MUCH_DC = 128  # PCM codes, 0.4 % of full scale
FEW_CODES = 256


class Audit:
    """Gathers figures from recordings one after the other; memory does not grow with their length."""

    def __init__(self) -> None:
        self.counts = np.zeros(65536, np.int64)
        self.silent = self.clipped = self.lossy = self.resampled = self.upsampled = self.mixed = 0
        self.source_rates: Counter[int] = Counter()
        self.subtypes: Counter[str] = Counter()
        self.refused: list[dict[str, str]] = []

    def add(self, audio: Audio) -> None:
        self.count(audio.pcm)
        self.add_figures(figures(audio))

    def count(self, pcm: np.ndarray) -> None:
        self.counts += count_codes(pcm)

    def add_figures(self, found: Mapping[str, Any]) -> None:
        """What `figures` found in a recording, whose codes are counted apart."""
        self.silent += found["silent"]
        self.clipped += found["clipped"]
        self.lossy += found["lossy"]
        self.resampled += found["source_rate"] != found["sample_rate"]
        self.upsampled += found["source_rate"] < found["sample_rate"]
        self.mixed += found["channels"] > 1
        self.source_rates[found["source_rate"]] += 1
        self.subtypes[found["subtype"]] += 1

    def refuse(self, file: str, reason: str) -> None:
        self.refused.append({"file": file, "reason": reason})

    def summary(
        self, sample_rate: int, files: Mapping[str, int], samples: Mapping[str, int], duplicates: list[list[str]]
    ) -> dict[str, Any]:
        """The audit as JSON, `files` and `samples` being those of each split, `duplicates` groups of ids.

        Shares are of all samples, `peak` of full scale, `dc` in PCM codes.
        """
        total, codes = int(self.counts.sum()), np.arange(-32768, 32768)
        used = codes[self.counts > 0]
        rails = int(self.counts[0] + self.counts[-1])
        audit = {
            "sample_rate": sample_rate,
            "files": sum(files.values()),
            "samples": total,
            "minutes": total / sample_rate / 60,
            "splits": {
                name: {
                    "files": files.get(name, 0),
                    "samples": samples.get(name, 0),
                    "minutes": samples.get(name, 0) / sample_rate / 60,
                }
                for name in SPLITS
            },
            "peak": int(np.abs(used).max()) / 32768,
            "digital_silence": self.silent / total,
            "clipping": rails / total,
            "clipped_on_reading": self.clipped,
            "dc": float(self.counts @ codes) / total,
            "distinct_codes": len(used),
            "duplicates": duplicates,
            "lossy": self.lossy,
            "resampled": self.resampled,
            "upsampled": self.upsampled,
            "mixed_to_mono": self.mixed,
            "source_rates": {str(rate): n for rate, n in sorted(self.source_rates.items())},
            "subtypes": dict(sorted(self.subtypes.items())),
            "refused": self.refused,
        }
        return audit | {"warnings": warnings(audit)}


def figures(audio: Audio) -> dict[str, Any]:
    """What an audit gathers of a recording besides its codes, as JSON."""
    return {
        "silent": silent_samples(audio.pcm, max(2, round(SILENCE_SECONDS * audio.sample_rate))),
        "clipped": audio.clipped,
        "lossy": audio.lossy,
        "sample_rate": audio.sample_rate,
        "source_rate": audio.source_rate,
        "channels": audio.channels,
        "subtype": audio.subtype,
    }


def silent_samples(pcm: np.ndarray, shortest: int) -> int:
    """How many samples of `pcm`, (samples,) int16, lie in runs of at least `shortest` exact zeros."""
    edges = np.diff(pcm == 0, prepend=False, append=False).nonzero()[0]
    runs = edges[1::2] - edges[::2]
    return int(runs[runs >= shortest].sum())


def warnings(audit: dict[str, Any]) -> list[str]:
    """What a user should know before trusting a likelihood on this corpus, a sentence each."""
    found = []
    if audit["lossy"]:
        found.append(f"{audit['lossy']} files were coded with loss: likelihoods of lossy sources measure their decoder")
    if audit["upsampled"]:
        found.append(f"{audit['upsampled']} files had a lower sample rate: their empty upper band is easy to predict")
    if audit["digital_silence"] > MUCH_SILENCE:
        found.append(f"{audit['digital_silence']:.1%} of the samples are digital silence, which costs next to no bits")
    if audit["clipping"] > MUCH_CLIPPING or audit["clipped_on_reading"]:
        found.append(f"{audit['clipping']:.2%} of the samples are clipped; record or convert at a lower level")
    if abs(audit["dc"]) > MUCH_DC:
        found.append(f"the mean is {audit['dc']:+.0f} codes, not zero: the recordings have a DC offset")
    if audit["distinct_codes"] <= FEW_CODES:
        found.append(f"only {audit['distinct_codes']} of 65536 codes occur: the source has fewer than 16 bits")
    return found


def describe(audit: dict[str, Any]) -> str:
    """The audit for a person to read, several lines."""
    splits = audit["splits"]
    unit = "pieces" if "cut" in audit else "files"
    lines = [
        f"{count_line(audit)}, {audit['minutes']:.1f} minutes, {audit['sample_rate']} Hz ("
        + ", ".join(f"{name} {splits[name]['files']} {unit} {splits[name]['minutes']:.1f} min" for name in SPLITS)
        + ")",
        f"peak {audit['peak']:.3f} of full scale, digital silence {audit['digital_silence']:.1%}, "
        f"clipping {audit['clipping']:.3%}, DC {audit['dc']:+.1f} codes, {audit['distinct_codes']} of 65536 codes",
    ]
    lines += [*speaker_lines(audit), *duplicate_lines(audit)]
    if audit["resampled"] or audit["mixed_to_mono"]:
        lines.append(f"{audit['resampled']} files resampled, {audit['mixed_to_mono']} mixed to mono")
    lines += [f"warning: {warning}" for warning in audit["warnings"]]
    return "\n".join([*lines, *passed_over_lines(audit), *refused_lines(audit)])
