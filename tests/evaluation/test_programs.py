"""Coders that are programs: what is counted, what is said where one is missing or fails; the real ones if installed."""

import shutil

import numpy as np
import pytest

from wavegen.data.preparing.sources import SOURCES
from wavegen.errors import UserError
from wavegen.evaluation.baselines import BASELINES, flac_bits
from wavegen.evaluation.baselines.programs import FLAC, WAVPACK, flac_order_32_bits, wavpack_bits

CODERS = {FLAC: flac_order_32_bits, WAVPACK: wavpack_bits}
PCM = np.arange(-50, 50, dtype=np.int16)
NOISE = np.random.default_rng(0).integers(-32768, 32768, 20000).astype(np.int16)


def put(folder, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A folder that is all of the PATH but for the shell's own tools."""
    for tool in ("cat", "wc"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("program", CODERS, ids=lambda program: program.name)
def test_a_program_that_is_not_there_is_named(path, program):
    assert program.missing() == (
        f"the program {program.name} is not on the PATH; on Debian and Ubuntu: apt install {program.package}"
    )
    put(path, program.name, "exit 0")
    assert program.missing() is None


def test_the_table_has_both():
    assert {"FLAC, order 32", "WavPack -hhx6"} <= {baseline.name for baseline in BASELINES}


def test_wavpack_counts_all_that_comes_out(path):
    put(path, "wavpack", 'echo "$*" > "$0.options"; cat')
    assert wavpack_bits(PCM, 44100) == 8 * 200
    assert (path / "wavpack.options").read_text() == "-hhx6 -q -y --raw-pcm=44100,16s,1,le - -o -\n"


def test_flac_counts_what_follows_the_metadata(path):
    put(path, "flac", r"""echo "$*" > "$0.options"; printf 'fLaC\200\000\000\003abc'; cat""")
    assert flac_order_32_bits(PCM, 8000) == 8 * 200
    options = (path / "flac.options").read_text().split()
    assert options[:5] == ["-8", "-e", "-p", "-l", "32"]
    assert "--lax" in options
    assert "--sample-rate=8000" in options
    flac_order_32_bits(PCM, 1_000_000)
    assert "--sample-rate=655350" in (path / "flac.options").read_text().split()


@pytest.mark.parametrize("program", CODERS, ids=lambda program: program.name)
def test_a_program_that_fails_is_quoted(path, program):
    put(path, program.name, "echo it did >&2; echo not work >&2; exit 3")
    with pytest.raises(UserError, match=f"^{program.name} -.*: it did not work$"):
        CODERS[program](PCM, 8000)
    put(path, program.name, "exit 3")
    with pytest.raises(UserError, match="exit code 3"):
        CODERS[program](PCM, 8000)
    assert CODERS[program](PCM[:0], 8000) == 0


@pytest.mark.parametrize("program", CODERS, ids=lambda program: program.name)
def test_the_real_program(program):
    if program.missing():
        pytest.skip(str(program.missing()))
    bits = CODERS[program]
    rings = SOURCES["ar16"].draw(20000, 0)
    assert bits(rings, 8000) < 1.02 * flac_bits(rings, 8000)
    assert 16 <= bits(NOISE, 8000) / len(NOISE) < 16.4
    assert 0 < bits(np.zeros(20000, np.int16), 8000) < 2000
    assert bits(rings[:1], 1_000_000) > 0
