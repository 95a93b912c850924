"""One trainer for every density: maximum likelihood by Muon and Adam, averaged weights, exact resume."""

from __future__ import annotations

import contextlib
import copy
import json
import math
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from tensorboardX import SummaryWriter
from torch import Tensor
from tqdm import tqdm

from wavegen.atomic import replacing
from wavegen.calibration import calibrate
from wavegen.checkpoint import FORMAT, read_tensors, save, write_tensors
from wavegen.data.corpus import Corpus
from wavegen.data.windows import Batch, Windows
from wavegen.density import AudioModel
from wavegen.errors import UserError
from wavegen.evaluation import bits_per_file
from wavegen.optimizer import optimizers
from wavegen.process import interrupt_noted, locked, torch_threads
from wavegen.recipe import Recipe, check_same, load_recipe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WARM_UP_STEPS = 100  # or a tenth of a run, if that is less
FINAL_RATE = 0.02  # of the learning rate, reached by a cosine
MAX_GRADIENT_NORM = 1.0
VALIDATION_SECONDS = 40  # of audio at most, so that validating stays cheap beside training
LOG_EVERY = 20
MOST_SAMPLES_A_STEP = 2**26  # context included: 64 channels of so many take 16 GiB a layer


def train(recipe: Recipe, corpus: Corpus, run: str | Path, *, resume: bool = False, progress: bool = True) -> Path:
    """Trains what the recipe says and gives the path of the best model, `run`/model.safetensors.

    The run folder holds the resolved recipe, metrics.jsonl, TensorBoard events, the model (averaged
    weights, best on the validation split) and what resuming needs; a resumed run ends with the same
    bits as one that was never interrupted. Raises UserError when recipe, corpus or folder do not fit,
    when another process trains in the folder, and when training diverges.
    """
    run = Path(run)
    if recipe.corpus.sample_rate not in (None, corpus.sample_rate):
        raise UserError(f"{corpus.path}: {corpus.sample_rate} Hz, but the recipe says {recipe.corpus.sample_rate} Hz")
    with locked(run):
        if (run / "resume.safetensors").exists() and not resume:
            raise UserError(f"{run}: holds a training run; give --resume to go on with it, or another --run")
        trainer = Trainer(recipe, corpus, run)
        trainer.run_all(progress)
    return run / "model.safetensors"


class Trainer:
    """The state of a training run: weights, their average, the optimiser, and how far it is."""

    def __init__(self, recipe: Recipe, corpus: Corpus, run: Path):
        torch.manual_seed(recipe.training.seed)
        self.corpus, self.run = corpus, run
        self.model = AudioModel.from_settings(recipe.model, corpus.sample_rate)
        recordings = [corpus.pcm(recording) for recording in corpus.split("train")]
        if not recordings:
            raise UserError(f"{corpus.path}: the training split is empty; prepare more recordings")
        if self.model.predictor is not None:
            self.model.predictor.fit(recordings)
        self.average = copy.deepcopy(self.model)
        self.windows = _windows(recordings, self.model, recipe)
        self.validation = list(_at_most(VALIDATION_SECONDS * corpus.sample_rate, corpus))
        self.step, self.seconds, self.samples, self.best = 0, 0.0, 0, math.inf
        self.optimizers = optimizers(self.model, recipe.training.learning_rate)
        if (run / "resume.safetensors").exists():
            self.recipe = load_recipe(run / "recipe.toml")
            check_same(recipe, self.recipe, str(run))
            self._restore()
        else:
            self.recipe = self._calibrated(recipe)
            with replacing(run / "recipe.toml") as temporary:
                temporary.write_text(self.recipe.to_toml(), encoding="utf-8")
        _keep_metrics(run / "metrics.jsonl", self.step)

    def _calibrated(self, recipe: Recipe) -> Recipe:
        """The recipe with its steps and threads decided by timing copies of this trainer."""
        probe = copy.copy(self)
        probe.recipe, whole = recipe, (self.model, self.average, self.optimizers)
        probe.model, probe.average, probe.optimizers = copy.deepcopy(whole)
        validation_steps = sum(map(len, self.validation)) / (self.windows.batch_size * self.windows.length)
        resolved = calibrate(recipe, lambda: probe._train_step(steps=10**6), validation_steps)
        # The corpus's path was relative to the recipe's old place; the model's fingerprint tells which it was.
        return resolved.model_copy(update={"corpus": resolved.corpus.model_copy(update={"path": None})})

    def run_all(self, progress: bool = True) -> None:
        """Trains from where the run stands to its last step; when interrupted, ends and saves the step under way."""
        settings = self.recipe.training
        steps, every = settings.steps, settings.validate_every
        assert settings.threads is not None, "a resolved recipe has all three"
        assert steps is not None, "a resolved recipe has all three"
        assert every is not None, "a resolved recipe has all three"
        bar = tqdm(
            total=steps,
            initial=self.step,
            desc=self.model.network.name,
            unit="step",
            disable=not progress,
            mininterval=0.5 if sys.stderr.isatty() else 30,  # a log file wants lines now and then
        )
        with (
            torch_threads(settings.threads),
            bar,
            contextlib.closing(SummaryWriter(str(self.run), purge_step=self.step + 1)) as board,
            interrupt_noted() as interrupted,
        ):
            while self.step < steps:
                started = time.monotonic()
                bits = self._train_step(steps)
                self.seconds += time.monotonic() - started
                record: dict[str, float | None] = {}
                if self.step % LOG_EVERY == 0:
                    record["train_bits"] = bits
                    bar.set_postfix_str(f"{bits:.3f} bits/sample", refresh=False)
                if self.step % every == 0 or self.step == steps:
                    record["validation_bits"] = self._validate()
                if record:
                    self._log(record, board)
                if "validation_bits" in record or interrupted.is_set():
                    self._save()
                if interrupted.is_set():
                    raise KeyboardInterrupt
                bar.update()

    def _log(self, record: dict[str, float | None], board: SummaryWriter) -> None:
        position = {"step": self.step, "seconds": round(self.seconds, 3), "samples": self.samples}
        try:
            with open(self.run / "metrics.jsonl", "a", encoding="utf-8") as metrics:
                metrics.write(json.dumps(position | record) + "\n")
        except OSError as error:
            raise UserError(f"{self.run / 'metrics.jsonl'}: cannot be written: {error.strerror}") from error
        for name, value in record.items():
            if value is not None:
                board.add_scalar(name, value, self.step)

    def _train_step(self, steps: int) -> float:
        """One step on the mean bits of the batch's scored samples, which it returns."""
        settings = self.recipe.training
        warm = min(1.0, (self.step + 1) / min(WARM_UP_STEPS, 1 + steps // 10))
        cosine = (1 + math.cos(math.pi * self.step / steps)) / 2
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * warm * (FINAL_RATE + (1 - FINAL_RATE) * cosine)
        batch = self.windows.batch(self.step)
        bits = mean_bits(self.model, batch)
        self.model.zero_grad()
        bits.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), MAX_GRADIENT_NORM)
        if not (torch.isfinite(bits) and torch.isfinite(norm)):
            raise self._diverged()
        for optimizer in self.optimizers:
            optimizer.step()
        self.step += 1
        self.samples += int(batch.scored.sum())
        # Early steps weigh less: the average must not remember the random start.
        decay = min(settings.average_decay, self.step / (self.step + 9))
        with torch.no_grad():
            for average, weight in zip(self.average.parameters(), self.model.parameters(), strict=True):
                average.lerp_(weight, 1 - decay)
        return bits.item()

    def _diverged(self) -> UserError:
        return UserError(f"{self.run}: training diverged at step {self.step}; lower training.learning_rate")

    def _validate(self) -> float | None:
        """Bits per sample of the averaged weights on the validation files; keeps the model if it is the best yet."""
        started = time.monotonic()
        bits = None
        if self.validation:
            bits = float(bits_per_file(self.average, self.validation).sum() / sum(map(len, self.validation)))
            if not math.isfinite(bits):
                raise self._diverged()
        self.seconds += time.monotonic() - started
        if bits is None or bits < self.best:
            self.best = self.best if bits is None else bits
            metadata = {
                "corpus_fingerprint": self.corpus.fingerprint,
                "seed": self.recipe.training.seed,
                "steps": self.step,
                "samples_seen": self.samples,
                "training_seconds": round(self.seconds, 1),
                "threads": self.recipe.training.threads,
                "validation_bits": bits,
                **self.recipe.sampling.model_dump(),
            }
            save(self.average, self.run / "model.safetensors", metadata)
        return bits

    def _save(self) -> None:
        tensors: dict[str, Tensor] = {}
        for prefix, module in (("model", self.model), ("average", self.average)):
            tensors |= {f"{prefix}.{name}": tensor for name, tensor in module.state_dict().items()}
        for number, optimizer in enumerate(self.optimizers):
            for index, state in optimizer.state_dict()["state"].items():
                tensors |= {f"optimizer.{number}.{index}.{name}": tensor for name, tensor in state.items()}
        position = {"step": self.step, "seconds": self.seconds, "samples": self.samples, "best": self.best}
        header = {"format": FORMAT, "corpus_fingerprint": self.corpus.fingerprint, **position}
        write_tensors(self.run / "resume.safetensors", tensors, header)

    def _restore(self) -> None:
        path = self.run / "resume.safetensors"
        tensors, header = read_tensors(path)
        try:
            self._take_over(tensors, header)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise UserError(f"{path}: damaged, or of another run; give another --run") from error

    def _take_over(self, tensors: dict[str, Tensor], header: dict[str, Any]) -> None:
        if header["corpus_fingerprint"] != self.corpus.fingerprint:
            raise UserError(
                f"{self.run}: was trained on corpus {header['corpus_fingerprint']}, "
                f"{self.corpus.path} is {self.corpus.fingerprint}; give the same corpus"
            )
        for prefix, module in (("model", self.model), ("average", self.average)):
            names = module.state_dict()
            module.load_state_dict({name: tensors[f"{prefix}.{name}"] for name in names})
        for number, optimizer in enumerate(self.optimizers):
            state: dict[int, dict[str, Tensor]] = {}
            for key, tensor in tensors.items():
                if key.startswith(prefix := f"optimizer.{number}."):
                    index, _, name = key.removeprefix(prefix).partition(".")
                    state.setdefault(int(index), {})[name] = tensor
            optimizer.load_state_dict(optimizer.state_dict() | {"state": state})
        self.step, self.seconds, self.samples = header["step"], header["seconds"], header["samples"]
        self.best = header["best"]


def _windows(recordings: Sequence[NDArray[np.int16]], model: AudioModel, recipe: Recipe) -> Windows:
    """What batches are cut from. Raises UserError if a step would take more samples than memory can hold."""
    settings = recipe.training
    windows = Windows(
        recordings,
        window=settings.window,
        context=context_of(model, settings.warm_up),
        alignment=model.network.alignment,
        batch_size=settings.batch_size,
        seed=settings.seed,
    )
    if (at_once := windows.batch_size * windows.length) > MOST_SAMPLES_A_STEP:
        raise UserError(
            f"a step would take {at_once} samples, {windows.context} of context for each window; "
            f"at most {MOST_SAMPLES_A_STEP}: lower network.dilations, training.window or training.batch_size"
        )
    return windows


def context_of(model: AudioModel, warm_up: int) -> int:
    """How many unscored samples come before a window's: all that is heard, or the warm-up where that is without end.

    A warm-up fills the predictor's taps at least: with zeros in them it would expect what it never does in a file.
    """
    if model.receptive_field is not None:
        return model.receptive_field - 1
    return warm_up if model.predictor is None else max(warm_up, model.predictor.receptive_field)


def mean_bits(model: AudioModel, batch: Batch) -> Tensor:
    """The mean over the scored samples of −log2 p, a scalar: what training minimises."""
    log2_prob, _ = model.log2_prob(batch.pcm, model.initial_state(len(batch.pcm), batch.before))
    return -(log2_prob * batch.scored).sum() / batch.scored.sum()


def _at_most(samples: int, corpus: Corpus) -> Iterator[Any]:
    """Whole validation recordings until there are that many samples, in the order of their content hashes."""
    for recording in sorted(corpus.split("validation"), key=lambda recording: recording.content_hash):
        if samples <= 0:
            return
        samples -= recording.samples
        yield corpus.pcm(recording)


def _keep_metrics(path: Path, step: int) -> None:
    """Drops the lines of steps that a killed run made after it last saved, and a last line that was cut short."""
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            if json.loads(line)["step"] <= step:
                kept.append(line)
    with replacing(path) as temporary:
        temporary.write_text("".join(kept), encoding="utf-8")
