"""Models that say that their layers' weights are to be rounded, once it is known what that costs."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from wavegen.constants import DIGITS
from wavegen.data.corpus import Corpus
from wavegen.data.preparing.held_out import ENLARGE
from wavegen.data.verification import verify
from wavegen.engine import open_engine
from wavegen.engine.base import PRECISIONS
from wavegen.errors import UserError
from wavegen.evaluation.feeding import PREPARE_AGAIN, check_form
from wavegen.evaluation.intervals import estimate
from wavegen.evaluation.teacher_forcing import bits_per_file
from wavegen.models.audio import AudioModel
from wavegen.models.checkpoint import save
from wavegen.models.forms import AudioForm
from wavegen.system.atomic import Output, Target, opened

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPLIT = "validation"


def quantize(
    model: AudioModel,
    corpus: Corpus,
    out: Target,
    precision: str,
    most: float,
    progress: bool = False,
    force: bool = False,
) -> dict[str, Any]:
    """Writes the model with its `precision`, if that costs at most `most` bits per sample on the validation files.

    The weights stay as they are: whoever opens the model rounds them, to what was measured here. The result has the
    bits per sample in float32 and rounded, and their paired difference with its interval. Raises UserError, and writes
    nothing, if it costs more, model and corpus do not fit, or `out` exists and `force` is not given.
    """
    with opened(out, force) as output:
        return _quantize(model, corpus, output, precision, most, progress)


def _quantize(
    model: AudioModel, corpus: Corpus, out: Output, precision: str, most: float, progress: bool
) -> dict[str, Any]:
    pcms = _validation_files(model, corpus, progress)
    samples, bits = np.array([len(pcm) for pcm in pcms]), {}
    for name in (PRECISIONS[0], precision):
        label = f"scoring in {name}" if progress else None
        bits[name] = bits_per_file(
            model, pcms, None, label, lambda streams, name=name: open_engine(model, streams, "cpu", precision=name).feed
        )
    cost = estimate(bits[precision] - bits[PRECISIONS[0]], samples)
    result = {
        "out": str(out.path),
        "precision": precision,
        "split": SPLIT,
        "files": len(pcms),
        "samples": int(samples.sum()),
        PRECISIONS[0]: estimate(bits[PRECISIONS[0]], samples),
        precision: estimate(bits[precision], samples),
        "cost": cost,
    }
    spent = float((bits[precision] - bits[PRECISIONS[0]]).sum() / samples.sum())
    if spent > most:
        raise UserError(
            f"{precision} would cost {spent:.4f} bits per sample on {len(pcms)} {SPLIT} files, more than {most:g}; "
            f"give `most={_rounded_up(spent)}` if that is all right",
            parameter="most",
        )
    save(copy.copy(model), out, {**model.metadata, "precision": precision, "precision_cost": round(spent, DIGITS)})
    return result


def _validation_files(model: AudioModel, corpus: Corpus, progress: bool) -> list[NDArray[np.int16]]:
    """The PCM of each. Raises UserError if model and corpus do not fit each other, none is there, or one is not
    what was prepared.
    """
    check_form(str(corpus.path), AudioForm(corpus.sample_rate), model.form, PREPARE_AGAIN, parameter="sample_rate")
    if model.metadata.get("corpus_fingerprint") not in (None, corpus.fingerprint):
        raise UserError(f"{corpus.path}: not the corpus of this model, whose validation files it must be tried on")
    recordings = corpus.split(SPLIT)
    if not recordings:
        raise UserError(f"{corpus.path}: the {SPLIT} split is empty; {ENLARGE}", parameter="cut")
    verify(corpus, [SPLIT], progress)
    return [corpus.pcm(recording) for recording in recordings]


def _rounded_up(value: float) -> str:
    """A positive number to two digits, never below it."""
    digits = 1 - math.floor(math.log10(value))
    return f"{math.ceil(value * 10**digits) / 10**digits:g}"
