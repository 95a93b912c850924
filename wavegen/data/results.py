"""Audits of corpora, returned by `prepare` and `prepare_pictures` and kept in corpus.json."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from wavegen.audio.examination.findings import FindingGroup
from wavegen.models.forms import PictureShape


class SplitSize(TypedDict):
    """The size of a split; `digital_silence` is a share of its samples, absent from audits made before it was told."""

    files: int
    samples: int
    minutes: float
    digital_silence: NotRequired[float]


class CutSize(TypedDict):
    """The cut of recordings: the length of pieces in `seconds`, and the number of `recordings`."""

    seconds: float
    recordings: int


class PartSize(TypedDict):
    """A part of a known corpus: files and speakers found, and how many there are officially, None if unknown."""

    part: str
    files: int
    official_files: int | None
    speakers: int
    official_speakers: int | None


class LayoutCensus(TypedDict):
    """A known corpus against its official numbers; `differences` are sentences."""

    name: str
    parts: list[PartSize]
    untranscribed: int
    differences: list[str]


class RefusedFile(TypedDict):
    """A file that was not used; `reason` is a sentence that starts with its name."""

    file: str
    reason: str


class AuditFigures(TypedDict):
    """Figures of all recordings of a corpus together.

    Shares (`digital_silence`, `clipping`) are of all samples, `peak` is of full scale, `dc` is the mean of the files'
    |mean| in PCM codes. `clipped_on_reading` counts samples beyond full scale that were set to the nearest code.
    `duplicates` are groups of ids with the same samples; `lossy`, `resampled`, `upsampled` and `mixed_to_mono` count
    files; `source_rates` and `subtypes` count files by sample rate and by coding. `bits` is what the codes' histogram
    looks like if that is less than 16, else None. `warnings` are sentences, those of `findings` among them.
    """

    sample_rate: int
    files: int
    samples: int
    minutes: float
    splits: dict[str, SplitSize]
    peak: float
    digital_silence: float
    clipping: float
    clipped_on_reading: int
    dc: float
    distinct_codes: int
    duplicates: list[list[str]]
    lossy: int
    resampled: int
    upsampled: int
    mixed_to_mono: int
    source_rates: dict[str, int]
    subtypes: dict[str, int]
    refused: list[RefusedFile]
    findings: list[FindingGroup]
    bits: float | None
    warnings: list[str]


class AuditOrigin(TypedDict, total=False):
    """The part of an audit that tells where the recordings came from, each where there is something to tell."""

    cut: CutSize
    layout: LayoutCensus


class Audit(AuditFigures, AuditOrigin):
    """The contents of a corpus of sound and its oddities: the JSON of `wavegen prepare`.

    `split_by` is "file", "speaker", "time" or "official"; `near_duplicates` are pairs of ids in different splits that
    hold one sound; `passed_over` counts files that were not read by suffix; `cut` is there if recordings were cut,
    `layout` for a known corpus. `advice` names options of `prepare` that would give larger held-out splits, or is
    None. Audits in older corpora lack keys.
    """

    split_by: str
    near_duplicates: list[list[str]]
    speakers: int
    passed_over: dict[str, int]
    advice: str | None


class PictureSplit(TypedDict):
    """The size of a split."""

    pictures: int


class PictureAudit(TypedDict):
    """The contents of a corpus of pictures: the JSON of `wavegen prepare mnist`.

    `mean_level` is from 0 to levels − 1; `commonest_level` is the share of the most frequent level. `duplicates` are
    pairs of ids of pictures that were the same before levels were drawn.
    """

    picture_shape: PictureShape
    pictures: int
    splits: dict[str, PictureSplit]
    mean_level: float
    commonest_level: float
    duplicates: list[list[str]]
