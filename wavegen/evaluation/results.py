"""Results of scoring, comparing and quantizing, which the commands print as JSON."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from wavegen.models.forms import PictureShape


class BitsPerSample(TypedDict):
    """Bits per sample with their 95 % bootstrap interval over files, None for one file."""

    bits_per_sample: float
    low: float | None
    high: float | None


class Nats(TypedDict):
    """Mean nats per picture with their 95 % bootstrap interval over pictures, and bits per dimension."""

    nats: float
    low: float | None  # nats
    high: float | None
    bits_per_dimension: float


class Origin(TypedDict):
    """The training of a model, and hashes of its weights and corpus; None where its file does not know."""

    training_seconds: float | None
    samples_seen: int | None
    steps: int | None
    seed: int | None
    weights_hash: str | None
    corpus_fingerprint: str | None


class Provenance(Origin):
    """Size, cost and origin of a model."""

    parameters: int
    macs_per_sample: int  # multiply-adds
    model_bytes: int  # of the weights
    precision: str  # of the layers


class RowProvenance(Origin):
    """Size, cost and origin of a row of a comparison; all None for a baseline and the true density."""

    parameters: int | None
    macs_per_sample: int | None
    model_bytes: int | None
    precision: str | None


class ScoredModel(Provenance):
    """The model of a score."""

    path: NotRequired[str]  # as given to `wavegen score`


class Refused(TypedDict):
    """A file of a folder that was left out."""

    file: str
    reason: str


class BesideFlac(TypedDict):
    """A model's bits per sample beside FLAC's."""

    bits_per_sample: float
    flac_bits_per_sample: float
    above_flac: float | None  # the model's less FLAC's; None for bits given a condition, which FLAC is not told


class ScoredFile(BesideFlac):
    """The bits of one recording; with windows also of each window."""

    file: str
    samples: int
    surprisal: NotRequired[list[float]]  # bits per sample of each window
    flac_surprisal: NotRequired[list[float]]
    surprisal_above_flac: NotRequired[list[float]]


class ScoreTotals(BitsPerSample, BesideFlac):
    """The bits of all recordings together."""

    samples: int


class ScoreResult(ScoreTotals):
    """The JSON of `wavegen score`."""

    unit: str
    engine: str
    precision: str
    condition: str | None  # what the model is given; None for nothing
    files: list[ScoredFile]
    sample_rate: int  # Hz
    model: ScoredModel
    warnings: list[str]
    refused: list[Refused]
    seconds: float
    window: NotRequired[float]  # seconds


class ScoredPicture(TypedDict):
    """The nats of one picture."""

    file: str
    nats: float
    bits_per_dimension: float


class PictureScoreResult(Nats):
    """The JSON of `wavegen score` of pictures."""

    unit: str
    precision: str
    files: list[ScoredPicture]
    pictures: int
    model: ScoredModel
    warnings: list[str]
    refused: list[Refused]
    seconds: float


class ComparisonRow(BitsPerSample, RowProvenance):
    """A model under one condition, a baseline or the true density over all files."""

    name: str
    kind: str  # "model", "baseline" or "truth"
    model: str | None  # the model's name; None for others
    given: str | None  # what it is given, in the words of `given`; None for others
    condition: str | None  # the same in full; None for nothing: only rows of one condition are ranked
    bits_per_symbol: float | None  # of models with fewer than 65 536 symbols
    num_symbols: int | None
    compressed_bits_per_sample: NotRequired[float | None]  # with proof; None for baselines


class Difference(BitsPerSample):
    """Row `a` less row `b`, paired over the same files."""

    a: str
    b: str
    meaning: str  # "difference", or "KL divergence" where b is the true density


class Missing(TypedDict):
    """A baseline that did not run."""

    name: str
    why: str


class CompareResult(TypedDict):
    """The JSON of `wavegen compare`."""

    unit: str
    split: str
    files: int
    samples: int
    rows: list[ComparisonRow]  # the best first; those with a condition follow, each condition by itself
    differences: list[Difference]
    missing: list[Missing]
    mu_law_corpus: bool  # whether the files hold the codes of G.711 only
    warnings: list[str]
    sample_rate: int  # Hz
    corpus: str
    corpus_fingerprint: str
    seconds: float


class PictureRow(Nats, RowProvenance):
    """A model or the baseline over all pictures."""

    name: str
    kind: str  # "model" or "baseline"
    pictures_seen: int | None  # in training


class PictureDifference(Nats):
    """Row `a` less row `b`, paired over the same pictures."""

    a: str
    b: str


class PictureCompareResult(TypedDict):
    """The JSON of `wavegen compare` of pictures."""

    unit: str
    split: str
    pictures: int
    picture_shape: PictureShape
    rows: list[PictureRow]  # the best first
    differences: list[PictureDifference]
    corpus: str
    corpus_fingerprint: str
    seconds: float


class FeaturesResult(TypedDict):
    """The JSON of `wavegen features`."""

    file: str
    recordings: int
    rows: int  # windows
    channels: int
    condition: str | None  # what the model is given; None for nothing
    warnings: list[str]
    refused: list[Refused]


class MelFile(TypedDict):
    """One file of `wavegen mel`: what was written, its recording, and how long both are."""

    file: str
    source: str
    samples: int
    frames: int


class MelSettings(TypedDict):
    """Settings of frames; `channels` counts the numbers of a frame, F0 included."""

    convention: str
    sample_rate: int
    hop: int
    n_fft: int
    win_length: int
    bands: int
    fmin: int
    fmax: int
    f0: bool
    channels: int


class MelResult(TypedDict):
    """The JSON of `wavegen mel`."""

    files: list[MelFile]
    settings: MelSettings
    warnings: list[str]
    refused: list[Refused]
    skipped: NotRequired[list[str]]  # outputs in a folder that were there already


class RoundedBits(TypedDict):
    """The bits with rounded weights, by their precision."""

    bfloat16: NotRequired[BitsPerSample]
    int8: NotRequired[BitsPerSample]


class QuantizeResult(RoundedBits):
    """The JSON of `wavegen quantize`; one of `bfloat16` and `int8` is there, the other precision is not."""

    out: str
    precision: str
    split: str
    condition: str | None  # what the model is given; None for nothing
    files: int
    samples: int
    float32: BitsPerSample
    cost: BitsPerSample  # the paired difference
