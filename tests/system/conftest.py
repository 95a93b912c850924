"""A new process's view, in a folder of its own."""

import failing_libraries
import pytest

from wavegen.reports import plots


@pytest.fixture
def place(furnished, tmp_path, monkeypatch):
    """Runs commands in a new folder; gives the path of what `workspace.furnish` made."""
    monkeypatch.chdir(tmp_path)
    failing_libraries.forget(monkeypatch)
    yield furnished
    plots.try_plotting.cache_clear()
