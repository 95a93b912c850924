"""Marks models whose layers' weights engines are to round, once the cost of rounding is measured."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from wavegen.constants import DIGITS
from wavegen.data.corpus import Corpus
from wavegen.data.index import Recording
from wavegen.data.preparing.held_out import ENLARGE
from wavegen.data.verification import verify
from wavegen.engine import open_engine
from wavegen.engine.base import PRECISIONS
from wavegen.errors import UserError
from wavegen.evaluation.conditions import Giver
from wavegen.evaluation.feeding import PREPARE_AGAIN, check_form
from wavegen.evaluation.feeds import fed_by
from wavegen.evaluation.intervals import estimate
from wavegen.evaluation.results import BitsPerSample, QuantizeResult, RoundedBits
from wavegen.evaluation.teacher_forcing import bits_of_takes
from wavegen.models.audio import AudioModel
from wavegen.models.checkpoint import save
from wavegen.models.condition_kinds import Kind
from wavegen.models.forms import AudioForm
from wavegen.system.atomic import Output, Target, opened

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPLIT = "validation"


def quantize(
    model: AudioModel,
    corpus: Corpus,
    out: Target,
    *,
    precision: str,
    max_cost: float,
    force: bool = False,
    progress: bool = False,
) -> QuantizeResult:
    """Writes the model with its `precision`, if that costs at most `max_cost` bits per sample on the validation files.

    A model with conditions is given all that it takes of each file.

    The weights stay as they are: an engine rounds them when it opens the model, as it was measured here.

    Args:
        model: in float32.
        corpus: that the model was trained on.
        out: the model file to write.
        precision: "bfloat16" or "int8".
        max_cost: bits per sample.
        force: replaces an output that exists.
        progress: shows a bar on stderr.

    Returns:
        The bits per sample in float32 and rounded, and their paired difference with its interval.

    Raises:
        UserError: and nothing is written, if it costs more, model and corpus do not fit, or `out` exists and `force` is
            not given.
    """
    with opened(out, force) as output:
        return _quantize(model, corpus, output, precision, max_cost, progress)


def _quantize(
    model: AudioModel, corpus: Corpus, out: Output, precision: str, max_cost: float, progress: bool
) -> QuantizeResult:
    giver = Giver(model.data(), Kind.all_of(model.config.conditioning))
    takes = giver.takes(corpus, _validation_files(model, corpus, progress), progress)
    samples = np.array([take.samples for take in takes])

    def bits_in(name: str) -> NDArray[np.float64]:
        open_feed = fed_by(lambda streams: open_engine(model, streams, engine="cpu", precision=name))
        return bits_of_takes(model, takes, label=f"scoring in {name}" if progress else None, open_feed=open_feed)

    exact = bits_in(PRECISIONS[0])
    rounded = bits_in(precision)
    result: QuantizeResult = {
        "out": str(out.path),
        "precision": precision,
        "split": SPLIT,
        "condition": giver.condition,
        "files": len(takes),
        "samples": int(samples.sum()),
        "float32": estimate(exact, samples).bits(),
        **_in_precision(precision, estimate(rounded, samples).bits()),
        "cost": estimate(rounded - exact, samples).bits(),
    }
    spent = float((rounded - exact).sum() / samples.sum())
    if spent > max_cost:
        cost = f"{precision} would cost {spent:.4f} bits per sample on {len(takes)} {SPLIT} files"
        advice = f"give `max_cost={_rounded_up(spent)}` if that is all right"
        raise UserError(f"{cost}, more than {max_cost:g}; {advice}", parameter="max_cost")
    save(copy.copy(model), out, {**model.metadata, "precision": precision, "precision_cost": round(spent, DIGITS)})
    return result


def _in_precision(precision: str, bits: BitsPerSample) -> RoundedBits:
    if precision == "int8":
        return {"int8": bits}
    return {"bfloat16": bits} if precision == "bfloat16" else {}


def _validation_files(model: AudioModel, corpus: Corpus, progress: bool) -> Sequence[Recording]:
    """The recordings of the split.

    Raises UserError if model and corpus do not fit each other, the split is empty, or a recording is not the one that
    was prepared.
    """
    check_form(str(corpus.path), AudioForm(corpus.sample_rate), model.form, PREPARE_AGAIN, parameter="sample_rate")
    if model.metadata.get("corpus_fingerprint") not in (None, corpus.fingerprint):
        raise UserError(f"{corpus.path}: not the corpus of this model, whose validation files it must be tried on")
    recordings = corpus.split(SPLIT)
    if not recordings:
        raise UserError(f"{corpus.path}: the {SPLIT} split is empty; {ENLARGE}", parameter="cut")
    verify(corpus, [SPLIT], progress)
    return recordings


def _rounded_up(value: float) -> str:
    """A positive number to two digits, never below it."""
    digits = 1 - math.floor(math.log10(value))
    return f"{math.ceil(value * 10**digits) / 10**digits:g}"
