"""A few recordings of each known corpus, in exactly the folders and under the names that it comes in."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile


def sound(seed: int, rate: int, seconds: float = 0.12) -> np.ndarray:
    """A decaying tone in noise, (samples,) int16, another for each seed."""
    random, time = np.random.default_rng(seed), np.arange(round(rate * seconds)) / rate
    tone = np.sin(2 * np.pi * random.uniform(100, 300) * time) * np.exp(-3 * time)
    return np.round(6000 * tone + random.normal(0, 60, len(time))).astype(np.int16)


def _write(path: Path, seed: int, rate: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound(seed, rate), rate, subtype="PCM_16")


def _text(path: Path, lines: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def yesno(folder: Path) -> None:
    """waves_yesno.tar.gz unpacked: sixty files, whose names are every eighth word or so of eight."""
    root = folder / "waves_yesno"
    _text(root / "README", ["yes or no in Hebrew"])
    for number in range(24):
        _write(root / ("_".join(f"{number * 9 + 15:08b}") + ".wav"), number, 8000)


def speech_commands(folder: Path) -> None:
    """speech_commands_v0.02.tar.gz unpacked; a digit and a word that is none, with the two lists."""
    root = folder / "speech_commands_v0.02"
    names = [f"{seed:08x}_nohash_{take}.wav" for seed in (0x4AFA, 0xA5D485D, 0x132A06D) for take in range(2)]
    for index, word in enumerate(("zero", "seven", "bed")):
        for number, name in enumerate(names):
            _write(root / word / name, 10 * index + number, 16000)
    _write(root / "_background_noise_" / "white_noise.wav", 99, 16000)
    _text(root / "validation_list.txt", [f"{word}/{name}" for word in ("bed", "seven", "zero") for name in names[2:4]])
    _text(root / "testing_list.txt", [f"{word}/{name}" for word in ("bed", "seven", "zero") for name in names[4:]])
    _text(root / "README.md", ["## Speech Commands Data Set v0.02"])


def cmu_arctic(folder: Path) -> None:
    """Two voices' archives unpacked side by side."""
    for index, voice in enumerate(("bdl", "slt")):
        root = folder / f"cmu_us_{voice}_arctic"
        names = [f"arctic_{half}{number:04}" for half in "ab" for number in range(1, 9)]
        for number, name in enumerate(names):
            _write(root / "wav" / f"{name}.wav", 50 * index + number, 16000)
        _text(
            root / "etc" / "txt.done.data",
            [f'( {name} "Author of the danger trail, number {name[-1]}." )' for name in names],
        )


def ljspeech(folder: Path) -> None:
    """LJSpeech-1.1.tar.bz2 unpacked."""
    root = folder / "LJSpeech-1.1"
    names = [f"LJ{book:03}-{number:04}" for book in (1, 2) for number in range(1, 13)]
    for number, name in enumerate(names):
        _write(root / "wavs" / f"{name}.wav", number, 22050)
    _text(root / "metadata.csv", [f'{name}|in 1465, "quoted" {name}|in fourteen sixty-five' for name in names])
    _text(root / "README", ["The LJ Speech Dataset"])


def vctk(folder: Path) -> None:
    """VCTK-Corpus-0.92.zip unpacked: two microphones, a speaker without texts, a log between the speakers."""
    root = folder / "VCTK-Corpus-0.92"
    for index, speaker in enumerate(("p225", "p226", "p231", "p246", "p315", "s5")):
        for number in range(1, 4):
            name = f"{speaker}_{number:03}"
            for microphone in (1, 2) if speaker != "p315" else (1,):
                path = root / "wav48_silence_trimmed" / speaker / f"{name}_mic{microphone}.flac"
                _write(path, 100 * index + 10 * number + microphone, 48000)
            if speaker != "p315":
                _text(root / "txt" / speaker / f"{name}.txt", ["Please call Stella. "])
    _text(root / "wav48_silence_trimmed" / "log.txt", ["p225_001_mic1.flac"])
    _text(root / "speaker-info.txt", ["ID  AGE  GENDER  ACCENTS  REGION COMMENTS"])


def libritts(folder: Path) -> None:
    """dev-clean, test-clean and train-clean-100 unpacked into one folder."""
    root = folder / "LibriTTS"
    _text(root / "speakers.tsv", ["READER\tGENDER\tSUBSET\tNAME"])
    speakers = {"dev-clean": ("84",), "test-clean": ("61",), "train-clean-100": ("19", "198", "26")}
    for index, (part, own) in enumerate(speakers.items()):
        for which, speaker in enumerate(own):
            chapter = root / part / speaker / "121123"
            names = [f"{speaker}_121123_00000{number}_000000" for number in range(3)]
            for number, name in enumerate(names):
                _write(chapter / f"{name}.wav", 100 * index + 10 * which + number, 24000)
                _text(chapter / f"{name}.original.txt", ["Mr. Holmes"])
                _text(chapter / f"{name}.normalized.txt", ["Mister Holmes"])
            _text(chapter / f"{speaker}_121123.trans.tsv", [f"{name}\tMr. Holmes\tMister Holmes" for name in names])


def own_recordings(folder: Path) -> None:
    """Somebody's folder, of two sample rates and formats."""
    for number in range(24):
        _write(
            folder / f"evening/{number} of May.{'wav' if number % 2 else 'flac'}",
            number,
            44100 if number % 3 else 48000,
        )


def mnist(folder: Path, height: int = 28, width: int = 28) -> None:
    """The four IDX files, two of them gzipped: 36 training pictures and 8 test pictures of bars."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(7)
    for name, number in (("train", 36), ("t10k", 8)):
        labels = random.integers(10, size=number).astype(np.uint8)
        pictures = random.integers(0, 60, (number, height, width)).astype(np.uint8)
        for picture, label in zip(pictures, labels, strict=True):
            picture[:, label : label + 3] = 250
        idx_file(folder / f"{name}-images-idx3-ubyte", pictures)
        idx_file(folder / f"{name}-labels-idx1-ubyte.gz", labels)


def idx_file(path: Path, values: np.ndarray) -> None:
    """An IDX file of unsigned bytes, gzipped if its name says so."""
    header = struct.pack(f">I{values.ndim}I", 0x800 | values.ndim, *values.shape)
    data = header + values.tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


MINIATURES = {
    "yesno": yesno,
    "speech-commands": speech_commands,
    "cmu-arctic": cmu_arctic,
    "ljspeech": ljspeech,
    "vctk": vctk,
    "libritts": libritts,
    "own-recordings": own_recordings,
}
