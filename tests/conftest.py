"""Fixtures that several test files use."""

import resource

import pytest


@pytest.fixture
def full_disk():
    """No file may grow beyond 4 KiB: writes fail as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
