"""Recordings whose density is known exactly: what a model of them can reach and, but for chance, never beat."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from operator import mul
from typing import ClassVar, Protocol

import numpy as np
import torch
from pydantic import TypeAdapter, ValidationError

from wavegen.errors import UserError, nearest
from wavegen.jsontypes import Json

LOWEST, HIGHEST = -32768, 32767  # the edge codes: noise beyond them is clipped, so they take its tails
CODES = np.arange(LOWEST, HIGHEST + 1)


class Source(Protocol):
    """A process that makes int16 samples one after the other from those before; before a recording there are zeros.

    No uniform share is mixed in: this is the truth, and models pay for theirs.
    """

    kind: ClassVar[str]

    def draw(self, num_samples: int, seed: int) -> np.ndarray:
        """A recording, (num_samples,) int16, a function of the settings and `seed` alone."""
        ...

    def log2_prob(self, pcm: np.ndarray) -> np.ndarray:
        """log2 P(pcm_t | pcm_<t) of a whole recording from its beginning, (samples,) int16 to (samples,) float64."""
        ...

    def next_log2_prob(self, history: np.ndarray) -> np.ndarray:
        """log2 P of each code that may follow `history`, (samples,) int16, to (65536,) float64, code −32768 first."""
        ...

    @property
    def entropy_rate(self) -> float:
        """The bits per sample that the source makes in the long run."""
        ...

    def describe(self) -> Json:
        """The settings, as `source_of` reads them."""
        ...


@dataclass(frozen=True)
class Autoregressive:
    """pcm_t = clip(round(Σ_i coefficients_i pcm_{t−i} + noise_t)): white noise if there are no coefficients.

    The noise is independent, "gaussian" with standard deviation `scale` codes or "laplace" with mean magnitude
    `scale`. It is rounded inside the recursion, hence with location m_t = Σ_i coefficients_i pcm_{t−i}

        P(pcm_t = k) = F((k + ½ − m_t) / scale) − F((k − ½ − m_t) / scale),

    F the noise's distribution function, 0 at the lower edge of code −32768 and 1 at the upper edge of code 32767.
    Raises UserError unless the recursion is stable and `scale` at least one code.
    """

    kind: ClassVar[str] = "autoregressive"
    noise: str
    scale: float
    coefficients: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.noise not in LOG_CDF:
            raise UserError(f"noise {self.noise} is unknown{nearest(self.noise, LOG_CDF)}")
        if not 1 <= self.scale <= HIGHEST:
            raise UserError(f"scale {self.scale}: must be from 1 to {HIGHEST} codes")
        finite = np.isfinite(self.coefficients).all()
        if not finite or np.any(np.abs(np.roots([1, *np.negative(self.coefficients)])) >= 1):
            raise UserError(f"coefficients {self.coefficients}: not stable; all poles must lie below 1")

    def draw(self, num_samples: int, seed: int) -> np.ndarray:
        random = np.random.default_rng(seed)
        noise = (random.normal if self.noise == "gaussian" else random.laplace)(scale=self.scale, size=num_samples)
        history = deque([0] * len(self.coefficients), maxlen=len(self.coefficients))  # newest first
        pcm = np.empty(num_samples, np.int16)
        for t, fresh in enumerate(noise.tolist()):
            code = min(max(round(sum(map(mul, self.coefficients, history)) + fresh), LOWEST), HIGHEST)
            history.appendleft(code)
            pcm[t] = code
        return pcm

    def log2_prob(self, pcm: np.ndarray) -> np.ndarray:
        return self._log2_cell(pcm, self._locations(pcm)[:-1])

    def next_log2_prob(self, history: np.ndarray) -> np.ndarray:
        return self._log2_cell(CODES, self._locations(history)[-1])

    @property
    def entropy_rate(self) -> float:
        """Of the rounded noise, a mean over where the location lies between two codes; exact but for clipping."""
        log2_prob = self._log2_cell(CODES, np.arange(16)[:, None] / 16)
        return -float(np.sum(np.exp2(log2_prob) * log2_prob)) / 16

    def describe(self) -> Json:
        return {"kind": self.kind, **asdict(self)}

    def _locations(self, pcm: np.ndarray) -> np.ndarray:
        """m of each sample and of the one that follows them, (samples,) to (samples + 1,) float64."""
        locations = np.zeros(len(pcm) + 1)
        for lag, coefficient in enumerate(self.coefficients, start=1):
            locations[lag:] += coefficient * pcm[: max(0, len(pcm) + 1 - lag)]
        return locations

    def _log2_cell(self, codes: np.ndarray, locations: np.ndarray) -> np.ndarray:
        """log2 (F(upper) − F(lower)), exact in both tails: the noise is symmetric, so each cell is taken from below."""
        codes = codes.astype(np.float64)
        lower = np.where(codes == LOWEST, -np.inf, (codes - 0.5 - locations) / self.scale)
        upper = np.where(codes == HIGHEST, np.inf, (codes + 0.5 - locations) / self.scale)
        above = lower > -upper
        lower, upper = np.where(above, -upper, lower), np.where(above, -lower, upper)
        log_lower, log_upper = LOG_CDF[self.noise](lower), LOG_CDF[self.noise](upper)
        return (log_upper + np.log1p(-np.exp(log_lower - log_upper))) / math.log(2)


def _log_cdf_gaussian(z: np.ndarray) -> np.ndarray:
    return torch.special.log_ndtr(torch.from_numpy(np.atleast_1d(z))).numpy()


def _log_cdf_laplace(z: np.ndarray) -> np.ndarray:
    """log F of the Laplace distribution of mean magnitude one."""
    tail = np.log(0.5) - np.abs(z)
    return np.where(z < 0, tail, np.log1p(-np.exp(tail)))


LOG_CDF: dict[str, Callable[[np.ndarray], np.ndarray]] = {"gaussian": _log_cdf_gaussian, "laplace": _log_cdf_laplace}


@dataclass(frozen=True)
class MarkovChain:
    """P(codes_j | codes_i before it) = transition_ij; a recording starts as if after code 0, which is one of `codes`.

    Raises UserError unless `codes` are different int16 values with 0 among them and each row of `transition` is a
    distribution over them.
    """

    kind: ClassVar[str] = "markov-chain"
    codes: tuple[int, ...]
    transition: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        if 0 not in self.codes or len(set(self.codes)) < len(self.codes) or not set(self.codes) <= set(CODES.tolist()):
            raise UserError("codes: must be different 16-bit values, one of them 0")
        size = len(self.codes)
        rows = [row for row in self.transition if len(row) == size and min(row) >= 0 and abs(sum(row) - 1) < 1e-9]
        if not len(rows) == len(self.transition) == size:
            raise UserError(f"transition: must have {size} rows of {size} probabilities that sum to one")

    def draw(self, num_samples: int, seed: int) -> np.ndarray:
        cumulative = np.cumsum(self.transition, axis=1)
        cumulative[:, -1] = 1
        state = self.codes.index(0)
        states = np.empty(num_samples, np.int64)
        for t, uniform in enumerate(np.random.default_rng(seed).random(num_samples)):
            state = states[t] = np.searchsorted(cumulative[state], uniform, side="right")
        return np.array(self.codes, np.int16)[states]

    def log2_prob(self, pcm: np.ndarray) -> np.ndarray:
        """−∞ for a code that the chain does not make, or not after the one before it."""
        states = self._states(np.concatenate([[0], pcm]))
        return self._table()[states[:-1], states[1:]]

    def next_log2_prob(self, history: np.ndarray) -> np.ndarray:
        state = self._states(np.concatenate([[0], history])[-1:])[0]
        log2_prob = np.full(len(CODES), -np.inf)
        log2_prob[np.array(self.codes) - LOWEST] = self._table()[state, :-1]
        return log2_prob

    @property
    def entropy_rate(self) -> float:
        """−Σ_i π_i Σ_j P_ij log2 P_ij, π the stationary distribution: the row that every start comes to."""
        transition = np.array(self.transition)
        visits = np.linalg.matrix_power((transition + np.eye(len(transition))) / 2, 2**30)[self.codes.index(0)]
        surprisal = -np.log2(transition, out=np.zeros_like(transition), where=transition > 0)
        return float(visits / visits.sum() @ (transition * surprisal).sum(axis=1))

    def describe(self) -> Json:
        return {"kind": self.kind, **asdict(self)}

    def _states(self, pcm: np.ndarray) -> np.ndarray:
        """The state of each code; the number of states for a code that has none."""
        states = np.full(len(CODES), len(self.codes))
        states[np.array(self.codes) - LOWEST] = np.arange(len(self.codes))
        return states[pcm.astype(np.int64) - LOWEST]

    def _table(self) -> np.ndarray:
        """log2 P from state to state, with a last row and column for codes that have none, −∞."""
        table = np.full([len(self.codes) + 1] * 2, -np.inf)
        np.log2(self.transition, out=table[:-1, :-1], where=np.array(self.transition) > 0)
        return table


def resonances(*poles: tuple[float, float]) -> tuple[float, ...]:
    """Coefficients of the filter that rings at the given (radius, angle as a share of half the sample rate)."""
    roots = [radius * np.exp(sign * 1j * np.pi * angle) for radius, angle in poles for sign in (1, -1)]
    return tuple((-np.real(np.poly(roots))[1:]).tolist())


FORMANTS = ((0.985, 0.06), (0.97, 0.14), (0.95, 0.25), (0.9, 0.38), (0.8, 0.5), (0.7, 0.63), (0.6, 0.77), (0.5, 0.92))
WALK = np.array([2, 7, 3, 1, 0, 0, 1, 2]) / 16  # probabilities of stepping 0, 1 … 7 codes onwards, around a ring

SOURCES: dict[str, Source] = {
    "white-gaussian": Autoregressive("gaussian", 1000),
    "white-laplace": Autoregressive("laplace", 1000),
    "ar2": Autoregressive("gaussian", 300, resonances((0.97, 0.1))),
    "ar16": Autoregressive("gaussian", 100, resonances(*FORMANTS)),
    "markov-chain": MarkovChain(
        codes=(-12000, -4000, -1200, 0, 400, 1600, 5000, 14000),
        transition=tuple(tuple(np.roll(WALK, state).tolist()) for state in range(8)),
    ),
}
KINDS: dict[str, type[Source]] = {kind.kind: kind for kind in (Autoregressive, MarkovChain)}


def named(name: str) -> Source:
    """The source of that name; raises UserError if there is none."""
    if name not in SOURCES:
        raise UserError(f"source:{name}: there is no such source{nearest(name, SOURCES)}")
    return SOURCES[name]


def source_of(description: object, origin: str) -> Source:
    """The source that `describe` described; raises UserError, naming the `origin` it was read from, if it is none."""
    settings: Json = description if isinstance(description, dict) else {}
    kind = settings.get("kind")
    if isinstance(kind, str) and kind not in KINDS:
        raise UserError(f"{origin}: its source is of kind {kind!r}, of a newer wavegen; install that")
    try:
        values = {key: value for key, value in settings.items() if key != "kind"}
        return TypeAdapter(KINDS[str(kind)]).validate_python(values)
    except (KeyError, TypeError, ValueError, ValidationError) as error:
        raise UserError(f"{origin}: its source is described wrongly, damaged or altered; prepare it again") from error
    except UserError as error:
        raise UserError(f"{origin}: its source: {error}") from error
