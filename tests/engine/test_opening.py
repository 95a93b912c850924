import logging
import sys
from typing import Any

import numpy as np
import pytest
import sensitive_models
import small_models

import wavegen.engine
from wavegen.engine import open_engine
from wavegen.errors import UserError


@pytest.fixture
def without_extension(monkeypatch):
    monkeypatch.setitem(sys.modules, "wavegen_native", None)
    wavegen.engine._say_once.cache_clear()


def test_auto_takes_the_extension_for_what_it_runs_and_torch_for_the_rest():
    pytest.importorskip("wavegen_native", reason="the C++ engine is not installed")
    assert open_engine(sensitive_models.wavenet()).name == "cpu"
    assert open_engine(sensitive_models.wavenet(), engine="torch").name == "torch"
    assert open_engine(sensitive_models.combined("gru")).name == "cpu"
    assert open_engine(small_models.model("nade")).name == "torch"


@pytest.mark.parametrize("name", ["nade", "nade-context"])
def test_cpu_says_which_models_it_does_not_run(name):
    pytest.importorskip("wavegen_native", reason="the C++ engine is not installed")
    with pytest.raises(UserError, match="does not run nade networks"):
        open_engine(small_models.model(name), engine="cpu")


def test_without_the_extension_auto_says_so_once_and_goes_on(without_extension, caplog):
    with caplog.at_level(logging.WARNING, logger="wavegen"):
        assert open_engine(sensitive_models.wavenet()).name == "torch"
        assert open_engine(sensitive_models.wavenet()).name == "torch"
    (line,) = caplog.messages
    assert "\n" not in line
    assert "C++ engine is missing" in line
    assert "apt install g++" in line


def test_an_extension_of_other_numerics_is_refused(monkeypatch):
    extension = pytest.importorskip("wavegen_native", reason="the C++ engine is not installed")
    monkeypatch.setattr(extension, "numerics", 99)
    with pytest.raises(UserError, match=r"C\+\+ engine has numerics 99, wavegen 1"):
        open_engine(sensitive_models.wavenet(), engine="cpu")


def test_without_the_extension_other_models_are_not_bothered(without_extension, caplog):
    assert open_engine(small_models.model("nade")).name == "torch"
    assert not caplog.messages


def test_without_the_extension_cpu_is_refused(without_extension):
    with pytest.raises(UserError, match=r"apt install g\+\+"):
        open_engine(sensitive_models.wavenet(), engine="cpu")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"engine": "tpu"}, "engine tpu is not known"),
        ({"engine": "torhc"}, "did you mean torch"),
        ({"streams": 0}, "0 streams"),
        ({"isa": "sse9", "engine": "cpu"}, "isa sse9 is not of this CPU"),
        ({"streams": 5000, "engine": "cpu"}, "number of streams is 5000"),
    ],
)
def test_what_cannot_be_opened(arguments, message):
    if arguments.get("engine") == "cpu":
        pytest.importorskip("wavegen_native", reason="the C++ engine is not installed")
    with pytest.raises(UserError, match=message):
        open_engine(sensitive_models.wavenet(), **arguments)


@pytest.mark.parametrize("kind", ["cpu", "torch"])
def test_what_cannot_be_asked(kind):
    if kind == "cpu":
        pytest.importorskip("wavegen_native", reason="the C++ engine is not installed")
    engine = open_engine(sensitive_models.wavenet(), 2, engine=kind)
    for seeds in ([1], [1, 2, 3], [1, -1], [1, 2**64]):
        with pytest.raises(UserError, match="seed"):
            engine.generate(3, seeds)
    for temperature in (0, -1, float("nan"), float("inf"), 1e-9):
        with pytest.raises(UserError, match="temperature"):
            engine.generate(3, [1, 2], temperature)
    two: Any = sensitive_models.pcm(2, 4)
    for pcm in (sensitive_models.pcm(1, 4), two.astype(np.int32), two[0]):
        with pytest.raises(ValueError, match="expected int16"):
            engine.feed(pcm)
    assert engine.generate(0, [1, 2])[0].shape == (2, 0)
    assert engine.feed(sensitive_models.pcm(2, 0)).shape == (2, 0)


@pytest.mark.parametrize("exact", [False, True])
def test_engines_draw_the_same_recording(exact):
    pytest.importorskip("wavegen_native", reason="the C++ engine is not installed")
    model = sensitive_models.wavenet()
    twin, log2_prob = open_engine(model, 2, engine="torch").generate(60, [1, 2], exact=exact)
    drawn, found = open_engine(model, 2, engine="cpu").generate(60, [1, 2], exact=exact)
    assert np.array_equal(drawn, twin)  # a near-tie could part them; these seeds have none
    sensitive_models.assert_agrees(found, log2_prob)
