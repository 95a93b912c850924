"""Gets Debian's wideband Asterisk sounds, G.722 at 16 kHz, and decodes them into WAV files sorted by who speaks.

    python recipes/asterisk-wideband/get.py FOLDER        leaves FOLDER/<speaker>/… and FOLDER/copyright-<language>, or
                                                          nothing

Without installing anything and without root. Needs apt-get and dpkg-deb, and the decoder of PyPI: pip install g722
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wavegen.audio import files as audio_files
from wavegen.errors import UserError

SAMPLE_RATE, BIT_RATE = 16000, 64000  # of the package's files: Hz, bits per second
# By language: who speaks, and the folder for it. Allison reads English and Spanish.
VOICES = {"en": "allison/en", "es": "allison/es", "fr": "june", "it": "carlo", "ru": "ivrvoice"}


def decoder() -> Callable[[bytes], NDArray[np.int16]]:
    """Decodes the bytes of a file. Raises UserError where the library is missing."""
    try:
        from G722 import G722
    except ImportError as error:
        raise UserError(f"the decoder of G.722 cannot be imported ({error}); get it with: pip install g722") from error
    return lambda coded: np.array(G722(SAMPLE_RATE, BIT_RATE).decode(coded), np.int16)


def unpacked(language: str, work: Path) -> Path:
    """The contents of a language's package, downloaded into `work`. Raises UserError where that fails."""
    package = f"asterisk-core-sounds-{language}-g722"
    folder = work / language
    folder.mkdir(mode=0o755)
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise UserError(f"{tool}: not found; this script needs Debian or a distribution made from it")
    got = _run(["apt-get", "download", "-q", package], folder)
    if got.returncode != 0:
        said = [line for line in got.stderr.splitlines() if line.startswith("E:")][-1:]
        raise UserError(f"{package}: cannot be downloaded: {' '.join(said)}; try first: sudo apt-get update")
    for archive in folder.glob("*.deb"):
        done = _run(["dpkg-deb", "-x", str(archive), "unpacked"], folder)
        if done.returncode != 0:
            raise UserError(f"{package}: cannot be unpacked: {' '.join(done.stderr.split())}")
    return folder / "unpacked"


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def decode_all(contents: Path, out: Path, decode: Callable[[bytes], NDArray[np.int16]]) -> int:
    """Writes each .g722 of a package as WAV to the same place below `out`; gives how many."""
    number = 0
    for voice in contents.glob("usr/share/asterisk/sounds/*"):
        for source in sorted(voice.rglob("*.g722")):
            target = (out / source.relative_to(voice)).with_suffix(".wav")
            target.parent.mkdir(parents=True, exist_ok=True)
            audio_files.write(target, decode(source.read_bytes()), SAMPLE_RATE)
            number += 1
    return number


def get(folder: Path) -> int:
    """Fills a new folder; gives the number of files. Raises UserError, and then leaves nothing."""
    if folder.exists():
        raise UserError(f"{folder}: exists already; name a new folder")
    decode = decoder()
    try:
        work = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.absolute().parent))
    except OSError as error:
        raise UserError(f"{folder}: cannot be made ({error.strerror}); name a folder that you may write") from error
    try:
        number = 0
        for language, place in VOICES.items():
            print(f"{language} …", file=sys.stderr, flush=True)
            contents = unpacked(language, work)
            decoded = decode_all(contents, work / "done" / place, decode)
            if decoded == 0:
                raise UserError(f"asterisk-core-sounds-{language}-g722: holds no sounds; its contents have changed")
            number += decoded
            notice = contents / f"usr/share/doc/asterisk-core-sounds-{language}-g722/copyright"
            shutil.copyfile(notice, work / "done" / f"copyright-{language}")
            shutil.rmtree(work / language)
        (work / "done").rename(folder)
        return number
    finally:
        shutil.rmtree(work, ignore_errors=True)


def main() -> int:
    """The command; gives its exit code."""
    if len(sys.argv) != 2:
        print("get.py: usage: get.py FOLDER, as in: get.py voices", file=sys.stderr)
        return 2
    try:
        number = get(Path(sys.argv[1]))
    except UserError as error:
        print(f"get.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    print(
        f"{sys.argv[1]}: {number} files of {len(set(Path(place).parts[0] for place in VOICES.values()))} speakers; "
        f"next: wavegen prepare {sys.argv[1]} corpus"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
