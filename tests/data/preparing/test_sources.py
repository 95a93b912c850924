"""Sources of known density: the density sums to one, the draws follow it, and it costs what the entropy rate says."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from wavegen.cli.main import main
from wavegen.data.corpus import open_corpus
from wavegen.data.preparing.audio import prepare
from wavegen.data.preparing.sources import SOURCES, Autoregressive, MarkovChain, resonances, source_of
from wavegen.data.splits import split_of
from wavegen.errors import UserError

RNG = np.random.default_rng(0)
NOISES = {"gaussian": stats.norm, "laplace": stats.laplace}
CODES = np.arange(-32768, 32768)
NOT_A_DISTRIBUTION = ((0.5, 0.4), (0.5, 0.5))


def exact_log2_prob(source: Autoregressive, pcm: np.ndarray) -> list[float]:
    """The definition, a sample at a time."""
    noise = NOISES[source.noise](scale=source.scale)
    log2_prob = []
    for t, code in enumerate(pcm.tolist()):
        location = sum(a * pcm[t - lag] for lag, a in enumerate(source.coefficients, start=1) if lag <= t)
        lower = 0 if code == -32768 else noise.cdf(code - 0.5 - location)
        upper = 1 if code == 32767 else noise.cdf(code + 0.5 - location)
        log2_prob.append(math.log2(upper - lower))
    return log2_prob


@pytest.mark.parametrize("name", SOURCES)
def test_sums_to_one_over_all_codes_after_any_past(name):
    source = SOURCES[name]
    for history in ([], [0], [32767, -32768] * 9, RNG.integers(-32768, 32768, 40), source.draw(50, 1)):
        history = np.array(history, np.int16)
        if isinstance(source, MarkovChain) and not set(history.tolist()) <= set(source.codes):
            continue
        next_log2_prob = source.next_log2_prob(history)
        assert next_log2_prob.shape == (65536,)
        assert np.exp2(next_log2_prob).sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("name", SOURCES)
def test_one_density_in_both_forms_that_looks_at_the_past_alone(name):
    source = SOURCES[name]
    pcm = source.draw(40, 3)
    log2_prob = source.log2_prob(pcm)
    assert (log2_prob.shape, log2_prob.dtype) == ((40,), np.float64)
    for t in (0, 1, 2, 17, 39):
        assert source.next_log2_prob(pcm[:t])[int(pcm[t]) + 32768] == pytest.approx(log2_prob[t], abs=1e-9)
        assert np.allclose(source.log2_prob(pcm[:t]), log2_prob[:t], rtol=0, atol=1e-9)


@given(
    noise=st.sampled_from(["gaussian", "laplace"]),
    scale=st.floats(1, 20000),
    coefficients=st.sampled_from([(), (0.9,), resonances((0.97, 0.1)), resonances((0.9, 0.3), (0.8, 0.7))]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=40)
def test_log2_prob_is_the_definition(noise, scale, coefficients, seed):
    source = Autoregressive(noise, scale, coefficients)
    pcm = source.draw(30, seed)
    assert source.log2_prob(pcm) == pytest.approx(exact_log2_prob(source, pcm), abs=1e-6)


@pytest.mark.parametrize("noise", NOISES)
def test_far_tails_are_finite_and_fall(noise):
    log2_prob = Autoregressive(noise, 10).next_log2_prob(np.zeros(0, np.int16))
    assert np.isfinite(log2_prob).all()
    inner = log2_prob[1:-1]
    assert (np.diff(inner[: 32768 - 1]) > 0).all()
    assert log2_prob[32768 + 1000] == pytest.approx(log2_prob[32768 - 1000])


@pytest.mark.parametrize("name", SOURCES)
def test_draws_follow_the_density(name):
    """The probability integral transform of draws, made continuous by uniform noise in each cell, is uniform."""
    source = SOURCES[name]
    pcm = source.draw(3000, 5)
    random = np.random.default_rng(6)
    u = []
    for t in range(0, 3000, 20):
        probabilities = np.exp2(source.next_log2_prob(pcm[:t]))
        index = int(pcm[t]) + 32768
        u.append(probabilities[:index].sum() + random.random() * probabilities[index])
    assert stats.kstest(u, "uniform").pvalue > 1e-3


def test_draws_of_the_chain_follow_its_transitions():
    source = SOURCES["markov-chain"]
    assert isinstance(source, MarkovChain)
    states = np.searchsorted(source.codes, source.draw(40000, 0))
    counts = np.zeros((8, 8))
    np.add.at(counts, (states[:-1], states[1:]), 1)
    transition = np.array(source.transition)
    assert not counts[transition == 0].any()
    for row, expected in zip(counts, transition, strict=True):
        possible = expected > 0
        assert stats.chisquare(row[possible], expected[possible] * row.sum()).pvalue > 1e-4


@pytest.mark.parametrize("name", SOURCES)
def test_costs_its_entropy_rate(name):
    source = SOURCES[name]
    costs = -source.log2_prob(source.draw(40000, 7))
    error = costs.std() / math.sqrt(len(costs))
    assert costs.mean() == pytest.approx(source.entropy_rate, abs=4 * error)
    assert error < 0.01


def test_entropy_rates_in_closed_form():
    for name, scale in (("white-gaussian", 1000), ("ar2", 300), ("ar16", 100)):
        assert SOURCES[name].entropy_rate == pytest.approx(0.5 * math.log2(2 * math.pi * math.e * scale**2), abs=1e-5)
    assert SOURCES["white-laplace"].entropy_rate == pytest.approx(math.log2(2 * math.e * 1000), abs=1e-6)
    shares = np.array([2, 7, 3, 1, 1, 2]) / 16
    assert SOURCES["markov-chain"].entropy_rate == pytest.approx(-shares @ np.log2(shares))
    uneven = MarkovChain((0, 5), ((0.9, 0.1), (1.0, 0.0)))  # visits its states in the ratio 10 : 1
    assert uneven.entropy_rate == pytest.approx(10 / 11 * -(0.9 * math.log2(0.9) + 0.1 * math.log2(0.1)))


@pytest.mark.parametrize("name", SOURCES)
def test_draws_are_functions_of_the_seed_that_use_the_range_but_do_not_clip(name):
    source = SOURCES[name]
    pcm = source.draw(20000, 11)
    assert (pcm.dtype, pcm.shape) == (np.int16, (20000,))
    assert np.array_equal(pcm[:100], source.draw(100, 11))
    assert not np.array_equal(pcm[:100], source.draw(100, 12))
    assert 900 < pcm.std() < 8000
    assert np.abs(pcm.astype(int)).max() < 32767
    assert len(source.draw(0, 0)) == len(source.log2_prob(np.zeros(0, np.int16))) == 0


def test_clipped_noise_takes_the_tails():
    source = Autoregressive("gaussian", 30000)
    pcm = source.draw(2000, 0)
    edges = np.abs(pcm.astype(int)) >= 32767
    assert 0.2 < edges.mean() < 0.35
    assert np.exp2(source.log2_prob(pcm[edges])) == pytest.approx(stats.norm.sf(32766.5 / 30000), rel=1e-3)


def test_the_chain_gives_nothing_to_what_it_does_not_make():
    source = SOURCES["markov-chain"]
    assert source.log2_prob(np.array([1, 400], np.int16)).tolist() == [-math.inf, -math.inf]
    assert np.isfinite(source.next_log2_prob(np.array([400], np.int16))).sum() == 6


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    for name in ("white-laplace", "markov-chain"):
        prepare(f"source:{name}", folder / name, sample_rate=200)
    return folder


def test_a_corpus_knows_its_source(corpora):
    for name in ("white-laplace", "markov-chain"):
        corpus = open_corpus(corpora / name)
        source = corpus.source
        assert source == SOURCES[name]
        assert source is not None
        assert (corpus.sample_rate, len(corpus.recordings)) == (200, 150)
        assert corpus.audit.get("minutes") == 10
        for seed, recording in enumerate(corpus.recordings[:3]):
            assert np.array_equal(corpus.pcm(recording), source.draw(800, seed))
        assert all(recording.split == split_of(recording.id) for recording in corpus.recordings)
        assert min(len(corpus.split(split)) for split in ("train", "validation", "test")) >= 10


@pytest.mark.parametrize("name", SOURCES)
def test_described_and_read_again(name):
    assert source_of(json.loads(json.dumps(SOURCES[name].describe())), "here") == SOURCES[name]


def test_a_description_that_is_none(corpora):
    path = corpora / "markov-chain" / "corpus.json"
    about = json.loads(path.read_text())
    changes = [
        None,
        "ar2",
        {},
        {"kind": "tea leaves"},
        {"kind": "autoregressive"},
        {"kind": "autoregressive", "noise": "pink", "scale": 3},
        {"kind": "autoregressive", "noise": "gaussian", "scale": "loud"},
        {"kind": "autoregressive", "noise": "gaussian", "scale": 3, "coefficients": [1.5]},
        {"kind": "markov-chain", "codes": [0, 1], "transition": NOT_A_DISTRIBUTION},
    ]
    for description in changes:
        path.write_text(json.dumps(about | {"source": description}))
        with pytest.raises(UserError, match=r"corpus\.json: its source") as caught:
            open_corpus(path.parent)
        assert "\n" not in str(caught.value)
    path.write_text(json.dumps(about))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Autoregressive("pink", 10), "noise pink is unknown"),
        (lambda: Autoregressive("gaussian", 0), "scale 0"),
        (lambda: Autoregressive("gaussian", math.nan), "scale nan"),
        (lambda: Autoregressive("gaussian", 10, (1.0,)), "not stable"),
        (lambda: Autoregressive("gaussian", 10, (math.inf,)), "not stable"),
        (
            lambda: MarkovChain((1, 2), ((0.5, 0.5), (0.5, 0.5))),
            "codes: must be different 16-bit values, one",
        ),
        (lambda: MarkovChain((0, 0), ((0.5, 0.5), (0.5, 0.5))), "codes: must be different"),
        (lambda: MarkovChain((0, 40000), ((0.5, 0.5), (0.5, 0.5))), "codes: must be different"),
        (lambda: MarkovChain((0, 1), NOT_A_DISTRIBUTION), "transition: must have 2 rows of 2"),
        (lambda: MarkovChain((0, 1), ((0.5, 0.5),)), "transition: must have 2 rows of 2"),
        (lambda: MarkovChain((0, 1), ((1.5, -0.5), (0.5, 0.5))), "transition: must have 2 rows of 2"),
    ],
)
def test_impossible_settings(make, words):
    with pytest.raises(UserError, match=words):
        make()


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("source:ar3", {}, "source:ar3: there is no such source; did you mean ar2"),
        ("source:", {}, "source:: there is no such source; known: ar16, ar2"),
        ("source:ar2", {"split_by": "speaker"}, "its recordings have no speakers"),
        ("source:ar2", {"sample_rate": 1}, "sample rate 1"),
    ],
)
def test_bad_names_and_options(tmp_path, name, options, words):
    with pytest.raises(UserError, match=words):
        prepare(name, tmp_path / "corpus", **options)
    assert not list(tmp_path.iterdir())


def test_the_command(tmp_path, capsys):
    corpus = tmp_path / "corpus"
    assert main(["prepare", "source:white-gaussian", str(corpus), "--sample-rate", "100", "--json"]) == 0
    audit = json.loads(capsys.readouterr().out)
    assert (audit["files"], audit["sample_rate"], audit["samples"]) == (150, 100, 60000)
    assert open_corpus(corpus).source == SOURCES["white-gaussian"]
    assert main(["prepare", "source:pink", str(tmp_path / "other")]) == 2
    assert capsys.readouterr().err.startswith("wavegen: source:pink: there is no such source; known: ar16")
