"""An extension that was built from other sources is refused, and not called with what it does not take."""

import hashlib
import re
from pathlib import Path

import pytest
import sensitive_models

from wavegen.engine import cuda, open_engine
from wavegen.errors import UserError
from wavegen.extension import INTERFACE
from wavegen.models.networks import stack

SOURCES = Path(__file__).parents[2] / "csrc"
NAMES = re.compile(r'def(?:_\w+)?\("(\w+)"|"(\w+)"_a|class_<[\w:]+>\(\s*\w+, "(\w+)"')  # functions, arguments, classes
BOUND = {  # by module: its interface's number, and a digest of the names that it binds
    "bindings/module.cpp": (INTERFACE, "2cb56261243ca334"),
    "bindings/cuda.cpp": (cuda.INTERFACE, "38e993b1ba28e049"),
}


@pytest.fixture
def built():
    """The extension; which of it training has found is forgotten before and after."""
    stack._extension.cache_clear()
    yield pytest.importorskip("wavegen_native", reason="the C++ engine is not installed")
    stack._extension.cache_clear()


@pytest.mark.parametrize("interface", [None, 99])
def test_an_extension_of_another_interface_is_refused(built, monkeypatch, interface):
    monkeypatch.setattr(built, "interface", interface, raising=False)
    if interface is None:  # as built before there was a number
        monkeypatch.delattr(built, "interface")
    with pytest.raises(UserError, match=r"built from another version of wavegen; repeat the installation with pip"):
        open_engine(sensitive_models.wavenet(), engine="cpu")
    assert stack._extension() is None, "training does without it too"


def test_the_extension_of_this_interface_is_taken(built):
    assert open_engine(sensitive_models.wavenet(), engine="cpu").name == "cpu"
    assert stack._extension() is built


@pytest.mark.parametrize("module", BOUND)
def test_the_interface_is_raised_with_what_is_bound(module):
    if not SOURCES.is_dir():
        pytest.skip("the sources of the extension are not here")
    files = sorted((SOURCES / "bindings").glob("*.cpp"))
    parts = [file.read_text() for file in files if (file.name == "cuda.cpp") == (module == "bindings/cuda.cpp")]
    names = ["".join(found) for part in parts for found in NAMES.findall(part)]
    (number,) = re.findall(r'm\.attr\("interface"\) = (\d+);', "".join(parts))
    bound = (int(number), hashlib.sha256(" ".join(names).encode()).hexdigest()[:16])
    assert bound == BOUND[module], "raise the interface's number in C++ and in Python, then note the new digest"
