"""The stub of the C++ extension lies beside it, made when it was built, and names all that is bound."""

import ast
from pathlib import Path

import pytest

native = pytest.importorskip("wavegen_native", reason="the C++ engine is not installed")


def test_the_stub_names_all_that_is_bound():
    stub = Path(str(native.__file__)).with_name("wavegen_native.pyi")
    tree = ast.parse(stub.read_text(encoding="utf-8"))
    named = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    named |= {
        node.target.id for node in tree.body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    named |= {alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert {name for name in dir(native) if not name.startswith("_")} <= named
