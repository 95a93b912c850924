"""The figures that `Examiner` and `pcm_figures` measure of one recording, as JSON."""

from __future__ import annotations

from typing import TypedDict


class Figures(TypedDict, total=False):
    """The figures of a recording and its file; each part of the examination gives some of the keys.

    Of the file: `channels`, `source_rate` (Hz), `subtype` (libsndfile's name of the coding), `lossy`, `clipped`
    (samples beyond full scale that were set to the nearest code) and `noticed` (oddities of the container, a sentence
    each).

    Of the channels: `identical`; `mixed`, those whose mean is the mono signal; `empty`, those without a signal, both
    counted from 1; `cancelling`, whether two have opposite polarity. `clipped_runs` at full scale and the
    `longest_run` of them in samples; `flat_tops`, runs at a lower peak, and that peak, `flat_peak`, of full scale.
    `bits` is None for 16 or more; `edge` is the share of half the sample rate above which there is no signal, or None;
    `repeated` is how many samples there are for each of a source that was upsampled without a filter, else 1.

    Of the signal: `samples` at `sample_rate` (Hz); `peak`, `mean` and `deviation` in 16-bit codes; `wander`, the
    deviation of the means of each half second; `silent`, samples in runs of digital silence.
    """

    channels: int
    source_rate: int
    subtype: str
    lossy: bool
    clipped: int
    noticed: list[str]

    identical: bool
    mixed: list[int]
    empty: list[int]
    cancelling: bool
    clipped_runs: int
    longest_run: int
    flat_tops: int
    flat_peak: float
    bits: float | None
    edge: float | None
    repeated: int

    samples: int
    sample_rate: int
    peak: int
    mean: float
    deviation: float
    wander: float
    silent: int
