"""Files in a folder of recordings that are not read, counted by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from wavegen.audio.headers import GIVE_HEADER, RAW, UNREADABLE
from wavegen.wording import listed

# What holds sound but is not looked at: nobody leaves such files out on purpose. Kinds that `wavegen.audio.files` reads
# never come here.
SOUND = frozenset(UNREADABLE) | {".8svx", ".ircam", ".paf"}  # the latter are read when named
NO_SUFFIX = "without a suffix"
MAX_KINDS = 8


def by_number(passed: Mapping[str, int]) -> dict[str, int]:
    """Suffixes and how many files have them, the most frequent first; no suffix is `NO_SUFFIX`."""
    kinds = Counter({kind or NO_SUFFIX: number for kind, number in passed.items()})
    return dict(sorted(kinds.items(), key=lambda item: (-item[1], item[0])))


def passed_over_text(passed: Mapping[str, int]) -> str:
    """`50 .m4a, 3 .txt`, the most frequent kinds first; `passed` as `by_number` gives it."""
    return listed([f"{number} {kind}" for kind, number in passed.items()], MAX_KINDS)


def passed_over_warnings(passed: Mapping[str, int]) -> list[str]:
    """A sentence if files were passed over that hold sound."""
    return [*_sound(passed), *_raw(passed)]


def _sound(passed: Mapping[str, int]) -> list[str]:
    sound = {kind: number for kind, number in passed.items() if kind in SOUND}
    if not sound:
        return []
    is_one = sum(sound.values()) == 1
    what = f"{passed_over_text(sound)} passed over: {'it holds' if is_one else 'they hold'} sound that is not read here"
    return [f"{what}; convert to FLAC, as with: ffmpeg -i IN{next(iter(sound))} OUT.flac"]


def _raw(passed: Mapping[str, int]) -> list[str]:
    """A sentence if files were passed over that may hold samples without a header."""
    raw = {kind: number for kind, number in passed.items() if kind in RAW}
    if not raw:
        return []
    return [f"{passed_over_text(raw)} passed over, which have no header; if it is sound, {GIVE_HEADER}"]
