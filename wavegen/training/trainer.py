"""One trainer for every density: steps, validations, what is kept of them, and going on after an interruption."""

from __future__ import annotations

import contextlib
import logging
import math
import time
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import torch

from wavegen.data.corpus import Corpus
from wavegen.data.preparing.held_out import ENLARGE
from wavegen.errors import UserError
from wavegen.models.checkpoint import save
from wavegen.models.registry import untrained
from wavegen.models.training_provenance import Provenance, inherited
from wavegen.training import folder
from wavegen.training.agreement import check_alike, check_origin
from wavegen.training.batches import training_windows, validation_files
from wavegen.training.choices import calibrated
from wavegen.training.distributed import ALONE, Processes, device, together
from wavegen.training.host import interrupt_noted, keep_freed_memory, locked, torch_threads
from wavegen.training.init_from import take_weights
from wavegen.training.learner import AbandonedError, Learner, NotFiniteError, Step
from wavegen.training.log import Log
from wavegen.training.origin import check_recordings, origin
from wavegen.training.previews import Previews
from wavegen.training.readiness import check_ready, run_bytes
from wavegen.training.recipe import Recipe
from wavegen.training.validation import validate

_log = logging.getLogger("wavegen")
LOG_EVERY = 20
MOST_NAMES = 8  # of recordings in an error's line


def train(
    recipe: Recipe,
    corpus: Corpus,
    run: str | Path,
    *,
    resume: bool = False,
    init: str | Path | None = None,
    progress: bool = True,
) -> Path:
    """Trains what the recipe says and gives the path of the best model, `run`/model.safetensors.

    The run folder holds the resolved recipe, metrics.jsonl, TensorBoard events, the model (averaged
    weights, best on the validation split), the last one and what resuming needs; a resumed run ends with the
    same bits as one that was never interrupted. `init` is a model of the same settings to start from.
    Under torchrun all processes train one model. Raises UserError when recipe, corpus, folder or model do not
    fit, when a recording is not what was prepared, when another process trains in the folder, and when training
    diverges.
    """
    run = Path(run)
    with together() as processes, contextlib.ExitStack() as held:
        with processes.agreed():
            trainer = Trainer(recipe, corpus, run, processes, init)
            if processes.first:
                folder.check_no_corpus(run)
                check_ready(run, run_bytes(trainer.learner.model.num_parameters))
                held.enter_context(locked(run))
                folder.check_free(run, resume)
        check_recordings(corpus, processes, progress)
        trainer.open()
        trainer.run_all(progress)
    return run / folder.BEST


class Trainer:
    """A training run: what learns, on what, and how far it is."""

    def __init__(
        self,
        recipe: Recipe,
        corpus: Corpus,
        run: Path,
        processes: Processes = ALONE,
        init: str | Path | None = None,
    ):
        if recipe.corpus.sample_rate not in (None, corpus.form.sample_rate):
            raise UserError(f"{corpus.path}: {corpus.form.name}, but the recipe says {recipe.corpus.sample_rate} Hz")
        torch.manual_seed(recipe.training.seed)
        keep_freed_memory()
        self.recipe, self.corpus, self.run, self.processes = recipe, corpus, run, processes
        self.unchanged = folder.Unchanged(corpus)
        self.trained_on = corpus.split("train")
        if not self.trained_on:
            raise UserError(f"{corpus.path}: the training split is empty; {ENLARGE}", parameter="cut")
        model = untrained(recipe.model, corpus.form, str(corpus.path))
        windows = training_windows(corpus.pcms("train"), model, recipe.training, processes.world)
        start = {} if init is None else take_weights(model, init)
        self.init, self.inherited = start.get("weights_hash"), inherited(start)
        self.learner = Learner(model.to(device()), recipe.training, windows, processes)
        self.validation = list(validation_files(corpus))
        self.previews = Previews(self.validation, corpus.form)
        self.seconds, self.best, self.validated, self.since_best = 0.0, math.inf, 0, 0

    def open(self) -> None:
        """Takes over what the run folder holds, or decides what the recipe leaves open; then the folder is tidy."""
        with self.processes.agreed():
            exists = self.processes.first and (self.run / folder.STATE).exists()
            stored = folder.read_state(self.run) if exists else None
        stored = self.processes.from_first(stored)
        with self.processes.agreed():
            check_alike(self.processes, self.recipe, self.corpus, self.init)
            if stored is not None:
                self._take_over(*stored)
        if stored is None and self.init is None:
            with self.processes.agreed():  # one may read its disk for longer than others
                self.learner.fit()
        self.learner.connect()
        if stored is None:
            self.recipe = calibrated(self)
        self.learner.round_layers(self.recipe.training.bfloat16)
        if stored is None or stored[0] != self.recipe:
            # Before the first step, so that a run killed at once goes on from the same weights and recipe.
            self._save()
        with self.processes.agreed():
            if self.processes.first:
                folder.tidy(self.run, self.recipe, self.learner.step, self.validated)

    @property
    def validation_steps(self) -> float:
        """How many times a step's samples one validation scores."""
        return sum(map(len, self.validation)) / (self.learner.windows.batch_size * self.learner.windows.length)

    @property
    def done(self) -> bool:
        """Whether all steps are behind it, or early stopping has ended it, and nothing is left to validate."""
        settings = self.recipe.training
        assert settings.steps is not None, "a resolved recipe has steps"
        stopped = settings.patience is not None and self.since_best >= settings.patience
        return not self._validation_due() and (stopped or self.learner.step >= settings.steps)

    def _validation_due(self) -> bool:
        settings, step = self.recipe.training, self.learner.step
        assert settings.validate_every is not None, "a resolved recipe has it"
        return step > self.validated and (step % settings.validate_every == 0 or step == settings.steps)

    def run_all(self, progress: bool = True) -> None:
        """Trains from where the run stands to its end. Interrupted, it ends the step under way, saves, and raises."""
        settings = self.recipe.training
        assert settings.threads is not None, "a resolved recipe has all three"
        assert settings.steps is not None, "a resolved recipe has all three"
        name, step, unit = self.learner.model.network.name, self.learner.step, self.corpus.form.element
        self.previews.begin(self.seconds)
        with torch_threads(settings.threads), interrupt_noted() as interrupted, contextlib.ExitStack() as held:
            log = None
            if self.processes.first:
                if not self.validation:
                    _log.warning(
                        "wavegen: %s: the validation split is empty: the last model counts as the best",
                        self.corpus.path,
                    )
                log = held.enter_context(contextlib.closing(Log(self.run, name, step, settings.steps, unit, progress)))
            self.learner.give_up = interrupted.is_set
            while not self.done:
                started = time.monotonic()
                with contextlib.suppress(AbandonedError):
                    if self._validation_due():
                        self._validate(interrupted.is_set, log, started)
                    else:
                        self._train_step(log, started)
                if self.processes.any(interrupted.is_set()):
                    self._save()
                    raise interrupted.error()

    def _train_step(self, log: Log | None, started: float) -> None:
        assert self.recipe.training.steps is not None, "a resolved recipe has steps"
        try:
            step = self.learner.take_step(self.recipe.training.steps)
        except NotFiniteError:
            self.stop_diverged(self.learner)
        taken = time.monotonic() - started
        self.seconds += taken
        if log is None:
            return
        log.show(step, step.samples / taken)
        if self.learner.step % LOG_EVERY == 0:
            log.record(self._position(), _values(step, taken))

    def stop_diverged(self, learner: Learner) -> NoReturn:
        """Raises UserError that names the recordings of the step that `learner`, this run's or a copy, is at."""
        places = learner.windows.places(learner.step)
        names = [self.trained_on[index].id for index in dict.fromkeys(place.recording for place in places)]
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        where = f"where loss or gradient is not finite, in windows of {', '.join(names[:MOST_NAMES])}{more}"
        self._stop(learner.step, f"{where}; lower training.learning_rate, or look at these recordings")

    def _stop(self, step: int, why: str) -> NoReturn:
        """Raises UserError in every process; of several one tells it."""
        with self.processes.agreed():
            raise UserError(f"{self.run}: training diverged at step {step}, {why}")
        raise AssertionError("all processes have raised")

    def _validate(self, give_up: Any, log: Log | None, started: float) -> None:
        """Validates the averaged weights, keeps them as the last model and as the best if they are, and saves."""
        bits = validate(self.learner.average, self.validation, self.processes, give_up)
        if bits is not None and not math.isfinite(bits):
            self._stop(
                self.learner.step, "where the validation files have no finite bits; lower training.learning_rate"
            )
        self.seconds += time.monotonic() - started
        better = bits is None or bits < self.best
        self.best = bits if better and bits is not None else self.best
        self.since_best = 0 if better else self.since_best + 1
        self.validated = self.learner.step
        if log is not None:
            log.record(self._position(), {"validation_bits": bits})
        self._save(bits, better)
        with self.processes.agreed():  # the others wait for as long as that takes
            if log is not None:
                started = time.monotonic()
                self.previews.show(self.learner.average, log.board, self.learner.step, self.seconds, give_up)
                self.seconds += time.monotonic() - started

    def _position(self) -> dict[str, float]:
        return {"step": self.learner.step, "seconds": round(self.seconds, 3), "samples": self.learner.samples}

    def _save(self, validated: float | None = None, better: bool | None = None) -> None:
        """Saves what the run goes on from; after a validation also the model, as the last and if `better` the best."""
        with self.processes.agreed():
            self.unchanged.check()
            if not self.processes.first:
                return
            if better is not None:
                metadata = self._metadata(validated)
                for name in (folder.LAST, folder.BEST) if better else (folder.LAST,):
                    save(self.learner.average, self.run / name, metadata)
            position = {
                "corpus_fingerprint": self.corpus.fingerprint,
                "init": self.init,
                "inherited": self.inherited,
                "step": self.learner.step,
                "samples": self.learner.samples,
                "seconds": self.seconds,
                "best": self.best,
                "validated": self.validated,
                "since_best": self.since_best,
            }
            folder.write_state(self.run, self.recipe, self.learner.state(), position)

    def _metadata(self, validated: float | None) -> dict[str, Any]:
        """What a model file says of its making."""
        training = self.recipe.training
        return {
            "corpus_fingerprint": self.corpus.fingerprint,
            "seed": training.seed,
            "steps": self.learner.step,
            "samples_seen": self.learner.samples,
            "training_seconds": round(self.seconds, 1),
            "threads": training.threads,
            "validation_bits": validated,
            **({} if self.init is None else {"init": self.init}),
            **({} if self.processes.world == 1 else {"processes": self.processes.world}),
            **self.recipe.sampling.model_dump(),
            **self.inherited,
            **self.origin,
        }

    @cached_property
    def origin(self) -> dict[str, str | float]:
        """What its models say of the recordings that they were trained on."""
        return origin(self.corpus)

    def _take_over(self, recipe: Recipe, tensors: dict[str, torch.Tensor], header: dict[str, Any]) -> None:
        """Goes on from a saved state. Raises UserError if it is another recipe's or corpus's, or damaged."""
        try:
            self.recipe = folder.agreed_recipe(self.recipe, recipe, header["step"], self.run)
            check_origin(self.run, header, self.corpus, self.init)
            self.init, self.inherited = header["init"], dict(header.get("inherited", self.inherited))
            Provenance.of(self.inherited)
            self.learner.restore(tensors, header["step"], header["samples"])
            self.seconds, self.best = header["seconds"], header["best"]
            self.validated, self.since_best = header["validated"], header["since_best"]
            if self.recipe != recipe:  # more steps were asked for, and with them more patience
                self.since_best = 0
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise folder.foreign(self.run) from error


def _values(step: Step, taken: float) -> dict[str, float | None]:
    return {
        "train_bits": step.bits,
        "gradient_norm": step.gradient_norm,
        "learning_rate": step.learning_rate,
        "samples_per_second": round(step.samples / taken, 1),
    }
