"""Models, baselines and, where it is known, the true density in one table, over the same files."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from wavegen.audio.files import count_codes
from wavegen.compression.files import proven
from wavegen.constants import DIGITS
from wavegen.data.corpus import Corpus, open_corpus
from wavegen.data.preparing.held_out import ENLARGE, split_doubts
from wavegen.data.verification import verify
from wavegen.errors import UserError, nearest
from wavegen.evaluation.baselines import BASELINES
from wavegen.evaluation.baselines.histogram import TrainingHistogram
from wavegen.evaluation.feeding import UNIT, check_form
from wavegen.evaluation.intervals import estimate
from wavegen.evaluation.provenance import PROVENANCE, provenance
from wavegen.evaluation.teacher_forcing import bits_per_file, feed_of
from wavegen.models.audio import AudioModel
from wavegen.models.codecs import PCM_CODES, Codec, MuLaw
from wavegen.models.density import Density
from wavegen.models.familiarity import Familiarity, far_from
from wavegen.wording import listed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wavegen.data.preparing.sources import Source

FLAC, TRUTH = "FLAC", "true density"
DIFFERENCE, DIVERGENCE = "difference", "KL divergence"


def compare(
    models: Mapping[str, AudioModel],
    corpus: str | Path | Corpus,
    split: str = "test",
    against: str | None = None,
    progress: bool = False,
    proof: bool = False,
    without: Sequence[str] = (),
) -> dict[str, Any]:
    """Models and baselines over the files of a split of one corpus: what `wavegen compare --json` prints.

    `differences` are those of every other row to the row `against`, paired over files: the true density where the
    corpus was made from a known source, else FLAC, or the best baseline where that did not run. A model's excess over
    the true density, −log2 q + log2 p averaged over files drawn from p, is the KL divergence KL(p‖q) in bits a sample,
    and always listed where it is known.
    With `proof` each model compresses the files and restores them, and its row has `compressed_bits_per_sample`, which
    is None for one without a C++ engine (`wavegen.compression.files.proven`).
    `warnings` says if the split is too little to rely on, or far from what a model was trained on. `missing` names the
    baselines that cannot run here, or that `without` names, and says why. Files are read from the memory-mapped corpus
    as they are scored. Raises UserError when models and corpus do not fit each other, a name is unknown, or a recording
    is not what was prepared.
    """
    begun = time.monotonic()
    corpus = corpus if isinstance(corpus, Corpus) else open_corpus(corpus)
    check_fit(models, corpus)
    check_unheard(models, corpus, split)
    why = {baseline.name: baseline.missing() for baseline in BASELINES}
    why |= {_baseline_named(name): "left out" for name in without}
    if against is not None:
        against = _row_named(against, [*models, *why, *([] if corpus.source is None else [TRUTH])], why)
    if not (recordings := corpus.split(split)):
        raise UserError(f"{corpus.path}: the {split} split is empty; {ENLARGE}", parameter="cut")
    verify(corpus, {split, *(["train"] if why.get(TrainingHistogram.name, "") is None else [])}, progress)
    pcms = [corpus.pcm(recording) for recording in recordings]
    samples = np.array([len(pcm) for pcm in pcms])
    bits = dict(_bits_of_rows(models, corpus, pcms, why, progress))
    codes = sum((count_codes(pcm) for pcm in pcms), start=np.zeros(PCM_CODES, np.int64))
    rows = sorted(_rows(models, bits, samples, codes), key=lambda row: row["bits_per_sample"])
    if proof:
        _prove(rows, models, pcms, progress)
    return {
        "unit": UNIT,
        "split": split,
        "files": len(pcms),
        "samples": int(samples.sum()),
        "rows": rows,
        "differences": list(_differences([row["name"] for row in rows], bits, samples, against or _usual(rows))),
        "missing": [{"name": name, "why": reason} for name, reason in why.items() if reason is not None],
        "mu_law_corpus": is_mu_law(codes),
        "warnings": [
            *split_doubts(corpus.audit, split),
            *far_from(models, [recording.id for recording in recordings], pcms),
        ],
        "sample_rate": corpus.sample_rate,
        "corpus": str(corpus.path),
        "corpus_fingerprint": corpus.fingerprint,
        "seconds": round(time.monotonic() - begun, 3),
    }


def _prove(
    rows: Sequence[dict[str, Any]], models: Mapping[str, AudioModel], pcms: Sequence[NDArray[np.int16]], progress: bool
) -> None:
    """Adds to each row to how many bits per sample the files were really compressed, None where they were not."""
    for row in rows:
        model, label = models.get(row["name"]), f"proving {row['name']}" if progress else None
        row["compressed_bits_per_sample"] = None if model is None else proven(model, pcms, label)


def check_fit(models: Mapping[str, Density], corpus: Corpus) -> None:
    """Raises UserError, naming the two that differ, unless all models and the corpus belong together.

    A model of another corpus is refused: that corpus may hold among its training files what is held out here.
    """
    place = str(corpus.path)
    for name, model in models.items():
        if name in (TRUTH, *(baseline.name for baseline in BASELINES)):
            raise UserError(f"{name}: another row has this name; name the model, as in MY-{name.split()[0]}=MODEL")
        check_form(place, corpus.form, model.form, f"{name} cannot be compared there")
    trained = {name: model.metadata.get("corpus_fingerprint") for name, model in models.items()}
    trained = {name: fingerprint for name, fingerprint in trained.items() if fingerprint is not None}
    for name, fingerprint in trained.items():
        first, expected = next(iter(trained.items()))
        if fingerprint != expected:
            raise UserError(
                f"{name} and {first} were trained on different corpora ({fingerprint[:8]}, {expected[:8]}): "
                "what one has not heard the other may have"
            )
        if fingerprint != corpus.fingerprint:
            raise UserError(
                f"{name} was trained on corpus {fingerprint[:8]}, {place} is {corpus.fingerprint[:8]}, "
                "which may hold out what the model was trained on; name the model's own corpus, or use `wavegen score`"
            )


def check_unheard(models: Mapping[str, Density], corpus: Corpus, split: str) -> None:
    """Raises UserError if a model was trained or validated on a recording of the split.

    In its own corpus it was not, unless another model was whose weights it started from.
    """
    for name, model in models.items():
        familiarity, own = Familiarity(model), model.metadata.get("corpus_fingerprint") == corpus.fingerprint
        for recording in corpus.split(split) if familiarity.provenance.known else ():
            familiarity.add(recording.id, recording.content_hash, None, own)
        if seen := familiarity.seen:
            many = f"{len(seen)} recordings" if len(seen) > 1 else "a recording"
            raise UserError(
                f"{name} was trained or validated on {many} of {corpus.path}'s {split} split ({listed(seen)}); "
                "leave it out"
            )


def _baseline_named(name: str) -> str:
    """The baseline that a name of `without` means, in any case. Raises UserError if there is none."""
    known = {baseline.name.lower(): baseline.name for baseline in BASELINES}
    if name.lower() not in known:
        said = f"no such baseline{nearest(name, list(known.values()))}"
        raise UserError(f"`without={name!r}`: {said}", parameter="without")
    return known[name.lower()]


def _usual(rows: Sequence[Mapping[str, Any]]) -> str | None:
    """The row that others are held against unless told otherwise; None without a baseline. `rows` are in order."""
    names = [row["name"] for row in rows if row["kind"] != "model"]
    return next((name for name in (TRUTH, FLAC, *names) if name in names), None)


def _row_named(name: str, rows: Sequence[str], why: Mapping[str, str | None]) -> str:
    """The row that `against` means, in any case. Raises UserError if there is none, or it cannot run."""
    known = {row.lower(): row for row in reversed(rows)} | {row: row for row in rows}
    if (found := known.get(name, known.get(name.lower()))) is None:
        raise UserError(f"`against={name!r}`: no such row{nearest(name, rows)}", parameter="against")
    if (reason := why.get(found)) is not None:
        raise UserError(f"`against={found!r}`: cannot run here: {reason}", parameter="against")
    return found


def _bits_of_rows(
    models: Mapping[str, AudioModel],
    corpus: Corpus,
    pcms: Sequence[NDArray[np.int16]],
    why: dict[str, str | None],
    progress: bool,
) -> Iterable[tuple[str, NDArray[np.float64]]]:
    """The name of each row that can be had and the bits of each file, (files,); a baseline that fails says `why`."""
    for name, model in models.items():
        label = f"scoring {name}" if progress else None
        yield name, bits_per_file(model, pcms, progress=label, open_feed=feed_of(model))
    for baseline in BASELINES:
        if why[baseline.name] is None:
            train = (corpus.pcm(recording) for recording in corpus.split("train"))
            label = f"coding with {baseline.name}" if progress else None
            try:
                yield baseline.name, baseline.bits(pcms, corpus.sample_rate, train, label)
            except UserError as error:  # the models' rows, perhaps hours of work, are kept
                why[baseline.name] = str(error)
    if corpus.source is not None:
        yield TRUTH, _true_bits(corpus.source, pcms, f"scoring {TRUTH}" if progress else None)


def _true_bits(source: Source, pcms: Sequence[NDArray[np.int16]], progress: str | None) -> NDArray[np.float64]:
    bar = tqdm(pcms, desc=progress, unit="file", leave=False, disable=None if progress else True)
    return np.array([-source.log2_prob(pcm).sum() for pcm in bar], np.float64)


def _rows(
    models: Mapping[str, AudioModel],
    bits: Mapping[str, NDArray[np.float64]],
    samples: NDArray[np.integer],
    codes: NDArray[np.int64],
) -> Iterable[dict[str, Any]]:
    for name, file_bits in bits.items():
        kind = "model" if name in models else "truth" if name == TRUTH else "baseline"
        extras = _extras(models.get(name), float(file_bits.sum()), codes)
        yield {"name": name, "kind": kind} | estimate(file_bits, samples) | extras


def _differences(
    names: Sequence[str], bits: Mapping[str, NDArray[np.float64]], samples: NDArray[np.integer], against: str | None
) -> Iterable[dict[str, Any]]:
    """Every other row less `against`, and less the true density where that is another row that there is."""
    for subtracted in dict.fromkeys([against, TRUTH]):
        if subtracted is None or subtracted not in names:  # it may have failed on the way
            continue
        meaning = DIVERGENCE if subtracted == TRUTH else DIFFERENCE
        for name in names:
            if name != subtracted:
                difference = estimate(bits[name] - bits[subtracted], samples)
                yield {"a": name, "b": subtracted, "meaning": meaning, **difference}


def _extras(model: AudioModel | None, bits: float, codes: NDArray[np.int64]) -> dict[str, Any]:
    """What only models have: bits per symbol, and where they come from."""
    if model is None:
        return {"bits_per_symbol": None, "num_symbols": None, **dict.fromkeys(PROVENANCE)}
    symbols = model.codec.num_symbols if model.codec.num_symbols < PCM_CODES else None
    per_symbol = None if symbols is None else round(bits_per_symbol(model.codec, bits, codes), DIGITS)
    return {"bits_per_symbol": per_symbol, "num_symbols": symbols, **provenance(model)}


def bits_per_symbol(codec: Codec, bits: float, codes: NDArray[np.int64]) -> float:
    """−(1/N) Σ log2 P(symbol), from the `bits` of N samples whose codes are counted in `codes`, (65536,), −32768 first.

    A code has p(pcm) = P(symbol) / codes(symbol), the uniform share included, so that −log2 P(symbol) is
    −log2 p(pcm) − log2 codes(symbol). It is the unit of papers whose data are 256 levels of mu-law, and comparable
    only among models with the same symbols.
    """
    symbols = codec.encode(np.arange(-32768, 32768))
    spread = np.log2(codec.codes_per_symbol[symbols])
    return float((bits - codes @ spread) / codes.sum())


def is_mu_law(codes: NDArray[np.int64]) -> bool:
    """Whether the codes that occur, counted in (65536,), are all among the 256 of G.711's decoder, or of `MuLaw(8)`."""
    codec = MuLaw(bits=8)
    levels = (g711_codes(), codec.decode(np.arange(codec.num_symbols)))
    return any(codes.sum() == codes[np.unique(values + 32768)].sum() for values in levels)


def g711_codes() -> NDArray[np.int64]:
    """What G.711's mu-law decoder can give, as 16-bit PCM: ±(((2m + 33) << e) − 33) · 4, eight e and sixteen m."""
    exponent, mantissa = np.divmod(np.arange(128), 16)
    magnitude = (((2 * mantissa + 33) << exponent) - 33) * 4
    return np.concatenate([-magnitude, magnitude]).astype(np.int64)
