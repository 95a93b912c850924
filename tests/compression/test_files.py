"""What is compressed comes back byte for byte, in the bits that the model claims; what was damaged does not."""

import copy
import filecmp
import itertools
import os
import resource
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
import sensitive_models
import small_models
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wavegen.audio.wav import plain_header
from wavegen.compression import lockstep, wgn
from wavegen.compression.files import compress, decompress, proven
from wavegen.engine import native, open_engine
from wavegen.engine.native import NativeEngine
from wavegen.errors import UserError
from wavegen.evaluation.audio import score
from wavegen.extension import extension
from wavegen.models.audio import AudioModel
from wavegen.models.checkpoint import load
from wavegen.models.forms import AudioForm

pytestmark = pytest.mark.skipif(native.missing() is not None, reason="the extension is not built")

MODEL = "logistics"


@pytest.fixture(scope="module")
def model():
    return sensitive_models.combined(MODEL)


@pytest.fixture
def written(tmp_path):
    """Writes a WAV file of int16 (frames, channels) and gives its path."""

    def write(name, pcm, trailer=b""):
        path = tmp_path / name
        path.write_bytes(plain_header(8000, pcm.shape[1], len(pcm)) + pcm.astype("<i2").tobytes() + trailer)
        return path

    return write


def there_and_back(model, paths, **how):
    """Compresses and restores, checks that nothing changed, and gives what compress said."""
    pairs = [(path, path.with_suffix(".wgn")) for path in paths]
    result = compress(model, pairs, **how, force=True)
    back = [(small, small.with_suffix(".back")) for _, small in pairs]
    decompress(model, back, force=True)
    for (path, _), (_, restored) in zip(pairs, back, strict=True):
        assert filecmp.cmp(path, restored, shallow=False), path.name
    return result


def recordings(kind, frames, channels, seed):
    random = np.random.default_rng(seed)
    if kind == "noise":
        return random.integers(-32768, 32768, (frames, channels)).astype(np.int16)
    if kind == "speech":
        return sensitive_models.pcm(channels, frames, seed).T
    if kind == "square":
        return np.where(np.arange(frames)[:, None] // 7 % 2, 32767, -32768).repeat(channels, axis=1).astype(np.int16)
    return np.zeros((frames, channels), np.int16)


SLOW = [
    HealthCheck.too_slow,
    HealthCheck.data_too_large,
    HealthCheck.function_scoped_fixture,
    HealthCheck.large_base_example,
]
KINDS = ("noise", "speech", "square", "silence")


@pytest.mark.parametrize("declared", [200, 0])
def test_samples_that_the_header_does_not_declare_are_kept_and_said(model, written, declared):
    path = written("a.wav", np.random.default_rng(1).integers(-3000, 3000, (4000, 1)))
    contents = bytearray(path.read_bytes())
    contents[40:44] = declared.to_bytes(4, "little")
    path.write_bytes(contents)
    result = there_and_back(model, [path])
    said = f"{8000 - declared} bytes after its samples are no chunk or tag; they are kept as they are, not compressed"
    assert result["warnings"] == [f"{path}: {said}"]
    assert result["samples"] == declared // 2


@pytest.mark.parametrize("name", sensitive_models.COMBINATIONS)
def test_every_model_gives_files_back_in_the_bits_it_claims(name, written):
    model = sensitive_models.combined(name)
    paths = [written("none.wav", np.zeros((0, 1), np.int16)), written("one.wav", np.full((1, 1), -32768, np.int16))]
    paths += [
        written(f"{kind}-{channels}.wav", recordings(kind, 300 + 50 * channels, channels, 5), trailer=b"LIST")
        for kind, channels in itertools.product(KINDS, (1, 2))
    ]
    result = there_and_back(model, paths)
    for row, path in zip(result["files"], paths, strict=True):
        assert row["bytes"] == path.with_suffix(".wgn").stat().st_size
        if row["samples"]:
            claimed = row["model_bits_per_sample"] * row["samples"] / 8
            blocks = 1 + path.name.endswith("2.wav")
            assert claimed <= row["bytes"] <= claimed * 1.001 + 52 + 12 * blocks
    mono = [path for path in paths if path.name.endswith("-1.wav")]
    scored = {row["file"]: row["bits_per_sample"] for row in score(model, mono, engine="cpu")["files"]}
    for path, row in zip(paths, result["files"], strict=True):
        if path in mono:
            assert row["model_bits_per_sample"] == pytest.approx(scored[str(path)], abs=2e-6)


def test_every_code_once_at_full_length(written):
    """All 65 536 codes, over more than two blocks, for a codec of cells and one of codes."""
    codes = np.random.default_rng(1).permutation(np.arange(-32768, 32768)).astype(np.int16)[:, None]
    for name in ("markov", "markov-linear"):
        there_and_back(
            sensitive_models.combined(name), [written("codes.wav", codes), written("short.wav", codes[:1000])]
        )


@given(
    st.lists(
        st.tuples(st.sampled_from(KINDS), st.integers(0, 40), st.integers(1, 2), st.integers(0, 2**32)),
        min_size=200, max_size=200,
    ),
    st.integers(1, 3), st.integers(1, 40), st.integers(1, 9),
)  # fmt: skip
@settings(max_examples=50, deadline=None, suppress_health_check=SLOW)
def test_ten_thousand_recordings_come_back(tmp_path_factory, drawn, threads, streams, block):
    """In lock-step with others of other lengths, in blocks of any length; the disk is left out of it."""
    model = sensitive_models.combined("markov")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        patch.setattr(lockstep, "STREAMS", streams)
        patch.setattr(wgn, "BLOCK", block)
        patch.setattr("wavegen.compression.files.BLOCK", block)
        folder, paths = tmp_path_factory.mktemp("many"), []
        for index, (kind, frames, channels, seed) in enumerate(drawn):
            pcm = recordings(kind, frames, channels, seed)
            paths.append(folder / f"{index}.wav")
            paths[-1].write_bytes(plain_header(8000, channels, frames) + pcm.tobytes())
        there_and_back(model, paths, threads=threads)


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
def test_any_instruction_set_batch_and_thread_count_decodes(precision):
    """The words are the same, so that the tables are, and each engine reads what another wrote."""
    model, pcm = sensitive_models.combined(MODEL), sensitive_models.pcm(32, 500)
    sets = extension().instruction_sets()

    def words(isa, rows, threads, piece):
        engine = NativeEngine(model, len(rows), threads, isa, precision)
        encoders = [extension().Encoder() for _ in rows]
        for start in range(0, pcm.shape[1], piece):
            engine.encode(pcm[rows, start : start + piece], encoders)
        return [encoder.finish() for encoder in encoders]

    together = words(sets[0], range(32), 2, 500)
    for isa in sets:
        for alone, other in zip(words(isa, [3, 31], 1, 77), (together[3], together[31]), strict=True):
            np.testing.assert_array_equal(alone, other)
        for rows, threads in [([3], 1), ([3], 2), (list(range(32)), 2)]:
            engine = NativeEngine(model, len(rows), threads, isa, precision)
            decoders = [extension().Decoder(together[row]) for row in rows]
            np.testing.assert_array_equal(np.hstack([engine.decode(n, decoders) for n in (1, 199, 300)]), pcm[rows])
            assert all(decoder.finished() for decoder in decoders)


def test_lockstep_goes_on_where_it_was(model, written, monkeypatch):
    """Streams that come and go change nobody's bytes."""
    paths = [written(f"{frames}.wav", recordings("speech", frames, 1, frames)) for frames in (900, 70, 400, 69, 1, 300)]
    alone = []
    for path in paths:
        compress(model, [(path, path.with_suffix(".wgn"))])
        alone.append(path.with_suffix(".wgn").read_bytes())
    for streams, piece in [(2, 4096), (3, 11), (1, 4096)]:
        monkeypatch.setattr(lockstep, "STREAMS", streams)
        monkeypatch.setattr(lockstep, "PIECE", piece)
        there_and_back(model, paths, threads=1)
        assert [path.with_suffix(".wgn").read_bytes() for path in paths] == alone


def test_precision_is_kept_in_the_file(model, written):
    path = written("a.wav", recordings("speech", 500, 1, 1))
    sizes = set()
    for precision in ("float32", "bfloat16", "int8"):
        result = there_and_back(model, [path], precision=precision)
        assert result["precision"] == precision
        sizes.add(result["model_bits_per_sample"])
    assert len(sizes) == 3


class Damaged:
    """A compressed file of two channels with a header of its own and a trailer, and what happens to changed ones."""

    def __init__(self, model, folder):
        self.model, self.folder = model, folder
        pcm = recordings("speech", 120, 2, 3)
        header = plain_header(8000, 2, 120)
        self.whole = header[:12] + b"JUNK\4\0\0\0abcd" + header[12:] + pcm.tobytes() + b"the end"
        (folder / "a.wav").write_bytes(self.whole)
        compress(model, [(folder / "a.wav", folder / "a.wgn")])
        self.small = (folder / "a.wgn").read_bytes()

    def comes_back(self, contents):
        """Whether the file was restored; if so, it must be as it was, else nothing may be there."""
        (self.folder / "b.wgn").write_bytes(contents)
        out = self.folder / "b.wav"
        out.unlink(missing_ok=True)
        try:
            decompress(self.model, [(self.folder / "b.wgn", out)])
        except UserError as error:
            refusal = str(error)
        else:
            assert out.read_bytes() == self.whole
            return True
        assert "b.wgn" in refusal
        assert sorted(path.name for path in self.folder.iterdir()) == ["a.wav", "a.wgn", "b.wgn"]
        return False


@pytest.fixture
def damaged(tmp_path, monkeypatch):
    monkeypatch.setattr("wavegen.compression.files.BLOCK", 50)
    monkeypatch.setattr(wgn, "BLOCK", 50)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    return Damaged(sensitive_models.combined("markov"), tmp_path)


def test_too_little_room_is_known_before_a_file_is_restored(model, written, monkeypatch, tmp_path):
    path = written("a.wav", np.zeros((3000, 1), np.int16))
    compress(model, [(path, tmp_path / "a.wgn")])
    free = SimpleNamespace(f_bavail=5, f_frsize=1000, f_blocks=9)
    monkeypatch.setattr(os, "statvfs", lambda _: free)
    monkeypatch.setattr("wavegen.compression.files.lockstep", lambda *_: pytest.fail("the work has begun"))
    with pytest.raises(UserError, match=r"needs 6\.0 kB, 5\.0 kB are free; make room or name another folder"):
        decompress(model, [(tmp_path / "a.wgn", tmp_path / "b.wav")])
    assert not (tmp_path / "b.wav").exists()
    free.f_bavail = 7
    with pytest.raises(pytest.fail.Exception, match="begun"):
        decompress(model, [(tmp_path / "a.wgn", tmp_path / "b.wav")])


@given(st.data())
@settings(max_examples=2000, deadline=None, suppress_health_check=SLOW)
def test_two_thousand_corruptions_give_an_error_or_the_file(damaged, data):
    contents = bytearray(damaged.small)
    index = data.draw(st.integers(0, len(contents) - 1))
    kind = data.draw(st.sampled_from(["flip", "cut", "more", "byte", "shift", "swap"]))
    if kind == "flip":
        contents[index] ^= 1 << data.draw(st.integers(0, 7))
    elif kind == "byte":
        contents[index] = data.draw(st.integers(0, 255))
    elif kind == "cut":
        del contents[index:]
    elif kind == "more":
        contents += data.draw(st.binary(min_size=1, max_size=20))
    elif kind == "shift":
        del contents[index : index + data.draw(st.integers(1, 8))]
    else:
        other = data.draw(st.integers(0, len(contents) - 1))
        contents[index], contents[other] = contents[other], contents[index]
    came_back = damaged.comes_back(bytes(contents))
    # This WAV header has a sample rate of its own, so that nothing is restored from the other.
    changed = [i for i, (a, b) in enumerate(itertools.zip_longest(contents, damaged.small)) if a != b]
    if not set(changed) <= set(range(8, 12)):
        assert not came_back
    if not changed:
        assert came_back


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (slice(0, 4), b"wgm\n", "is not a file that wavegen compressed"),
        (slice(4, 5), b"\2", "format 2 of another wavegen, this one reads 1"),
        (slice(5, 6), b"\2", "numerics 2, this wavegen has 1"),
        (slice(6, 7), b"\3", "damaged or cut short"),
        (slice(7, 8), b"\3", "damaged or cut short"),
        (slice(12, 16), b"\xff\xff\xff\xff", "damaged or cut short"),  # 2^32 frames would be reserved
        (slice(16, 20), b"\xff\xff\xff\xff", "damaged or cut short"),
        (slice(20, 24), b"\xff\xff\xff\xff", "damaged or cut short"),
        (slice(24, 25), b"", "was compressed with model|damaged"),
        (slice(24, 32), b"12345678", "was compressed with model 3132333435363738, this one is"),
        (slice(-1, None), b"", "damaged or cut short"),
    ],
)
def test_each_field_is_checked_before_any_work(damaged, monkeypatch, place, value, words):
    contents = bytearray(damaged.small)
    contents[place] = value
    path = damaged.folder / "b.wgn"
    path.write_bytes(contents)
    with pytest.raises(UserError, match=words):
        decompress(damaged.model, [(path, damaged.folder / "b.wav")])
    assert not (damaged.folder / "b.wav").exists()


def test_another_model_is_named(model, written):
    path = written("a.wav", recordings("speech", 50, 1, 1))
    compress(model, [(path, path.with_suffix(".wgn"))])
    for other in (sensitive_models.combined(MODEL, seed=4), sensitive_models.combined("gaussians")):
        with pytest.raises(UserError, match="was compressed with model"):
            decompress(other, [(path.with_suffix(".wgn"), path.with_suffix(".back"))])
    settings = copy.deepcopy(model.settings)
    settings["network"]["dilations"] = settings["network"]["dilations"][::-1]
    reversed_layers = AudioModel.from_settings(settings, AudioForm(8000)).eval()
    reversed_layers.load_state_dict(model.state_dict())
    with pytest.raises(UserError, match="was compressed with model"):
        decompress(reversed_layers, [(path.with_suffix(".wgn"), path.with_suffix(".back"))])
    faster = AudioModel.from_settings(model.settings, AudioForm(16000)).eval()
    faster.load_state_dict(model.state_dict())
    with pytest.raises(UserError, match="was compressed with model"):
        decompress(faster, [(path.with_suffix(".wgn"), path.with_suffix(".back"))])
    same = sensitive_models.combined(MODEL)
    decompress(same, [(path.with_suffix(".wgn"), path.with_suffix(".back"))])


def test_a_model_keeps_its_digest():
    """What it is made of must not change, or nobody can restore what was compressed before."""
    assert wgn.model_digest(load("allison")).hex() == "08770116af0104bd"


def test_a_damaged_file_does_not_keep_others(model, written):
    paths = [written(f"{index}.wav", recordings("speech", 200 + index, 1, index)) for index in range(4)]
    pairs = [(path, path.with_suffix(".wgn")) for path in paths]
    compress(model, pairs)
    for index in (1, 2):
        small = bytearray(pairs[index][1].read_bytes())
        small[-20] ^= 1
        pairs[index][1].write_bytes(small)
    with pytest.raises(UserError, match=r"[12]\.wgn: damaged.*and 1 more files failed"):
        decompress(model, [(small, small.with_suffix(".back")) for _, small in pairs])
    assert [path.with_suffix(".back").exists() for path in paths] == [True, False, False, True]
    assert filecmp.cmp(paths[3], paths[3].with_suffix(".back"), shallow=False)


def test_a_damaged_file_of_one_precision_does_not_keep_those_of_another(model, written):
    paths = [written(f"{index}.wav", recordings("speech", 90 + index, 1, index)) for index in range(4)]
    pairs = [(path, path.with_suffix(".wgn")) for path in paths]
    for pair, precision in zip(pairs, ("int8", "float32", "bfloat16", "float32"), strict=True):
        compress(model, [pair], precision=precision)
    back = [(small, small.with_suffix(".back")) for _, small in pairs]
    rows = decompress(model, back)["files"]
    assert [row["file"] for row in rows] == [str(restored) for _, restored in back]
    for _, restored in back:
        restored.unlink()
    pairs[2][1].write_bytes(pairs[2][1].read_bytes()[:-4])  # the first to be restored
    with pytest.raises(UserError, match=r"2\.wgn: damaged"):
        decompress(model, back)
    assert [restored.exists() for _, restored in back] == [True, True, False, True]


def test_outputs_are_not_inputs_and_are_named_once(model, written):
    path, other = written("a.wav", recordings("speech", 9, 1, 1)), written("b.wav", recordings("speech", 9, 1, 1))
    for pairs in ([(path, path)], [(path, other), (other, other.with_suffix(".wgn"))], [(path, "x"), (other, "x")]):
        with pytest.raises(UserError, match="would become it, or it is one of them"):
            compress(model, pairs)


def test_no_more_files_are_open_than_may_be(model, written):
    paths = [written(f"{index}.wav", recordings("speech", 20, 1, index)) for index in range(60)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (90, hard))
    try:
        there_and_back(model, paths, threads=2)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_models_without_an_engine_are_refused(written):
    path = written("a.wav", recordings("speech", 50, 1, 1))
    nade = small_models.mu_law_model(name="nade")
    with pytest.raises(UserError, match=r"nade networks have no C\+\+ engine"):
        compress(nade, [(path, path.with_suffix(".wgn"))])
    assert not path.with_suffix(".wgn").exists()
    assert proven(nade, [np.zeros(5, np.int16)]) is None


def test_the_proof_is_the_size_of_files_that_came_back(model, monkeypatch):
    pcms = [sensitive_models.pcm(1, 400, seed)[0] for seed in (1, 2)]
    claimed = -sum(open_engine(model, 1, "cpu").feed(pcm[None]).sum() for pcm in pcms) / 800
    size = proven(model, pcms)
    assert size is not None
    assert claimed < size <= 1.001 * claimed + 2 * 64 * 8 / 800
    monkeypatch.setattr(filecmp, "cmp", lambda *paths, shallow: False)
    with pytest.raises(RuntimeError, match="did not come back"):
        proven(model, pcms)


def test_a_coder_serves_one_stream_at_a_time(model):
    engine, encoder = NativeEngine(model, 2), extension().Encoder()
    with pytest.raises(ValueError, match="one stream at a time"):
        engine.encode(np.zeros((2, 3), np.int16), [encoder, encoder])
    with pytest.raises(ValueError, match="1 coders for 2 streams"):
        engine.encode(np.zeros((2, 3), np.int16), [encoder])
    assert len(encoder.finish()) == 2
    with pytest.raises(ValueError, match="out of range"):
        extension().encode(engine._native, *(np.ones((2, 1), np.uint16),) * 2, [encoder, extension().Encoder()])


def test_memory_does_not_grow_with_the_recording(written, monkeypatch):
    """Both ways hold a block of each channel; all of the longer one's samples alone would be 0.4 MB."""
    monkeypatch.setattr("wavegen.compression.files.BLOCK", 1000)
    monkeypatch.setattr(wgn, "BLOCK", 1000)
    model, peaks = sensitive_models.combined("markov-linear"), []
    for frames in (1000, 20_000, 200_000):  # at first something is made once
        path = written(f"{frames}.wav", recordings("noise", frames, 1, 1))
        tracemalloc.start()
        there_and_back(model, [path])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < peaks[1] + 50_000
