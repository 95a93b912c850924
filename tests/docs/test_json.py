"""docs/json.md says what each command prints with --json: every key and its type, against real output."""

import contextlib
import io
import json
import re
from pathlib import Path

import pytest
import workspace

from wavegen.bench import bench
from wavegen.cli.main import main

PAGE = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([^`]+)` \| ([a-z ]+) \|(.*)\|$", re.MULTILINE)
TYPES = {"integer": int, "text": str, "boolean": bool, "list": list, "object": dict, "null": type(None)}
PICTURES = (
    '[density]\nname = "pictures"\n[network]\nname = "nade"\nhidden_size = 4\n[training]\nsteps = 2\nthreads = 1\n'
)
# Section: the commands whose output it is about, the first of which has what is marked as "only …" too, where one can.
COMMANDS = {
    "prepare": ["prepare source cut --cut 1", "prepare source plain"],
    "train": ["train recipe.toml --run trained"],
    "train --dry-run": ["train recipe.toml --run planned --dry-run"],
    "generate": ["generate gru new.wav --seconds 0.05 -n 2"],
    "score": ["score wavenet a.wav b.wav --window 0.05", "score gru source"],
    "compare": ["compare wavenet gru --corpus corpus --proof", "compare gru --corpus corpus"],
    "features": ["features gru a.wav features.npz"],
    "compress": ["compress wavenet a.wav a.wgn"],
    "decompress": ["decompress wavenet a.wgn back.wav"],
    "quantize": ["quantize wavenet rounded.safetensors --corpus corpus"],
    "info": ["info"],
    "info MODEL": ["info allison", "info trained"],
    "info recipes": ["info recipes"],
    "prepare, pictures": ["prepare digits digits"],
    "generate, pictures": ["generate pictures drawn.png -n 2"],
    "score, pictures": ["score pictures digits"],
}
PARSED_ELSEWHERE = {"info CORPUS", "bench", "quickstart"}  # the first is prose; the others take minutes


def sections() -> dict[str, str]:
    return dict(re.findall(r"^## (.+)\n([\s\S]*?)(?=^## |\Z)", PAGE, re.MULTILINE))


def documented(section: str) -> dict[str, tuple[str, str]]:
    return {path: (kind, meaning.strip()) for path, kind, meaning in ROW.findall(sections()[section])}


def flat(value, path=""):
    """(path, value) of everything inside; list elements under `path[]`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            name = f"{path}.{key}" if path else key
            yield name, inner
            yield from flat(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield f"{path}[]", inner
            yield from flat(inner, f"{path}[]")


def matches(pattern: str, path: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", r"[^\[\]]+"), path) is not None


def fits(kind: str, value) -> bool:
    kinds = kind.split(" or ")
    if "number" in kinds and type(value) in (int, float):
        return True
    return type(value) in [TYPES[each] for each in kinds if each != "number"]


def check(section: str, output: dict) -> set[str]:
    """Holds an output to its section, and gives the documented paths that occurred in it."""
    rows, seen = documented(section), set()
    opaque = {path for path, (kind, _) in rows.items() if kind in ("object", "list")}
    opaque -= {path for path in opaque if any(other.startswith((f"{path}.", f"{path}[")) for other in rows)}
    parents = {prefix for path in rows for prefix in prefixes(path)}
    for path, value in flat(output):
        found = [pattern for pattern in rows if matches(pattern, path)]
        if found:
            assert any(fits(rows[pattern][0], value) for pattern in found), f"{section}: {path} = {value!r}"
            seen |= set(found)
        else:
            inside = any(path.startswith((f"{each}.", f"{each}[")) or matches(each, path) for each in opaque)
            assert inside or any(matches(parent, path) for parent in parents), f"{section}: {path} is not documented"
    return seen


def prefixes(path: str):
    """What a path implies: `a` and `a[]` of `a[].b`."""
    for match in re.finditer(r"\[\]|\.", path):
        yield path[: match.start()]
        yield path[: match.start()] + ("[]" if match[0] == "[]" else "")


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What each command printed, by section; run once, in the order of COMMANDS."""
    folder = tmp_path_factory.mktemp("json")
    workspace.furnish(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return {section: [ran(argv.split(), folder) for argv in commands] for section, commands in COMMANDS.items()}


def ran(argv: list[str], folder: Path) -> dict:
    if argv[:2] == ["generate", "pictures"]:
        (folder / "pictures.toml").write_text(PICTURES)
        with contextlib.redirect_stdout(io.StringIO()):
            assert main(["train", "pictures.toml", "--corpus", "digits", "--run", "pictures"]) == 0
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main([*argv, "--json"]) == 0, argv
    return json.loads(out.getvalue())


@pytest.mark.parametrize("section", COMMANDS)
def test_what_is_printed_is_what_is_documented(section, printed):
    seen = set().union(*(check(section, output) for output in printed[section]))
    for path, (_, meaning) in documented(section).items():
        filled = any(other in seen for other in documented(section) if other != path and other.startswith(path))
        empty = any(matches(prefix, at) and not value for output in printed[section] for at, value in flat(output)
                    for prefix in prefixes(path))  # fmt: skip
        assert path in seen or filled or empty or meaning.startswith("only"), f"{section}: {path} was not printed"


def test_every_section_is_checked():
    assert set(sections()) == {*COMMANDS, *PARSED_ELSEWHERE}


def test_a_benchmark(tmp_path, monkeypatch):
    monkeypatch.setattr("wavegen.bench.TURN_SECONDS", 0.01)
    result = bench(workspace.furnish(tmp_path) or tmp_path / "wavenet", rounds=1, progress=False)
    check("bench", json.loads(json.dumps(result)))
