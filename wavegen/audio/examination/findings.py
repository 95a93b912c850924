"""Figures become warnings: about one file, or about many at once with their names."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypedDict

SILENT_SHARE = 0.5  # of a file's samples
CLIPPED_SHARE = 1e-4  # of its samples that were beyond full scale when it was read, and CLIPPED_SAMPLES at least
CLIPPED_SAMPLES = 3
QUIET = 128  # PCM codes: such a peak uses less than 8 of the 16 bits
MUCH_MEAN, SOME_MEAN = 128, 16  # PCM codes; the latter only if it is more than half of the signal's deviation
WANDERING = 0.1  # of the deviation; wind and drums come to 0.03
EMPTY_BAND = 0.8  # of half the sample rate: filters of telephones (0.85) and converters (0.9) end higher
NAMED, LISTED = 3, 1000  # names in a sentence, and in the list
DEEPER = ("PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAC_24", "ALAC_32")
READ, CODED = "read", "coded"  # the channels become one signal, or each is coded by itself

AnyFigures = Mapping[str, Any]  # some keys of `Figures`, read without a check where they must be there


class FindingGroup(TypedDict):
    """One kind of oddity over many files: how many have it, the names of the first LISTED, and a sentence."""

    kind: str
    files: int
    names: list[str]
    warning: str


class Finding(NamedTuple):
    """Something odd about one file: its `kind`, and a `sentence` that goes on from the file's name."""

    kind: str
    sentence: str


@dataclass(frozen=True)
class _Kind:
    """When something is odd, what is said of one file, and of many; `many` goes on from "N of M files".

    "{}" in `many` is the range of `value` over the files.
    """

    applies: Callable[[AnyFigures], bool]
    one: Callable[[AnyFigures], str]
    many: str
    value: Callable[[AnyFigures], float] = lambda figures: 0.0


def _silence(f: AnyFigures) -> bool:
    return f.get("peak", 1) == 0


def _quiet(f: AnyFigures) -> bool:
    return 0 < f.get("peak", QUIET) < QUIET


def _deep(f: AnyFigures) -> bool:
    return f.get("subtype") in DEEPER


def _depth(f: AnyFigures) -> str:
    return "24 bits" if f["subtype"].endswith("24") else "32 or more bits"


def _offset(f: AnyFigures) -> bool:
    mean = abs(f.get("mean", 0))
    return mean > MUCH_MEAN or (mean > SOME_MEAN and mean > f["deviation"] / 2)


def _wandering(f: AnyFigures) -> bool:
    wander = f.get("wander", 0)
    much = wander > MUCH_MEAN and wander > WANDERING * f["deviation"]
    return not _offset(f) and (much or (wander > SOME_MEAN and wander > f["deviation"] / 2))


def _edge(f: AnyFigures) -> float:
    """The frequency in Hz above which there is nothing, or half of the lowest sample rate on the way."""
    half = min(f["source_rate"], f["sample_rate"]) / 2
    return half if f.get("edge") is None else min(half, f["edge"] * f["source_rate"] / 2)


def _repeated(f: AnyFigures) -> bool:
    return f.get("repeated", 1) > 1


def _band_limited(f: AnyFigures) -> bool:
    loud = f.get("peak", 0) - abs(f.get("mean", 0)) >= 2 * QUIET  # a natural spectrum of less soon sinks below
    if "source_rate" not in f or not loud:  # rounding noise
        return False
    return _edge(f) < EMPTY_BAND * min(f["source_rate"], f["sample_rate"]) / 2


def _clipped_on_reading(f: AnyFigures) -> bool:
    return f.get("clipped", 0) >= max(CLIPPED_SAMPLES, CLIPPED_SHARE * f["samples"]) and not f.get("clipped_runs")


def _numbers(channels: list[int]) -> str:
    return f"channel{'s' * (len(channels) > 1)} {', '.join(map(str, channels))}"


def _runs(number: int) -> str:
    return f"{number} run{'s' * (number > 1)}"


def _many(channels: str) -> Callable[[AnyFigures], bool]:
    return lambda f: f.get("channels", 1) > 1 and bool(f.get(channels))


def _mixed(f: AnyFigures) -> bool:
    return f.get("channels", 1) > 1 and not (f.get("identical") or f.get("empty") or f.get("cancelling"))


COMMON = {
    "silence": _Kind(_silence, lambda f: "is digital silence", "are digital silence"),
    "much silence": _Kind(
        lambda f: not _silence(f) and f.get("silent", 0) > SILENT_SHARE * f["samples"],
        lambda f: f"is digital silence for {f['silent'] / f['samples']:.0%}, which costs next to no bits",
        "are digital silence for the most part, which costs next to no bits",
    ),
    "quiet": _Kind(
        lambda f: _quiet(f) and not _deep(f),
        lambda f: f"has a peak of {f['peak']} codes of 32768: far too quiet",
        "have a peak of {} codes of 32768: far too quiet",
        lambda f: f["peak"],
    ),
    "quiet before rounding": _Kind(
        lambda f: _quiet(f) and _deep(f),
        lambda f: f"has a peak of {f['peak']} codes of 32768: far too quiet, its {_depth(f)} were rounded to 16",
        "have a peak of {} codes of 32768: far too quiet, 24 or more bits were rounded to 16",
        lambda f: f["peak"],
    ),
    "clipped": _Kind(
        lambda f: f.get("clipped_runs", 0) > 0,
        lambda f: (
            f"is clipped: {_runs(f['clipped_runs'])} of 3 or more samples at full scale, the longest "
            f"{f['longest_run']}; record or convert at a lower level"
        ),
        "are clipped (3 or more samples in a row at full scale); record or convert at a lower level",
    ),
    "clipped on reading": _Kind(
        _clipped_on_reading,
        lambda f: f"has {f['clipped']} samples beyond full scale, which are clipped; convert it at a lower level",
        "have samples beyond full scale, which are clipped; convert them at a lower level",
    ),
    "flat tops": _Kind(
        lambda f: f.get("flat_tops", 0) > 0,
        lambda f: (
            f"was clipped and then made quieter: {_runs(f['flat_tops'])} of 3 or more samples at its peak of "
            f"{f['flat_peak']:.2f}"
        ),
        "were clipped and then made quieter (3 or more samples in a row at their peak)",
    ),
    "few bits": _Kind(
        lambda f: f.get("bits") is not None and not _quiet(f) and not _repeated(f),
        lambda f: f"has about {f['bits']:.0f} bits in its 16: most codes hardly occur, and cost next to no bits",
        "have about {} bits in their 16: most codes hardly occur, and cost next to no bits",
        lambda f: f["bits"],
    ),
    "offset": _Kind(
        _offset,
        lambda f: f"has a DC offset of {f['mean']:+.0f} codes",
        "have a DC offset of {} codes",
        lambda f: f["mean"],
    ),
    "wandering offset": _Kind(
        _wandering,
        lambda f: f"has a DC offset that changes, by {f['wander']:.0f} codes (RMS) around its mean",
        "have a DC offset that changes, by {} codes (RMS) around its mean",
        lambda f: f["wander"],
    ),
    "lossy": _Kind(
        lambda f: f.get("lossy", False),
        lambda f: f"was coded with loss ({f.get('subtype')}): likelihoods of lossy sources measure their decoder",
        "were coded with loss: likelihoods of lossy sources measure their decoder",
    ),
    "upsampled": _Kind(
        lambda f: f.get("source_rate", 0) < f.get("sample_rate", 0),
        lambda f: f"had a lower sample rate ({f['source_rate']} Hz): the empty upper band is easy to predict",
        "had a lower sample rate: their empty upper band is easy to predict",
    ),
    "repeated": _Kind(
        _repeated,
        lambda f: f"was upsampled by {f['repeated']} without a true filter: most of its samples follow from others",
        "were upsampled by {} without a true filter: most of their samples follow from others",
        lambda f: f["repeated"],
    ),
    "empty band": _Kind(
        _band_limited,
        lambda f: f"has next to nothing above {_edge(f):.0f} Hz: upsampled, or coded with loss, before",
        "have next to nothing above {} Hz: upsampled, or coded with loss, before",
        _edge,
    ),
}
CHANNELS_READ = {
    "cancelling channels": _Kind(
        _many("cancelling"),
        lambda f: f"has channels of opposite polarity, which cancel when mixed; {_numbers(f['mixed'])} is taken alone",
        "have channels of opposite polarity, which cancel when mixed; one channel is taken alone",
    ),
    "empty channels": _Kind(
        lambda f: _many("empty")(f) and not f["cancelling"],
        lambda f: f"has nothing in {_numbers(f['empty'])} of {f['channels']}; what counts is {_numbers(f['mixed'])}",
        "have a channel without a signal, which is left out",
    ),
    "mixed": _Kind(
        _mixed,
        lambda f: f"has {f['channels']} channels, which are mixed to mono",
        "have several channels, which are mixed to mono",
    ),
}
CHANNELS_CODED = {
    "channels": _Kind(
        lambda f: f.get("channels", 1) > 1,
        lambda f: (
            f"has {f['channels']} {'identical ' * f['identical']}channels, each of which is coded by itself; "
            "score takes them as one, and its bits are of that"
        ),
        "have several channels, each of which is coded by itself; score takes them as one, and its bits are of that",
    ),
}
KINDS = {READ: CHANNELS_READ | COMMON, CODED: CHANNELS_CODED | COMMON}


CONTAINER = "container"  # what reading a file noticed beside its samples


def findings_of(figures: AnyFigures, use: str = READ) -> list[Finding]:
    """The oddities of one file, given its figures from `Examiner` and `pcm_figures`, as far as they are there."""
    noticed = [Finding(CONTAINER, sentence) for sentence in figures.get("noticed", ())]
    return noticed + [Finding(name, kind.one(figures)) for name, kind in KINDS[use].items() if kind.applies(figures)]


class Findings:
    """Gathers the findings of many files: how many have each kind, and the first of their names.

    `use` is READ where a file's channels become one signal, CODED where each is coded by itself.
    """

    def __init__(self, use: str = READ) -> None:
        self.use = use
        self.files = 0
        self.groups: dict[tuple[str, str], _Group] = {}

    def add(self, name: str, figures: AnyFigures, told: Container[str] = ()) -> None:
        """A file by its figures; of kinds that are `told` elsewhere nothing is said."""
        self.files += 1
        for finding in findings_of(figures, self.use):
            if finding.kind in told:
                continue
            kind = KINDS[self.use].get(finding.kind)
            key = (finding.kind, "" if kind else finding.sentence)
            self.groups.setdefault(key, _Group(finding, kind)).add(name, figures)

    def listed(self) -> list[FindingGroup]:
        """Each kind that occurs, the first kinds of KINDS first."""
        order = [CONTAINER, *KINDS[self.use]]
        return [
            {"kind": kind, "files": group.count, "names": group.names, "warning": group.warning(self.files)}
            for (kind, _), group in sorted(self.groups.items(), key=lambda item: order.index(item[0][0]))
        ]

    def warnings(self) -> list[str]:
        return [found["warning"] for found in self.listed()]


class _Group:
    """The files that have one kind of finding, `first` being that of the first of them."""

    def __init__(self, first: Finding, kind: _Kind | None):
        self.first = first
        self.kind = kind
        self.count = 0
        self.names: list[str] = []
        self.values: list[float] = []  # the lowest and the highest

    def add(self, name: str, figures: AnyFigures) -> None:
        self.count += 1
        values = [*self.values, 0.0 if self.kind is None else self.kind.value(figures)]
        self.values = [min(values), max(values)]
        if len(self.names) < LISTED:
            self.names.append(name)

    def warning(self, files: int) -> str:
        if self.count == 1:
            return f"{self.names[0]}: {self.first.sentence}"
        said = ": " + self.first.sentence
        if self.kind is not None:
            low, high = (f"{value:.0f}" for value in self.values)
            said = " " + self.kind.many.format(low if low == high else f"{low} to {high}")
        more = f" and {self.count - NAMED} more" if self.count > NAMED else ""
        return f"{self.count} of {files} files{said}: {', '.join(self.names[:NAMED])}{more}"
