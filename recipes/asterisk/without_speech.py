"""Links the English set without what wavegen/assets/speech holds out: a model of it suits a quickstart's comparison.

python recipes/asterisk/without_speech.py sounds sounds-allison
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from wavegen.assets import speech
from wavegen.audio import files as audio_files
from wavegen.data.splits import split_of
from wavegen.errors import UserError


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sounds", type=Path, help="the folder that get.sh filled")
    parser.add_argument("out", type=Path, help="a new folder")
    arguments = parser.parse_args()
    embedded = [path.relative_to(speech.folder()) for path in audio_files.find(speech.folder())]
    held_out = {path.with_suffix(".wav") for path in embedded if split_of(path.as_posix()) != "train"}
    names = [path.relative_to(arguments.sounds) for path in audio_files.find(arguments.sounds)]
    if missing := held_out - set(names):
        raise SystemExit(
            f"{arguments.sounds}: {min(missing)} is not there to be left out; give the folder of get.sh en"
        )
    if arguments.out.exists():
        raise SystemExit(f"{arguments.out}: exists already; name a new folder")
    for name in names:
        if name not in held_out:
            (arguments.out / name).parent.mkdir(parents=True, exist_ok=True)
            os.link(arguments.sounds / name, arguments.out / name)
    print(f"{len(held_out)} recordings left out of {arguments.out}")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"without_speech.py: {error}")
