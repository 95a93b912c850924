"""Which recordings a model names as its own: what is kept of their hashes, and how often that is wrong."""

import hashlib

import numpy as np
import pytest
import small_models

from wavegen import modelfile
from wavegen.models import checkpoint, training_provenance
from wavegen.models.metadata import Metadata
from wavegen.models.training_provenance import BITS, HashSet, Provenance


def hashes(*numbers: int) -> list[str]:
    return [hashlib.sha256(str(number).encode()).hexdigest() for number in numbers]


def test_every_recording_is_found_and_no_other():
    known = HashSet.decode(HashSet.of(hashes(*range(1000))).encode())
    assert len(known) == 1000
    assert all(one in known for one in hashes(*range(1000)))
    assert not any(one in known for one in hashes(*range(1000, 20000)))


def test_it_is_the_first_40_bits_that_count():
    (one,) = hashes(1)
    known = HashSet.of([one])
    assert one[: BITS // 4] + "0" * (64 - BITS // 4) in known
    assert f"{int(one[: BITS // 4], 16) ^ 1:010x}" not in known
    assert len(known.encode()) == len("0:") + 8, "five bytes in base64"


def test_no_recordings():
    assert HashSet.decode(HashSet.of([]).encode()).values.size == 0


def test_many_recordings_are_thinned_by_a_stated_share(monkeypatch):
    monkeypatch.setattr(training_provenance, "MAX_HASHES", 100)
    known = HashSet.of(hashes(*range(1000)))
    assert known.skip == 4, "1000 / 2^3 are more than 100"
    kept = [one for one in hashes(*range(1000)) if one in known]
    assert kept == [one for one in hashes(*range(1000)) if one.startswith("0")]
    assert len(known) == 16 * len(kept)
    assert len(known) == pytest.approx(1000, rel=0.3)
    assert HashSet.decode(known.encode()).skip == 4


def test_a_union_of_thinned_sets_keeps_what_both_would_have(monkeypatch):
    monkeypatch.setattr(training_provenance, "MAX_HASHES", 100)
    several, few = HashSet.of(hashes(*range(1000))), HashSet.of(hashes(*range(990, 1050)))
    both = few | several
    assert both.skip == 4
    assert both.values.tolist() == HashSet.of(hashes(*range(1050))).values.tolist()


def test_thinned_sets_fit_a_model_file():
    random = np.random.default_rng(0)
    known = HashSet(np.unique(random.integers(0, 1 << BITS, 10**6, np.uint64)))._thinned(0)
    assert training_provenance.MAX_HASHES / 2 < len(known.values) <= training_provenance.MAX_HASHES
    assert len(known.encode()) < 450_000


@pytest.mark.parametrize("text", ["", "0", "0:A", "0:AAAA", "x:", "-1:", "99:", "0:äAAAAAA=", "0:AAAAAAA*"])
def test_what_is_no_set_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 (base64's, ours and int's)
        HashSet.decode(text)


def test_trained_is_told_from_validated():
    a, b, c, d = hashes(1, 2, 3, 4)
    known = Provenance.of(training_provenance.entries([a, b], [c]))
    assert known.whole
    assert [known.trained_on(one) for one in (a, b, c, d)] == [True, True, False, False]
    assert [known.validated_on(one) for one in (a, b, c, d)] == [False, False, True, False]
    assert not known.earlier(a)


def test_what_a_model_was_trained_on_goes_on_to_those_that_start_from_it():
    a, b, c, d, e = hashes(1, 2, 3, 4, 5)
    first = training_provenance.entries([a], [b]) | {"trained_or_validated_on": e[:8]}
    second = training_provenance.entries([c], []) | training_provenance.inherited(first)
    third = Provenance.of(training_provenance.entries([d], []) | training_provenance.inherited(second))
    assert [third.earlier(one) for one in (a, b, c, d, e)] == [True, True, True, False, True]
    assert all(third.trained_on(one) for one in (a, b, c, d, e))
    assert training_provenance.inherited({}) == {}


def test_models_made_before_know_nothing():
    known = Provenance.of({"seed": 0})
    assert not known.known
    assert not known.whole
    assert not known.seen(hashes(1)[0])


def test_in_short_there_are_numbers():
    metadata: Metadata = {
        "seed": 3,
        "trained_or_validated_on": "01234567 89abcdef",
        **training_provenance.entries(hashes(1, 2, 3), hashes(4)),
    }
    assert training_provenance.in_short(metadata) == {
        "seed": 3,
        "trained_or_validated_on": "2 recordings",
        "trained_on": "3 recordings",
        "validated_on": "1 recordings",
    }


def test_an_earlier_name_of_a_key_is_read(tmp_path):
    a, b = hashes(1, 2)
    path = tmp_path / "model.safetensors"
    checkpoint.save(small_models.mu_law_model(name="gru", hidden_size=3), path, {"heard": a[:8], "seed": 3})
    for model in (modelfile.open_model(path), checkpoint.load(path)):
        known = Provenance.of(model.metadata)
        assert [known.earlier(one) for one in (a, b)] == [True, False]
        assert model.metadata.get("seed") == 3
        assert "heard" not in model.metadata
