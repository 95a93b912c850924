"""Chooses the speech that ships in wavegen/assets/speech from the English set, by the rule in its README.md.

    recipes/asterisk/get.sh en sounds
    python recipes/asterisk/select_speech.py sounds wavegen/assets/speech

PCM stays bit for bit what it was; each FLAC file is read back and compared.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
import soundfile

from wavegen.audio import files as audio_files
from wavegen.data.splits import split_of

VOICE = "en_US_f_Allison"
NOT_SPEECH = ("silence/", "beep.", "beeperr.", "ascending-2tone.", "descending-2tone.", "tt-monkeys.")
# Recordings of [from, to) seconds, and how many minutes of them: words, sentences, connected speech.
CLASSES = ((0.5, 2.0, 1.0), (2.0, 6.0, 3.0), (6.0, 25.0, 2.0))
SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}


def select(sounds: Path) -> list[Path]:
    """Paths relative to `sounds`, of .flac files to be, in the order of the rule."""
    seconds = {}
    for path in audio_files.find(sounds / VOICE):
        if not path.relative_to(sounds / VOICE).as_posix().startswith(NOT_SPEECH):
            seconds[path.relative_to(sounds).with_suffix(".flac")] = audio_files.read(path).seconds
    by_hash = sorted(seconds, key=lambda path: hashlib.sha1(path.as_posix().encode()).hexdigest())
    chosen = []
    for shortest, longest, minutes in CLASSES:
        room = {split: 60 * minutes * share for split, share in SHARES.items()}
        for path in by_hash:
            split = split_of(path.as_posix())
            if shortest <= seconds[path] < longest and seconds[path] <= room[split]:
                room[split] -= seconds[path]
                chosen.append(path)
    return chosen


def encode(source: Path, target: Path) -> None:
    """The WAV file `source` as the FLAC file `target`, the same samples."""
    sound = audio_files.read(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(target, sound.pcm, sound.sample_rate, subtype="PCM_16", compression_level=1.0)
    if sound.channels != 1 or sound.subtype != "PCM_16" or not np.array_equal(audio_files.read(target).pcm, sound.pcm):
        raise SystemExit(f"{target}: differs from {source}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sounds", type=Path, help=f"the folder that get.sh filled, with {VOICE}/ in it")
    parser.add_argument("speech", type=Path, help="where the FLAC files go")
    arguments = parser.parse_args()
    chosen = select(arguments.sounds)
    for path in chosen:
        encode(arguments.sounds / path.with_suffix(".wav"), arguments.speech / path)
    print(f"{len(chosen)} files written to {arguments.speech}")


if __name__ == "__main__":
    main()
