"""A small source of recordings and its corpus."""

import pytest
from noise_corpora import corpus_of, source_in


@pytest.fixture
def source(tmp_path):
    return source_in(tmp_path)


@pytest.fixture
def corpus(source):
    return corpus_of(source)
