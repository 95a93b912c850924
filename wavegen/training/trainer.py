"""One trainer for every density: steps, validations, saving, and resuming."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import NoReturn

import torch

from wavegen.data.corpus import Corpus
from wavegen.data.preparing.held_out import ENLARGE
from wavegen.errors import UserError
from wavegen.models.checkpoint import save
from wavegen.models.metadata import Metadata
from wavegen.models.registry import untrained
from wavegen.models.training_provenance import Provenance, inherited
from wavegen.training import folder
from wavegen.training.agreement import check_alike, check_origin
from wavegen.training.batches import training_windows, validation_takes
from wavegen.training.choices import calibrated
from wavegen.training.conditions import CorpusConditions, with_speakers
from wavegen.training.distributed import ALONE, Processes, device, together
from wavegen.training.folder import Position
from wavegen.training.host import interrupt_noted, keep_freed_memory, set_seed, torch_threads
from wavegen.training.init_from import take_weights
from wavegen.training.learner import AbandonedError, Learner, NotFiniteError
from wavegen.training.log import AnyLog, open_log
from wavegen.training.origin import check_recordings, origin
from wavegen.training.previews import Previews
from wavegen.training.readiness import held_folder
from wavegen.training.recipe import Recipe
from wavegen.training.validation import validate

LOG_EVERY = 20
MAX_NAMES = 8  # of recordings in a line of an error


def train(
    recipe: Recipe,
    corpus: Corpus,
    run: str | Path,
    *,
    resume: bool = False,
    init: str | Path | None = None,
    progress: bool = False,
) -> Path:
    """Trains a model.

    The run folder holds the resolved recipe, metrics.jsonl, TensorBoard events, the best model on the validation split
    and the last one, with averaged weights, and the state to resume from. A resumed run ends with the same bits as one
    that was never interrupted. Under torchrun all processes train one model.

    Args:
        recipe: what to train, and how.
        corpus: to train and validate on.
        run: folder of the run, made if it is missing.
        resume: whether to go on with a run that the folder holds.
        init: model of the same settings whose weights to start from.
        progress: whether to show progress on stderr.

    Returns the path of the best model, `run`/model.safetensors.

    Raises UserError when recipe, corpus, folder or model do not fit, when a recording differs from the prepared
    one, when another process trains in the folder, and when training diverges.
    """
    run = Path(run)
    with together() as processes, contextlib.ExitStack() as held:
        with processes.agreed():
            trainer = Trainer(recipe, corpus, run, processes, init)
        parameters = trainer.learner.model.num_parameters
        processes.first_does(lambda: held.enter_context(held_folder(run, resume, parameters)))
        check_recordings(corpus, processes, progress)
        trainer.open(progress)
        trainer.run_all(progress)
    return run / folder.BEST


class Trainer:
    """A training run: the learner, its corpus and folder, and the progress so far."""

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
        set_seed(recipe.training.seed)
        keep_freed_memory()
        recipe = with_speakers(recipe, corpus)
        self.recipe = recipe
        self.corpus = corpus
        self.run = run
        self.processes = processes
        self.unchanged = folder.Unchanged(corpus)
        self.trained_on = corpus.split("train")
        if not self.trained_on:
            raise UserError(f"{corpus.path}: the training split is empty; {ENLARGE}", parameter="cut")
        model = untrained(recipe.model, corpus.form, str(corpus.path))
        self.conditions = CorpusConditions(recipe.model, corpus)
        known = self.conditions.of("train")
        windows = training_windows(corpus.pcms("train"), model, recipe.training, processes.world, known)
        start: Metadata = {} if init is None else take_weights(model, init)
        self.init = start.get("weights_hash")
        self.inherited = inherited(start)
        self.learner = Learner(model.to(device()), recipe.training, windows, processes)
        self.validation = list(validation_takes(corpus, self.conditions.of("validation")))
        self.previews = Previews(self.validation, corpus.form)
        self.seconds = 0.0
        self.best = math.inf
        self.validated = 0  # step of the last validation
        self.since_best = 0  # validations

    def open(self, progress: bool = False) -> None:
        """Restores the state in the run folder, or decides what the recipe leaves open; then tidies the folder."""
        with self.processes.agreed():
            self.conditions.open(progress)
        stored = self.processes.from_first(lambda: folder.stored_state(self.run))
        with self.processes.agreed():
            check_alike(self.processes, self.recipe, self.corpus, self.init)
            if stored is not None:
                self._restore(*stored)
        if stored is None and self.init is None:
            with self.processes.agreed():  # one may read its disk longer than others
                self.learner.fit()
        self.learner.connect()
        if stored is None:
            self.recipe = self.decided()
        self.learner.round_layers(self.recipe.training.bfloat16)
        if stored is None or stored[0] != self.recipe:
            # Before the first step, so that a run killed at once resumes from the same weights and recipe.
            self._save()
        self.processes.first_does(lambda: folder.tidy(self.run, self.recipe, self.learner.step, self.validated))

    def decided(self) -> Recipe:
        """The recipe with what it leaves open, by timing steps. Raises UserError if the training diverges."""
        try:
            return calibrated(self.recipe, self.learner, self.validation)
        except NotFiniteError as error:
            self.stop_diverged(error.step)

    @property
    def done(self) -> bool:
        """Whether all steps are done, or early stopping has ended it, and no validation is due."""
        settings = self.recipe.training
        assert settings.steps is not None, "a resolved recipe has steps"
        stopped = settings.patience is not None and self.since_best >= settings.patience
        return not self._validation_due() and (stopped or self.learner.step >= settings.steps)

    def _validation_due(self) -> bool:
        settings = self.recipe.training
        step = self.learner.step
        assert settings.validate_every is not None, "a resolved recipe has it"
        return step > self.validated and (step % settings.validate_every == 0 or step == settings.steps)

    def run_all(self, progress: bool = False) -> None:
        """Trains to the end of the run. Interrupted, it ends the current step, saves, and raises."""
        settings = self.recipe.training
        assert settings.threads is not None, "a resolved recipe has them"
        self.previews.begin(self.seconds)
        with (
            torch_threads(settings.threads),
            interrupt_noted(self.processes.any) as interrupt,
            contextlib.closing(open_log(self.run, self.recipe, self.learner, self.corpus, progress)) as log,
        ):
            self.learner.give_up = interrupt.is_set
            while not self.done:
                started = time.monotonic()
                with contextlib.suppress(AbandonedError):
                    if self._validation_due():
                        self._validate(interrupt.is_set, log, started)
                    else:
                        self._train_step(log, started)
                if interrupt.came():
                    self._save()
                    raise interrupt.error()

    def _train_step(self, log: AnyLog, started: float) -> None:
        assert self.recipe.training.steps is not None, "a resolved recipe has steps"
        try:
            step = self.learner.take_step(self.recipe.training.steps)
        except NotFiniteError as error:
            self.stop_diverged(error.step)
        taken = time.monotonic() - started
        self.seconds += taken
        log.show(step, step.samples / taken)
        if self.learner.step % LOG_EVERY == 0:
            log.record(self._position(), step.values(taken))

    def stop_diverged(self, step: int) -> NoReturn:
        """Raises UserError that names the recordings of a step."""
        windows = self.learner.windows.of_step(step)
        names = [self.trained_on[index].id for index in dict.fromkeys(window.recording for window in windows)]
        more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
        where = f"where loss or gradient is not finite, in windows of {', '.join(names[:MAX_NAMES])}{more}"
        self._stop(step, f"{where}; lower training.learning_rate, or look at these recordings")

    def _stop(self, step: int, why: str) -> NoReturn:
        self.processes.stop(UserError(f"{self.run}: training diverged at step {step}, {why}"))

    def _validate(self, give_up: Callable[[], bool], log: AnyLog, started: float) -> None:
        """Validates the averaged weights, saves them as the last model and, if they are, as the best."""
        bits = validate(self.learner.average, self.validation, self.processes, give_up)
        if bits is not None and not math.isfinite(bits):
            self._stop(
                self.learner.step, "where the validation files have no finite bits; lower training.learning_rate"
            )
        self.seconds += time.monotonic() - started
        better = bits is None or bits < self.best
        if better and bits is not None:
            self.best = bits
        self.since_best = 0 if better else self.since_best + 1
        self.validated = self.learner.step
        log.record(self._position(), {"validation_bits": bits})
        self._save(bits, better)
        self.processes.first_does(lambda: self._preview(log, give_up))

    def _preview(self, log: AnyLog, give_up: Callable[[], bool]) -> None:
        started = time.monotonic()
        log.preview(self.previews, self.learner.average, self.learner.step, self.seconds, give_up)
        self.seconds += time.monotonic() - started

    def _position(self) -> dict[str, float]:
        return {"step": self.learner.step, "seconds": round(self.seconds, 3), "samples": self.learner.samples}

    def _save(self, validated: float | None = None, better: bool | None = None) -> None:
        """Saves the state to resume from; after a validation also the model, as the last and if `better` the best."""
        with self.processes.agreed():
            self.unchanged.check()
        self.processes.first_does(lambda: self._write(validated, better))

    def _write(self, validated: float | None, better: bool | None) -> None:
        if better is not None:
            metadata = self._metadata(validated)
            save(self.learner.average, self.run / folder.LAST, metadata)
            if better:
                save(self.learner.average, self.run / folder.BEST, metadata)
        position: Position = {
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

    def _metadata(self, validated: float | None) -> Mapping[str, object]:
        """The metadata of a model file."""
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
    def origin(self) -> Metadata:
        """The training provenance and ranges in its models' metadata."""
        return origin(self.corpus)

    def _restore(self, recipe: Recipe, tensors: dict[str, torch.Tensor], header: Position) -> None:
        """Restores a saved state. Raises UserError if it is another recipe's or corpus's, or damaged."""
        try:
            self.recipe = folder.agreed_recipe(self.recipe, recipe, header["step"], self.run)
            check_origin(self.run, header, self.corpus, self.init)
            self.init = header["init"]
            inherited = header.get("inherited", self.inherited)
            Provenance.of(inherited)
            self.inherited = inherited
            self.learner.restore(tensors, header["step"], header["samples"])
            self.seconds = header["seconds"]
            self.best = header["best"]
            self.validated = header["validated"]
            self.since_best = header["since_best"]
            if self.recipe != recipe:  # more steps are asked for, and with them more patience
                self.since_best = 0
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise folder.foreign(self.run) from error
