"""A file that cannot be compressed or restored is refused with a reason and does not keep the others."""

import copy
import filecmp
import os
from types import SimpleNamespace

import numpy as np
import pytest
import sensitive_models
import small_models
from round_trips import recordings

from wavegen.compression import wgn
from wavegen.compression.files import compress, decompress, proven
from wavegen.engine import native
from wavegen.errors import UserError
from wavegen.models.audio import AudioModel
from wavegen.models.checkpoint import load
from wavegen.models.forms import AudioForm

pytestmark = pytest.mark.skipif(native.missing() is not None, reason="the extension is not built")


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


def test_another_model_is_named(model, written):
    path = written("a.wav", recordings("speech", 50, 1, 1))
    compress(model, [(path, path.with_suffix(".wgn"))])
    for other in (sensitive_models.combined("logistics", seed=4), sensitive_models.combined("gaussians")):
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
    same = sensitive_models.combined("logistics")
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


def test_models_without_an_engine_are_refused(written):
    path = written("a.wav", recordings("speech", 50, 1, 1))
    nade = small_models.mu_law_model(name="nade")
    with pytest.raises(UserError, match=r"nade networks have no C\+\+ engine"):
        compress(nade, [(path, path.with_suffix(".wgn"))])
    assert not path.with_suffix(".wgn").exists()
    assert proven(nade, [np.zeros(5, np.int16)]) is None
