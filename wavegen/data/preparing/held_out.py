"""Judges whether the held-out splits suffice to choose a model and to report on it."""

from __future__ import annotations

from collections import Counter

from wavegen.data.preparing.entries import Entry
from wavegen.data.results import Audit, SplitSize
from wavegen.data.splits import FILE, OFFICIAL, SPEAKER, SPLITS, TIME
from wavegen.wording import counted, listed

LITTLE_SECONDS, FEW_FILES = 10, 3  # less decides nothing, and an interval over two files says nothing
MUCH_SILENCE = 0.5
FEW_SPEAKERS = 10  # with more, each split by hash has some mostly
MAX_FOLDERS = 1000  # below the speakers', that are counted
FEW_TO_CUT = 10  # recordings: of fewer no whole ones are held out once they are cut, but the end of each
PIECES = 30  # that recordings should be cut into at least, so that three are held out twice
LONGEST_PIECE = 10  # seconds
EMPTY = {"train": "nothing to train on", "validation": "no early stopping", "test": "nothing to report"}
ENLARGE = "prepare more recordings, or cut long ones with `cut`"  # parameter of `prepare`
LITTLE = {
    "train": "too little to train on",
    "validation": "too little to choose the best model by",
    "test": "too little to report bits of",
}


class Sides:
    """Counts files, samples and digital silence of each split, and speakers, recording after recording."""

    def __init__(self) -> None:
        self.files: Counter[str] = Counter()
        self.samples: Counter[str] = Counter()
        self.silent: Counter[str] = Counter()
        self.speakers: set[str] = set()
        self.folders: set[str] = set()  # SPEAKER/FOLDER, of recordings that lie so deep

    def add(self, entry: Entry, split: str) -> None:
        self.files[split] += 1
        self.samples[split] += entry.samples
        self.silent[split] += entry.silent
        if entry.speaker is not None:
            self.speakers.add(entry.speaker)
        parts = entry.recording.split("/", 2)
        if len(parts) == 3 and len(self.folders) < MAX_FOLDERS:
            self.folders.add("/".join(parts[:2]))

    def silence(self) -> dict[str, float]:
        """The share of each split's samples that are digital silence."""
        return {name: self.silent[name] / max(1, self.samples[name]) for name in SPLITS}

    def speaker_warnings(self, split_by: str, top_folders: bool) -> list[str]:
        """A sentence if there are too few speakers to hold some out; `top_folders`: they are the source's folders."""
        few = len(self.speakers) < FEW_SPEAKERS and (
            len(self.speakers) < len(SPLITS) or len(self.folders) > len(self.speakers) or len(self.files) < len(SPLITS)
        )
        if split_by != SPEAKER or not few:
            return []
        names = sorted(self.speakers)
        found = f"only {counted(len(names), 'speaker')} ({listed(names)})"
        if not top_folders:
            return [f"{found}: too few to hold some out"]
        found += "; speakers are the top folders of SOURCE"
        if len(self.folders) <= len(self.speakers):
            return [f"{found}: add speakers, or split by file"]
        return [
            f"{found}, which hold {len(self.folders)} folders: if those are the speakers, name a folder deeper, "
            f"as SOURCE/{names[0]}"
        ]


def split_doubts(audit: Audit, split: str) -> list[str]:
    """The reasons not to rely on a split that is not empty, a sentence each."""
    of = audit["splits"][split]
    found = []
    seconds = 60 * of["minutes"]
    silence = of.get("digital_silence", 0)  # which older audits do not have
    if _is_little(split, of):
        interval = ", and there is no interval over one file" if split == "test" and of["files"] == 1 else ""
        number = counted(of["files"], "piece" if "cut" in audit else "file")
        found.append(f"the {split} split is {_length(seconds)} in {number}: {LITTLE[split]}{interval}")
    if silence > MUCH_SILENCE:
        found.append(f"{silence:.0%} of the {split} split is digital silence, which costs next to no bits")
    return found


def split_warnings(audit: Audit) -> list[str]:
    """Sentences on empty, tiny, silent and lopsided splits, and what would help."""
    found = []
    splits = audit["splits"]
    for name, of in splits.items():
        found += split_doubts(audit, name) if of["files"] else [f"the {name} split is empty ({EMPTY[name]})"]
    train = splits["train"]["minutes"]
    for name in ("validation", "test"):
        if splits[name]["minutes"] > train > 0:
            lengths = f"{_length(60 * splits[name]['minutes'])}) is larger than train ({_length(60 * train)}"
            found.append(f"the {name} split ({lengths})")
    if audit["advice"]:
        found.append(
            f"few recordings for a split: prepare them again with {audit['advice']}, which cuts them into pieces"
        )
    if audit["split_by"] == TIME:
        found.append(
            "the last tenth of each recording is the test split, the tenth before it validation: they share voices and "
            "rooms with train"
        )
    return found


def advice(audit: Audit) -> str | None:
    """The options of `wavegen prepare` that would give larger held-out splits; None if none would."""
    splits = audit["splits"]
    longest = splits["train"]["minutes"]
    enough = not any(_is_little(name, of) or of["minutes"] > longest for name, of in splits.items())
    split_by = audit["split_by"]
    cut = audit.get("cut")
    if enough or split_by in (OFFICIAL, SPEAKER):
        return None
    seconds = 60 * audit["minutes"]
    piece = max(1, min(LONGEST_PIECE, int(seconds / PIECES)))
    recordings = cut["recordings"] if cut else audit["files"]
    if seconds / recordings < 3 * piece or (cut is not None and split_by == TIME and cut["seconds"] <= piece):
        return None  # pieces would be as long as the recordings are
    in_time = " --split-by time" if recordings >= FEW_TO_CUT and split_by == FILE else ""
    return f"--cut {piece}{in_time}"  # corpora store it in these words of the command


def _is_little(split: str, of: SplitSize) -> bool:
    """Whether a split decides nothing; of what is trained on only the length matters."""
    return 60 * of["minutes"] < LITTLE_SECONDS or (split != "train" and of["files"] < FEW_FILES)


def _length(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.1f} min"
