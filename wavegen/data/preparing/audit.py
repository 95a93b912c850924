"""Gathers the figures of a corpus, and words them with their warnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from wavegen.audio.examination import Findings
from wavegen.audio.examination.depth import bits_of
from wavegen.audio.examination.findings import AnyFigures
from wavegen.audio.files import Audio, count_codes
from wavegen.data.preparing.audit_lines import (
    count_line,
    duplicate_lines,
    passed_over_lines,
    refused_lines,
    speaker_lines,
)
from wavegen.data.results import Audit, AuditFigures, RefusedFile, SplitSize
from wavegen.data.splits import SPLITS

MUCH_SILENCE = 0.05
JUDGED = {"few bits", "quiet", "quiet before rounding"}  # files; if none is, they may each be too short to tell


class Auditor:
    """Gathers figures from recordings one after the other; memory does not grow with their length."""

    def __init__(self) -> None:
        self.counts = np.zeros(65536, np.int64)
        self.silent = self.clipped = self.lossy = self.resampled = self.upsampled = self.mixed = 0
        self.offsets = 0.0  # the sum of the files' |mean|
        self.findings = Findings()
        self.source_rates: Counter[int] = Counter()
        self.subtypes: Counter[str] = Counter()
        self.refused: list[RefusedFile] = []

    def add(self, name: str, audio: Audio) -> None:
        self.count(audio.pcm)
        self.add_figures(name, audio.figures)

    def count(self, pcm: np.ndarray) -> None:
        self.counts += count_codes(pcm)

    def add_figures(self, name: str, found: AnyFigures) -> None:
        """The figures of the recording `name`, whose codes are counted apart."""
        self.findings.add(name, found)
        self.offsets += abs(found["mean"])
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
    ) -> AuditFigures:
        """The figures of all recordings, `files` and `samples` being those of each split, `duplicates` groups of ids.

        Shares are of all samples, `peak` of full scale, `dc` the mean of the files' |mean| in PCM codes. `findings`
        has for each kind of oddity of single files its `kind`, the number of `files`, the first `names` and the
        `warning` that is also among `warnings`.
        """
        total = int(self.counts.sum())
        codes = np.arange(-32768, 32768)
        used = codes[self.counts > 0]
        rails = int(self.counts[0] + self.counts[-1])
        audit: AuditFigures = {
            "sample_rate": sample_rate,
            "files": sum(files.values()),
            "samples": total,
            "minutes": total / sample_rate / 60,
            "splits": {name: _size(files.get(name, 0), samples.get(name, 0), sample_rate) for name in SPLITS},
            "peak": int(np.abs(used).max()) / 32768,
            "digital_silence": self.silent / total,
            "clipping": rails / total,
            "clipped_on_reading": self.clipped,
            "dc": self.offsets / self.findings.files,
            "distinct_codes": len(used),
            "duplicates": duplicates,
            "lossy": self.lossy,
            "resampled": self.resampled,
            "upsampled": self.upsampled,
            "mixed_to_mono": self.mixed,
            "source_rates": {str(rate): n for rate, n in sorted(self.source_rates.items())},
            "subtypes": dict(sorted(self.subtypes.items())),
            "refused": self.refused,
            "findings": self.findings.listed(),
            "bits": bits_of(self.counts),
            "warnings": [],
        }
        audit["warnings"] = warnings(audit)
        return audit


def _size(files: int, samples: int, sample_rate: int) -> SplitSize:
    return {"files": files, "samples": samples, "minutes": samples / sample_rate / 60}


def warnings(audit: AuditFigures) -> list[str]:
    """Cautions for a likelihood on this corpus, a sentence each."""
    found = []
    found += [finding["warning"] for finding in audit["findings"]]
    kinds = {finding["kind"] for finding in audit["findings"]}
    if audit["digital_silence"] > MUCH_SILENCE:
        found.append(f"{audit['digital_silence']:.1%} of the samples are digital silence, which costs next to no bits")
    if audit["bits"] is not None and not kinds & JUDGED:
        found.append(f"{audit['distinct_codes']} of 65536 codes occur, as of a source of {audit['bits']:.0f} bits")
    return found


def describe(audit: Audit) -> str:
    """The audit for a person to read, several lines."""
    splits = audit["splits"]
    unit = "pieces" if "cut" in audit else "files"
    lines = [
        f"{count_line(audit)}, {audit['minutes']:.1f} minutes, {audit['sample_rate']} Hz ("
        + ", ".join(f"{name} {splits[name]['files']} {unit} {splits[name]['minutes']:.1f} min" for name in SPLITS)
        + ")",
        f"peak {audit['peak']:.3f} of full scale, digital silence {audit['digital_silence']:.1%}, "
        f"clipping {audit['clipping']:.3%}, DC {audit['dc']:.1f} codes, {audit['distinct_codes']} of 65536 codes",
    ]
    lines += [*speaker_lines(audit), *duplicate_lines(audit)]
    if audit["resampled"] or audit["mixed_to_mono"]:
        lines.append(f"{audit['resampled']} files resampled, {audit['mixed_to_mono']} mixed to mono")
    lines += [f"warning: {warning}" for warning in audit["warnings"]]
    return "\n".join([*lines, *passed_over_lines(audit), *refused_lines(audit)])
