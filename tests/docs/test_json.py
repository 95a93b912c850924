"""docs/json.md, the types of the results, and the real JSON of each command have the same keys and types."""

import contextlib
import io
import json
import re
from pathlib import Path

import pytest
import voices
import workspace
from typed_json import mismatches, paths

from wavegen.benchmarking import bench
from wavegen.benchmarking.results import BenchResult
from wavegen.cli.main import main
from wavegen.compression.results import CompressResult, DecompressResult
from wavegen.engine import EnginesResult
from wavegen.evaluation.results import (
    CompareResult,
    FeaturesResult,
    MelResult,
    PictureCompareResult,
    PictureScoreResult,
    QuantizeResult,
    ScoreResult,
)
from wavegen.models.model import ModelDescription
from wavegen.sampling.results import GeneratePicturesResult, GenerateResult, VocodeResult

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
    "mel": [
        "mel a.wav a.npy --convention espnet --fmax 4000",
        "mel source mels --convention hifigan --hop 64 --f0",
        "mel a.wav vocoders.npz --convention hifigan --bands 5 --n-fft 256 --win-length 256 --hop 64 --fmax 4000",
    ],
    "vocode": [
        "vocode both a.wav spoken.wav --speaker ben",
        "vocode vocoder spoken/ben again",
        "vocode vocoder vocoders.npz checked.wav --check a.wav",
    ],
    "score": ["score wavenet a.wav b.wav --window 0.05", "score gru source", "score both voices-corpus"],
    "compare": [
        "compare wavenet gru --corpus corpus --proof",
        "compare gru --corpus corpus",
        "compare voices --corpus voices-corpus --given speaker --given nothing",
    ],
    "features": ["features gru a.wav features.npz", "features voices a.wav voice.npz --speaker ben"],
    "compress": ["compress wavenet a.wav a.wgn", "compress voices a.wav voice.wgn --speaker ben"],
    "decompress": ["decompress wavenet a.wgn back.wav"],
    "quantize": [
        "quantize wavenet rounded.safetensors --corpus corpus",
        "quantize wavenet half.safetensors --corpus corpus --precision bfloat16",
    ],
    "info": ["info"],
    "info MODEL": ["info allison", "info trained", "info both"],
    "info recipes": ["info recipes"],
    "prepare, pictures": ["prepare digits digits"],
    "generate, pictures": ["generate pictures drawn.png -n 2"],
    "score, pictures": ["score pictures digits"],
    "compare, pictures": ["compare pictures --corpus digits"],
}
TYPES_OF_RESULTS = {
    "generate": GenerateResult,
    "generate, pictures": GeneratePicturesResult,
    "vocode": VocodeResult,
    "score": ScoreResult,
    "score, pictures": PictureScoreResult,
    "compare": CompareResult,
    "compare, pictures": PictureCompareResult,
    "features": FeaturesResult,
    "mel": MelResult,
    "compress": CompressResult,
    "decompress": DecompressResult,
    "quantize": QuantizeResult,
    "bench": BenchResult,
    "info": EnginesResult,
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
    rows = documented(section)
    seen = set()
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
    voices.furnish(folder)
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


@pytest.mark.parametrize("section", sorted(TYPES_OF_RESULTS.keys() & COMMANDS.keys()))
def test_what_is_printed_is_of_the_results_type(section, printed):
    kind = TYPES_OF_RESULTS[section]
    for output in printed[section]:
        assert mismatches(output, kind) == []
    seen = {path for output in printed[section] for path, _ in flat(output)}
    filled = {path for output in printed[section] for path, value in flat(output) if value == []}
    for path, _ in paths(kind):
        empty = any(path.startswith(f"{each}[]") for each in filled)
        assert empty or any(matches(path, other) for other in seen), f"{section}: {path} was not printed"


def test_a_models_description_has_its_type(printed):
    for output in printed["info MODEL"]:
        assert mismatches(output, ModelDescription) == []


@pytest.mark.parametrize("section", TYPES_OF_RESULTS)
def test_what_is_documented_is_the_results_type(section):
    """All keys, and their types; an object without rows of its own is one that another section has."""
    rows = {path: set(kind.split(" or ")) for path, (kind, _) in documented(section).items()}
    opaque = [path for path, words in rows.items() if words <= {"object", "list"}]
    typed = dict(paths(TYPES_OF_RESULTS[section]))
    assert rows.items() <= typed.items()
    for path, words in typed.items():
        inside = any(path.startswith((f"{each}.", f"{each}[")) for each in opaque)
        assert path in rows or inside or words & {"object", "list"}, f"{section}: {path} is not documented"


def test_a_result_of_another_type_is_noticed():
    right = {"files": [], "samples": 3, "seconds": 0.5, "skipped": ["a.wav"]}
    assert mismatches(right, DecompressResult) == []
    assert mismatches(right | {"seconds": 1}, DecompressResult) == [], "a whole number is a number"
    for wrong, said in [
        (right | {"extra": 1}, ".extra: not in DecompressResult"),
        ({key: value for key, value in right.items() if key != "samples"}, ".samples: of DecompressResult, is missing"),
        (right | {"samples": 3.0}, ".samples: 3.0 is no"),
        (right | {"skipped": [None]}, ".skipped[]: None is no"),
        (right | {"files": [{"file": "a", "samples": True, "bytes": 1}]}, ".files[].samples: True is no"),
    ]:
        (line,) = mismatches(wrong, DecompressResult)
        assert line.startswith(said)


def test_every_section_is_checked():
    assert set(sections()) == {*COMMANDS, *PARSED_ELSEWHERE}


def test_a_benchmark(tmp_path, monkeypatch):
    monkeypatch.setattr("wavegen.benchmarking.TURN_SECONDS", 0.01)
    result = bench(workspace.furnish(tmp_path) or tmp_path / "wavenet", rounds=1, progress=False)
    printed = json.loads(json.dumps(result))
    check("bench", printed)
    assert mismatches(printed, BenchResult) == []
