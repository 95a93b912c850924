"""Imports go one way, and what is slow to import is imported where it is used."""

import ast
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import wavegen

PACKAGE = Path(wavegen.__file__).parent
ROOT = Path(__file__).parent.parent  # the package itself may be installed elsewhere
SLOW = (
    "torch",
    "torchaudio",
    "numpy",
    "pydantic",
    "matplotlib",
    "soundfile",
    "soxr",
    "librosa",
    "numba",
    "scipy",
    "sklearn",
    "safetensors",
    "tensorboardX",
    "tqdm",
)

# A folder may import those of earlier lines and its own modules. Whoever adds a folder gives it its line here.
ORDER = [
    {"wavegen", "errors", "extension", "wording", "constants", "jsontypes"},
    {"system"},
    {"assets"},
    {"audio"},
    {"models", "modelfile"},
    {"engine", "data"},
    {"compression"},
    {"evaluation"},
    {"sampling"},
    {"reports"},
    {"training"},
    {"benchmarking"},
    {"quickstart"},
    {"cli"},
    {"__main__"},
]
RANK = {part: rank for rank, parts in enumerate(ORDER) for part in parts}
MODULES = sorted(PACKAGE.rglob("*.py"))
NAMES = {
    ".".join(("wavegen", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in MODULES
}


def part_of(module: str) -> str:
    """wavegen.data.corpus belongs to data; wavegen itself holds no more than names."""
    names = module.split(".")
    return names[1] if len(names) > 1 else names[0]


def imported(path: Path) -> set[str]:
    """The modules of wavegen that a file imports, at its top or inside a function; not those for types alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in list(ast.walk(tree)):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body.clear()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where a name comes from"
            if node.module == "wavegen":
                submodules = {alias.name for alias in node.names if alias.name in RANK}
                found |= {f"wavegen.{name}" for name in submodules} or {"wavegen"}
            else:
                found.add(str(node.module))
    return {name for name in found if name.split(".")[0] == "wavegen"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path):
    own = part_of(".".join(["wavegen", *path.relative_to(PACKAGE).with_suffix("").parts]))
    own = "wavegen" if own == "__init__" else own
    for module in imported(path):
        assert RANK[part_of(module)] <= RANK[own], f"{path.name} imports {module}, which knows more than it may"


def imported_at_once(path: Path) -> set[str]:
    """The modules of wavegen that a file imports at its top, not inside a function or for types alone."""
    nodes = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.ImportFrom)]
    named = {(node.module, f"{node.module}.{alias.name}") for node in nodes for alias in node.names}
    return {name if name in NAMES else str(module) for module, name in named} & NAMES.keys()


def test_no_module_imports_itself_by_way_of_others():
    TopologicalSorter({name: imported_at_once(path) for name, path in NAMES.items()}).prepare()


def test_nothing_imports_the_command_line():
    assert not [path for path in MODULES if "wavegen.cli.main" in imported(path) and path.name != "start.py"]


def test_the_walker_sees_imports_in_functions():
    assert {"wavegen.training.recipe", "wavegen.models.checkpoint"} <= imported(PACKAGE / "cli/main.py")


@pytest.mark.parametrize(
    "code", ["import wavegen", "import wavegen.cli.main", "from wavegen.cli.main import main; main(['--help'])"]
)
def test_a_start_imports_nothing_slow(code):
    script = f"import sys\ntry:\n    {code}\nexcept SystemExit:\n    pass\nprint(*sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stderr.split()}
    assert "wavegen" in loaded
    assert not loaded & set(SLOW)


def test_every_public_name_is_there():
    for name in wavegen.__all__:
        assert getattr(wavegen, name) is not None
        assert name in dir(wavegen)
    with pytest.raises(AttributeError, match="no attribute 'scoer'"):
        _ = wavegen.scoer  # pyright: ignore[reportAttributeAccessIssue]


def test_one_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert wavegen.__version__ == project["version"]


def test_every_public_module_is_held_to_strict_types():
    strict = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pyright"]["strict"]
    for name in wavegen.__all__:
        module = sys.modules[getattr(wavegen, name).__module__] if name != "__version__" else wavegen
        assert str(Path(str(module.__file__)).relative_to(PACKAGE.parent)) in strict
