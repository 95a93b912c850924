"""Fixtures that several test files use."""

import resource

import pytest

# Files that take long, or compile: all else, `pytest -m "not slow"`, takes some three minutes and calls every library.
SLOW = {
    "test_cuda_build",
    "test_engine_allocations",
    "test_engine_bell",
    "test_engine_combinations",
    "test_engine_cuda",
    "test_engine_cuda_public",
    "test_engine_edges",
    "test_engine_hostile",
    "test_engine_instructions",
    "test_engine_native",
    "test_engine_neon",
    "test_engine_pieces",
    "test_engine_sanitizers",
    "test_known_truth",
    "test_networks2d",
    "test_pictures_from_end_to_end",
    "test_pixelrnn",
    "test_precision",
    "test_training_combinations",
    "test_training_processes",
    "test_training_resume",
    "test_training_stack",
}


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.stem in SLOW:
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def full_disk():
    """No file may grow beyond 4 KiB: writes fail as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(scope="module")
def furnished(tmp_path_factory):
    """A folder with what `workplace.furnish` makes."""
    import workplace  # and torch, which not every file of tests needs

    folder = tmp_path_factory.mktemp("furnished")
    workplace.furnish(folder)
    return folder


@pytest.fixture
def in_the_folder(furnished, monkeypatch):
    """Commands run in the furnished folder."""
    monkeypatch.chdir(furnished)
