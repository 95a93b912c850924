"""Every engine keeps the protocol: coders, saved states, streams that go on elsewhere."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import sensitive_models
import small_models

from wavegen.engine import cuda, native, open_engine
from wavegen.engine.cuda import CudaEngine
from wavegen.engine.packing import cuda_arguments
from wavegen.errors import UserError
from wavegen.extension import extension

pytestmark = pytest.mark.skipif(native.missing() is not None, reason="the extension is not built")

RUNNING = [(engine, name) for engine in ("cpu", "torch") for name in sensitive_models.COMBINATIONS]
WHOLE = [case for case in RUNNING if case != ("torch", "nade")]


@pytest.mark.parametrize(("engine", "name"), [*RUNNING, ("torch", "nade")])
def test_what_is_encoded_is_decoded_in_the_bits_that_are_fed(engine, name):
    model = small_models.model("nade") if name == "nade" else sensitive_models.combined(name)
    pcm = sensitive_models.pcm(2, 150)
    encoders = [extension().Encoder() for _ in pcm]
    log2_prob = open_engine(model, 2, engine=engine).encode(pcm, encoders)
    np.testing.assert_allclose(log2_prob, open_engine(model, 2, engine=engine).feed(pcm), rtol=1e-9)
    words = [encoder.finish() for encoder in encoders]
    claimed = -log2_prob.sum(axis=1)
    assert all(bits <= 32 * len(each) <= 1.001 * bits + 96 for bits, each in zip(claimed, words, strict=True))
    decoders = [extension().Decoder(each) for each in words]
    reading = open_engine(model, 2, engine=engine)
    found = np.hstack([reading.decode(count, decoders) for count in (1, 100, 49)])
    np.testing.assert_array_equal(found, pcm)
    assert all(decoder.finished() for decoder in decoders)


@pytest.mark.parametrize("name", sensitive_models.COMBINATIONS)
def test_the_twin_codes_as_the_extension_does(name):
    """Its words are other ones, as its counts are rounded elsewhere, but as many."""
    model, pcm = sensitive_models.combined(name), sensitive_models.pcm(1, 400)
    sizes = []
    for engine in ("cpu", "torch"):
        encoder = extension().Encoder()
        open_engine(model, 1, engine=engine).encode(pcm, [encoder])
        sizes.append(len(encoder.finish()))
    assert abs(sizes[0] - sizes[1]) <= 1


@pytest.mark.parametrize(("engine", "name"), WHOLE)
def test_streams_go_on_in_an_engine_of_another_size(engine, name):
    model, pcm = sensitive_models.combined(name), sensitive_models.pcm(4, 60)
    alone = [open_engine(model, 1, engine=engine).feed(stream[None])[0] for stream in pcm]
    three = open_engine(model, 3, engine=engine)
    three.feed(pcm[:3, :37])
    other = three.resized(4, [2, 0])
    assert other.streams == 4
    found = other.feed(np.stack([pcm[2, 37:], pcm[0, 37:], pcm[3, :23], pcm[1, :23]]))
    expected = [alone[2][37:], alone[0][37:], alone[3][:23], alone[1][:23]]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    np.testing.assert_allclose(three.feed(pcm[:3, 37:]), [stream[37:] for stream in alone[:3]], rtol=1e-9)
    fresh = other.resized(1)
    np.testing.assert_allclose(fresh.feed(pcm[:1])[0], alone[0], rtol=1e-9)


def test_draws_go_on_at_the_time_of_the_kept_streams():
    for engine in ("cpu", "torch"):
        model = sensitive_models.combined("logistics")
        whole, _ = open_engine(model, 2, engine=engine).generate(30, [1, 2])
        running = open_engine(model, 2, engine=engine)
        running.generate(20, [1, 2])
        np.testing.assert_array_equal(running.resized(1, [1]).generate(10, [2])[0][0], whole[1, 20:])


def test_no_stream_joins_a_network_that_is_within_a_frame():
    model, pcm = small_models.model("nade"), sensitive_models.pcm(2, 5)
    running = open_engine(model, 1, engine="torch")
    running.feed(pcm[:1, :3])
    assert running.resized(1, [0]).streams == 1
    with pytest.raises(ValueError, match="only at the start of a frame"):
        running.resized(2, [0])


def test_a_state_of_another_engine_is_refused():
    model = sensitive_models.combined("logistics")
    cpu, torch = (open_engine(model, 1, engine=engine) for engine in ("cpu", "torch"))
    for one, other, said in ((cpu, torch, "engine cpu or cuda"), (torch, cpu, "engine torch")):
        with pytest.raises(TypeError, match=f"not a saved state of {said}"):
            one.restore(other.save())


@pytest.mark.parametrize("engine", ["cpu", "torch", "cuda"])
@pytest.mark.parametrize(
    ("kept", "words"),
    [
        ([0, 1, 1], "3 streams are kept, the other engine has 2"),
        ([-1], "there is no stream -1 to keep, of 2"),
        ([2], "there is no stream 2 to keep, of 2"),
    ],
)
def test_streams_that_are_not_there_are_not_kept(engine, kept, words, monkeypatch):
    monkeypatch.setattr(cuda, "extension", OnGpu)
    running = open_engine(sensitive_models.combined("logistics"), 2, engine=engine)
    with pytest.raises(ValueError, match=words):
        running.resized(2, kept)


@pytest.mark.parametrize(("engine", "name"), [*RUNNING, ("torch", "nade")])
def test_words_that_no_encoder_wrote_are_decoded(engine, name):
    model = small_models.model("nade") if name == "nade" else sensitive_models.combined(name)
    words = np.full(200, 0xFFFFFFFF, np.uint32)
    decoders = [extension().Decoder(words), extension().Decoder(words[:9])]
    open_engine(model, 2, engine=engine).decode(100, decoders)
    assert not any(decoder.finished() for decoder in decoders)


def test_the_number_of_coders_is_checked():
    for engine in ("cpu", "torch"):
        running = open_engine(sensitive_models.combined("logistics"), 2, engine=engine)
        with pytest.raises(ValueError, match="1 coders for 2 streams"):
            running.encode(np.zeros((2, 3), np.int16), [extension().Encoder()])
        with pytest.raises(ValueError, match="1 coders for 2 streams"):
            running.decode(3, [extension().Decoder(np.zeros(2, np.uint32))])


def test_what_is_not_finite_is_an_error_of_the_users():
    model = small_models.model("gru")
    small_models.output_of(model).weight.data.fill_(np.inf)
    with pytest.raises(UserError, match="not finite"):
        open_engine(model, 1, engine="torch").encode(np.zeros((1, 3), np.int16), [extension().Encoder()])


class OnGpu:
    """An extension for a GPU, whose engines are the cpu engine's."""

    numerics = 1
    interface = cuda.INTERFACE

    def missing(self):
        return None

    def device(self):
        return "a CPU"

    def multiprocessors(self):
        return 1

    def weights(self, **arguments):
        return None

    def Engine(self, weights, streams, kernel):  # noqa: N802
        running = native.NativeEngine(sensitive_models.combined("logistics"), streams)._native
        methods = {name: getattr(running, name) for name in ("generate", "feed", "save", "restore")}
        return SimpleNamespace(fell_back=False, kernel="latency-grid", **methods)


def test_the_weights_get_the_arguments_that_the_cuda_extension_takes():
    source = (Path(__file__).parents[2] / "csrc/bindings/cuda.cpp").read_text(encoding="utf-8")
    (block,) = re.findall(r'm\.def\("weights", .*?\);', source, re.DOTALL)
    given = cuda_arguments(sensitive_models.combined("logistics").data())
    assert sorted([*given, "bfloat16"]) == sorted(re.findall(r'"(\w+)"_a', block))


def test_the_cuda_engine_keeps_the_protocol_but_refuses_to_code(monkeypatch):
    monkeypatch.setattr(cuda, "extension", OnGpu)
    model, pcm = sensitive_models.combined("logistics"), sensitive_models.pcm(2, 40)
    expected = open_engine(model, 2, engine="cpu").feed(pcm)
    engine = CudaEngine(model, 2)
    np.testing.assert_array_equal(engine.feed(pcm[:, :20]), expected[:, :20])
    np.testing.assert_array_equal(engine.resized(1, [1]).feed(pcm[1:, 20:]), expected[1:, 20:])
    for code in (lambda: engine.encode(pcm, []), lambda: engine.decode(3, [])):
        with pytest.raises(UserError, match="engine cuda does not code"):
            code()
