"""ARCHITECTURE.md and csrc/README.md name what is in the tree, and every folder of it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([\w./-]+/)` \| (.*?) \|(.*)\|$", TEXT, re.MULTILINE)
EXAMPLES = {"gated.py", "spoken_digits.py", "fma128.cpp"}  # that CONTRIBUTING.md tells how to write
SOURCES = ("*.py", "*.cpp", "*.h", "*.cu", "*.inl")


def test_every_folder_named_exists():
    assert len(ROWS) > 30
    for folder, _, _ in ROWS:
        assert (ROOT / folder).is_dir(), folder


@pytest.mark.parametrize("top", ["wavegen", "csrc"])
def test_every_folder_is_named(top):
    sources = [path for pattern in SOURCES for path in (ROOT / top).rglob(pattern)]
    folders = {f"{path.parent.relative_to(ROOT).as_posix()}/" for path in sources}
    assert folders <= {folder for folder, _, _ in ROWS}


def test_every_file_named_in_the_map_exists():
    for folder, *cells in ROWS:
        for name in re.findall(r"`([\w.-]+\.\w+)`", cells[1]):
            assert (ROOT / folder / name).is_file() or list((ROOT / folder).rglob(name)), f"{folder}{name}"


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "csrc/README.md", "CONTRIBUTING.md", "README.md"])
def test_every_path_and_link_exists(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    here = (ROOT / page).parent
    for target in re.findall(r"\]\(([^)#]+)", text):
        assert target.startswith("http") or (here / target).exists(), target
    for name in re.findall(r"`([\w./-]+/[\w.-]+\.(?:py|h|cpp|cuh|cu|inl|toml|md|sh))`", text):
        found = any((root / name).exists() for root in (here, ROOT, ROOT / "wavegen"))
        assert found or Path(name).name in EXAMPLES, f"{page}: {name}"


def test_every_source_named_in_the_walk_exists():
    text = (ROOT / "csrc/README.md").read_text(encoding="utf-8")
    present = {path.name for path in (ROOT / "csrc").rglob("*.*")} | {"test_cuda.py", "packing.py"}
    for name in re.findall(r"`([\w]+\.(?:h|cpp|cuh|cu|inl))`", text):
        assert name in present, name
    code = "".join(path.read_text() for pattern in SOURCES[1:] for path in (ROOT / "csrc").rglob(pattern))
    for name in re.findall(r"`(?:\w+::)?([A-Za-z_]\w+)(?:\(\w*\))?`", text):
        if name[0].isupper() or "_" in name:
            assert name in code or name.startswith("wavegen"), name
