"""CMU ARCTIC: the same prompts read by each of eighteen voices, a folder a voice.

Festvox's tools lay out every voice so: its folder is read too, whatever its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from wavegen.data.preparing.layouts.base import Count, Layout, Listed, names_in, root_of
from wavegen.errors import UserError
from wavegen.system.text import read_lines

VOICES = (
    "aew", "ahw", "aup", "awb", "axb", "bdl", "clb", "eey", "fem",
    "gka", "jmk", "ksp", "ljm", "lnh", "rms", "rxr", "slp", "slt",
)  # fmt: skip
PROMPTS = "etc/txt.done.data"
PROMPT = re.compile(r'\(\s*(\S+)\s+"(.*)"\s*\)')


def recordings(folder: Path) -> Iterator[Listed]:
    """cmu_us_bdl_arctic/wav/arctic_a0001.wav; etc/txt.done.data of each voice lists its prompts."""
    voices = _voices(folder)
    for voice in sorted(voices):
        prompts = _prompts(voices[voice] / PROMPTS)
        there = {name[: -len(".wav")]: name for name in names_in(voices[voice] / "wav", ".wav")}
        for name in sorted(there.keys() | prompts.keys()):
            file = there.get(name, f"{name}.wav")
            yield Listed(f"{voice}/{file}", voices[voice] / "wav" / file, None, voice, prompts.get(name), voice)


def _prompts(file: Path) -> dict[str, str]:
    """The text of each recording. Raises UserError, with all problems at once, for one with two texts."""
    prompts: dict[str, str] = {}
    lines: dict[str, int] = {}
    problems = []
    for number, line in enumerate(read_lines(file), start=1):
        for name, text in PROMPT.findall(line):
            if prompts.setdefault(name, text) != text:
                problems.append(f"{file}: {name} has two texts, in lines {lines[name]} and {number}; keep one")
            lines.setdefault(name, number)
    if problems:
        raise UserError(*problems)
    return prompts


def _voices(folder: Path) -> dict[str, Path]:
    """Each voice's folder: of those in `folder` or in the ARCTIC folder there, or `folder` itself if it is one."""
    if voice := _voice(folder.resolve()):
        root_of(folder, PROMPTS)
        return {voice: folder}
    found: dict[str, Path] = {}
    for root in (folder, folder / "ARCTIC"):
        if not root.is_dir():
            continue
        for name in names_in(root):
            if voice := _voice(root / name):
                found.setdefault(voice, root / name)
    if not found:
        root_of(folder, "cmu_us_*_arctic", "ARCTIC")
        raise UserError(f"{folder}: holds no voice; they are folders such as cmu_us_bdl_arctic")
    return found


def _voice(folder: Path) -> str | None:
    """Whose recordings a folder has: the X of cmu_us_X_arctic, or its name if Festvox laid it out; None for another."""
    if match := re.fullmatch(r"cmu_us_(\w+)_arctic", folder.name):
        return match[1]
    return folder.name if (folder / PROMPTS).is_file() else None


def download(folder: Path) -> None:
    from torchaudio.datasets import CMUARCTIC

    for voice in VOICES:
        CMUARCTIC(str(folder), url=voice, download=True)


CMU_ARCTIC = Layout("cmu-arctic", 16000, "file", recordings, download, {voice: Count() for voice in VOICES})
