"""Models, baselines and, where it is known, the true density in one table, over the same files."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wavegen.audio.files import count_codes
from wavegen.compression.files import proven
from wavegen.constants import DIGITS
from wavegen.data.corpus import Corpus, open_corpus
from wavegen.data.preparing.held_out import ENLARGE, split_doubts
from wavegen.data.verification import verify
from wavegen.errors import UserError, nearest
from wavegen.evaluation.baselines import BASELINES, EARLIER_NAMES, TRAINED
from wavegen.evaluation.checks import check_fit, check_held_out
from wavegen.evaluation.conditions import Giver
from wavegen.evaluation.contenders import Contender, contenders, pairs
from wavegen.evaluation.feeding import UNIT, Take, max_samples_at_once, sum_bits
from wavegen.evaluation.feeds import feed_of
from wavegen.evaluation.intervals import Estimate
from wavegen.evaluation.mu_law import bits_per_symbol, is_mu_law
from wavegen.evaluation.provenance import row_provenance
from wavegen.evaluation.results import CompareResult, ComparisonRow, Difference
from wavegen.evaluation.table import Table
from wavegen.models.codecs import PCM_CODES
from wavegen.models.familiarity import far_from
from wavegen.models.model import AnyAudio, Model
from wavegen.system.progress import progress_bar
from wavegen.wording import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wavegen.data.preparing.sources import Source

FLAC = "FLAC"
TRUTH = "true density"
DIFFERENCE = "difference"
DIVERGENCE = "KL divergence"


def compare(
    models: Mapping[str, AnyAudio],
    corpus: str | Path | Corpus,
    *,
    split: str = "test",
    against: str | None = None,
    without: Sequence[str] = (),
    proof: bool = False,
    given: Sequence[str] = (),
    progress: bool = False,
) -> CompareResult:
    """Models and baselines over the files of a split of one corpus, read from the memory-mapped corpus as needed.

    Models are scored by the C++ engine, as `score` does, and by their own forward pass in torch where it does not run
    them.

    Args:
        models: by the names of their rows, as data or as torch modules.
        corpus: a prepared corpus, or its folder.
        split: whose files are scored.
        against: the row that is subtracted from every other, or a model that has one row: by default the true density
            where the corpus was made from a known source, else FLAC, or the best baseline where that did not run.
        without: names of baselines to leave out.
        proof: each model compresses the files and restores them; its row has `compressed_bits_per_sample`, None for one
            without a C++ engine (`wavegen.compression.files.proven`).
        given: conditions that models are given, a row for each: see `wavegen.models.condition_kinds.Kind.parsed`. By
            default every model has one row, and is given all that it takes: the speaker of each recording, frames that
            are computed of it.
        progress: shows bars on stderr.

    Returns:
        The rows, and the differences to the row `against`, paired over files. Rows with a condition are ranked among
        their equals and subtracted from one another only, or from other rows of their model, which says what a
        condition is worth. A model's excess over the true density, −log2 q + log2 p averaged over files drawn from p,
        is the KL divergence KL(p‖q) in bits a sample, and always listed where it is known. `warnings` says if the split
        is too little to rely on, or far from the training recordings of a model; `missing` why a baseline did not run.

    Raises:
        UserError: models and corpus do not fit each other, a name is unknown, or a recording is not the one that was
            prepared.
    """
    begun = time.monotonic()
    corpus = corpus if isinstance(corpus, Corpus) else open_corpus(corpus)
    recordings = corpus.split(split)
    scored = contenders(models, given, {recording.speaker for recording in recordings if recording.speaker})
    against, why = _checked(scored, corpus, split, against, without, progress)
    givers = {name: Giver(one.data, one.asked) for name, one in scored.items()}
    takes = {name: giver.takes(corpus, recordings, progress) for name, giver in givers.items()}
    pcms = [corpus.pcm(recording) for recording in recordings]
    table = _table(scored, dict(_bits_of_rows(scored, takes, corpus, pcms, why, progress)), pcms)
    codes = sum((count_codes(pcm) for pcm in pcms), start=np.zeros(PCM_CODES, np.int64))
    rows = [_row(name, found, scored.get(name), table, codes) for name, found in table.ranked().items()]
    if proof:
        _prove(rows, scored, takes, pcms, progress)
    return {
        "unit": UNIT,
        "split": split,
        "files": len(pcms),
        "samples": int(table.sizes.sum()),
        "rows": rows,
        "differences": _differences(rows, table, against),
        "missing": [{"name": name, "why": reason} for name, reason in why.items() if reason is not None],
        "mu_law_corpus": is_mu_law(codes),
        "warnings": _warnings(scored, givers, corpus, split, pcms),
        "sample_rate": corpus.sample_rate,
        "corpus": str(corpus.path),
        "corpus_fingerprint": corpus.fingerprint,
        "seconds": round(time.monotonic() - begun, 3),
    }


def _checked(
    scored: Mapping[str, Contender],
    corpus: Corpus,
    split: str,
    against: str | None,
    without: Sequence[str],
    progress: bool,
) -> tuple[str | None, dict[str, str | None]]:
    """The row that `against` means, and for each baseline why it does not run, None if it does.

    Raises UserError where `compare` does.
    """
    models = _models(scored)
    rows = {name: one.model for name, one in scored.items()}
    check_fit(models, corpus, [TRUTH, *(baseline.name for baseline in BASELINES)])
    check_held_out(models, corpus, split)
    why = {baseline.name: baseline.missing() for baseline in BASELINES}
    why |= {_baseline_named(name): "left out" for name in without}
    if against is not None:
        against = row_named(against, [*rows, *why, *([] if corpus.source is None else [TRUTH])], why, rows)
    if not corpus.split(split):
        raise UserError(f"{corpus.path}: the {split} split is empty; {ENLARGE}", parameter="cut")
    verify(corpus, {split, *(["train"] if why.get(TRAINED, "") is None else [])}, progress)
    return against, why


def _table(
    scored: Mapping[str, Contender], totals: Mapping[str, NDArray[np.float64]], pcms: Sequence[NDArray[np.int16]]
) -> Table:
    conditions = {name: one.condition for name, one in scored.items() if one.condition is not None}
    return Table(totals, np.array([len(pcm) for pcm in pcms]), conditions)


def _models(scored: Mapping[str, Contender]) -> dict[str, Model]:
    """The models of the rows by their own names."""
    return {one.model: one.data for one in scored.values()}


def _warnings(
    scored: Mapping[str, Contender],
    givers: Mapping[str, Giver],
    corpus: Corpus,
    split: str,
    pcms: Sequence[NDArray[np.int16]],
) -> list[str]:
    """Cautions about the split, about conditions that recordings lack, and about models far from the recordings."""
    doubts = [] if "pictures" in corpus.audit else split_doubts(corpus.audit, split)
    lacking = [line for name, giver in givers.items() for line in giver.warnings(scored[name].model)]
    ids = [recording.id for recording in corpus.split(split)]
    return [*doubts, *lacking, *far_from(_models(scored), ids, pcms)]


def _prove(
    rows: Sequence[ComparisonRow],
    scored: Mapping[str, Contender],
    takes: Mapping[str, Sequence[Take]],
    pcms: Sequence[NDArray[np.int16]],
    progress: bool,
) -> None:
    """Adds to each row the bits per sample to which the files were really compressed, None where they were not."""
    for row in rows:
        name = row["name"]
        label = f"proving {name}" if progress else None
        size = None
        if name in scored:
            size = proven(scored[name].data, pcms, label, [take.given() for take in takes[name]])
        row["compressed_bits_per_sample"] = size


def _baseline_named(name: str) -> str:
    """The baseline that a name of `without` means, in any case. Raises UserError if there is none."""
    known = {baseline.name.lower(): baseline.name for baseline in BASELINES}
    found = known.get(EARLIER_NAMES.get(name.lower(), name.lower()))
    if found is None:
        said = f"no such baseline{nearest(name, list(known.values()))}"
        raise UserError(f"`without={name!r}`: {said}", parameter="without")
    return found


def _usual(rows: Sequence[ComparisonRow]) -> str | None:
    """The row that is subtracted from the others unless one is named; None without a baseline. `rows` are ranked."""
    names = [row["name"] for row in rows if row["kind"] != "model"]
    return next((name for name in (TRUTH, FLAC, *names) if name in names), None)


def row_named(name: str, rows: Sequence[str], why: Mapping[str, str | None], models: Mapping[str, str]) -> str:
    """The row that `against` means, in any case: by its own name, or by that of a model with one row.

    Args:
        name: of the row or the model.
        rows: the names of all.
        why: of rows that cannot run, the reason.
        models: the name of the model of each row of one.

    Raises UserError if there is none, there are several, or it cannot run.
    """
    known = {row.lower(): row for row in reversed(rows)} | {row: row for row in rows}
    found = known.get(name, known.get(EARLIER_NAMES.get(name.lower(), name.lower())))
    if found is None:
        own = [row for row, model in models.items() if model == name]
        own = own or [row for row, model in models.items() if model.lower() == name.lower()]
        if len(own) > 1:
            said = f"this model has {counted(len(own), 'row')}; name one: {', '.join(own)}"
            raise UserError(f"`against={name!r}`: {said}", parameter="against")
        if not own:
            raise UserError(f"`against={name!r}`: no such row{nearest(name, rows)}", parameter="against")
        (found,) = own
    if (reason := why.get(found)) is not None:
        raise UserError(f"`against={found!r}`: cannot run here: {reason}", parameter="against")
    return found


def _bits_of_rows(
    scored: Mapping[str, Contender],
    takes: Mapping[str, Sequence[Take]],
    corpus: Corpus,
    pcms: Sequence[NDArray[np.int16]],
    why: dict[str, str | None],
    progress: bool,
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """The name of each row that can be had and the bits of each file, (files,); a baseline that fails says `why`."""
    for name, one in scored.items():
        at_once = max_samples_at_once(one.data)
        label = f"scoring {name}" if progress else None
        yield name, sum_bits(feed_of(one.scored), takes[name], at_once, label)
    for baseline in BASELINES:
        if why[baseline.name] is None:
            training = (corpus.pcm(recording) for recording in corpus.split("train"))
            label = f"coding with {baseline.name}" if progress else None
            try:
                yield baseline.name, baseline.bits(pcms, corpus.sample_rate, training, label)
            except UserError as error:  # the models' rows, perhaps hours of work, are kept
                why[baseline.name] = str(error)
    if corpus.source is not None:
        yield TRUTH, _true_bits(corpus.source, pcms, f"scoring {TRUTH}" if progress else None)


def _true_bits(source: Source, pcms: Sequence[NDArray[np.int16]], label: str | None) -> NDArray[np.float64]:
    bits = np.empty(len(pcms))
    with progress_bar(sum(map(len, pcms)), label) as bar:
        for index, pcm in enumerate(pcms):
            bits[index] = -source.log2_prob(pcm).sum()
            bar.update(len(pcm))
    return bits


def _row(
    name: str, found: Estimate, contender: Contender | None, table: Table, codes: NDArray[np.int64]
) -> ComparisonRow:
    """One row; `codes` counts the codes of all files, (65536,)."""
    kind = "model"
    model = None if contender is None else contender.data
    per_symbol = None
    num_symbols = None
    if model is None:
        kind = "truth" if name == TRUTH else "baseline"
    elif model.codec.num_symbols < PCM_CODES:
        num_symbols = model.codec.num_symbols
        per_symbol = round(bits_per_symbol(model.codec, float(table.totals[name].sum()), codes), DIGITS)
    return {
        "name": name,
        "kind": kind,
        "model": None if contender is None else contender.model,
        "given": None if contender is None else contender.kind.words,
        "condition": None if contender is None else contender.condition,
        **found.bits(),
        "bits_per_symbol": per_symbol,
        "num_symbols": num_symbols,
        **row_provenance(model),
    }


def _differences(rows: Sequence[ComparisonRow], table: Table, against: str | None) -> list[Difference]:
    """Rows less the row `against` and the truth; `rows` are ranked."""
    usual = [TRUTH] if against else [_usual(rows), TRUTH]
    return [_difference(a, b, table.difference(a, b)) for a, b in pairs(rows, against, usual)]


def _difference(a: str, b: str, found: Estimate) -> Difference:
    return {"a": a, "b": b, "meaning": DIVERGENCE if b == TRUTH else DIFFERENCE, **found.bits()}
