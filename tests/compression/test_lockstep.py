"""Streams, threads and instruction sets change no byte of a compressed file."""

import resource

import numpy as np
import pytest
import sensitive_models
from round_trips import recordings, there_and_back

from wavegen.compression import lockstep
from wavegen.compression.files import compress
from wavegen.engine import native
from wavegen.engine.native import NativeEngine
from wavegen.extension import extension

pytestmark = pytest.mark.skipif(native.missing() is not None, reason="the extension is not built")


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
def test_any_instruction_set_batch_and_thread_count_decodes(precision):
    """The words are the same, so that the tables are, and each engine reads what another wrote."""
    model = sensitive_models.combined("logistics")
    pcm = sensitive_models.pcm(32, 500)
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
    for streams, frames in [(2, 4096), (3, 11), (1, 4096)]:
        monkeypatch.setattr(lockstep, "STREAMS", streams)
        monkeypatch.setattr(lockstep, "FRAMES_PER_CALL", frames)
        there_and_back(model, paths, threads=1)
        assert [path.with_suffix(".wgn").read_bytes() for path in paths] == alone


def test_no_more_files_are_open_than_may_be(model, written):
    paths = [written(f"{index}.wav", recordings("speech", 20, 1, index)) for index in range(60)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (90, hard))
    try:
        there_and_back(model, paths, threads=2)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_coder_serves_one_stream_at_a_time(model):
    engine = NativeEngine(model, 2)
    encoder = extension().Encoder()
    with pytest.raises(ValueError, match="one stream at a time"):
        engine.encode(np.zeros((2, 3), np.int16), [encoder, encoder])
    with pytest.raises(ValueError, match="1 coders for 2 streams"):
        engine.encode(np.zeros((2, 3), np.int16), [encoder])
    assert len(encoder.finish()) == 2
    with pytest.raises(ValueError, match="out of range"):
        extension().encode(engine._native, *(np.ones((2, 1), np.uint16),) * 2, [encoder, extension().Encoder()])
