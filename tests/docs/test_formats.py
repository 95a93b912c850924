"""docs/formats.md is enough to write a reader: these use numpy, json, struct and hashlib, and nothing of wavegen."""

import base64
import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import workspace

from wavegen import modelfile
from wavegen.cli.main import main
from wavegen.models import checkpoint

WGN_FIELDS = (
    *("magic", "format", "numerics", "precision", "channels", "rate"),
    *("frames", "header", "trailer", "model", "digest"),
)


def read_model(path):
    """The header and the tensors of a model file."""
    data = Path(path).read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    entries = json.loads(data[8 : 8 + length])
    header = json.loads(entries.pop("__metadata__")["wavegen"])
    tensors = {}
    for name, entry in entries.items():
        assert entry["dtype"] == "F32"
        begin, end = entry["data_offsets"]
        tensors[name] = np.frombuffer(data[8 + length + begin : 8 + length + end], "<f4").reshape(entry["shape"])
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].shape} torch.float32\n".encode() + tensors[name].tobytes())
    assert header["metadata"]["weights_hash"] == digest.hexdigest()[:16]
    return header, tensors


def read_recordings_set(text):
    """The first 40 bits of content hashes, 10 hex digits each."""
    skip, _, packed = text.partition(":")
    raw = base64.b64decode(packed)
    hashes = [raw[start : start + 5].hex() for start in range(0, len(raw), 5)]
    assert hashes == sorted(hashes)
    assert all(int(each, 16) < 1 << (40 - int(skip)) for each in hashes)
    return hashes


def read_corpus(folder):
    """The description, and each recording's entry and samples."""
    about = json.loads((folder / "corpus.json").read_text())
    assert (about["format"], about["version"]) == ("wavegen corpus", 1)
    pcm = np.fromfile(folder / "pcm.i16", "<i2")
    lines = (folder / "index.jsonl").read_bytes().splitlines(keepends=True)
    rows = list(struct.iter_unpack("<qqqB", (folder / "index.rows").read_bytes()))
    fingerprint = hashlib.sha256(f"{about['sample_rate']}\n".encode())
    recordings = []
    start = 0
    offset = 0
    for line, row in zip(lines, rows, strict=True):
        entry = json.loads(line)
        split = ("train", "validation", "test").index(entry["split"])
        assert row == (start, entry["offset"], entry["samples"], split)
        assert entry["offset"] == offset
        samples = pcm[offset : offset + entry["samples"]]
        assert hashlib.sha256(samples.tobytes()).hexdigest() == entry["content_hash"]
        fingerprint.update(json.dumps([entry["id"], entry["split"], entry["content_hash"]]).encode() + b"\n")
        recordings.append((entry, samples))
        start += len(line)
        offset += entry["samples"]
    assert (len(lines), offset) == (about["recordings"], about["samples"]) == (about["recordings"], len(pcm))
    assert about["fingerprint"] == fingerprint.hexdigest()[:16]
    return about, recordings


def split_of(key):
    n = int(hashlib.sha1(key.encode()).hexdigest()[:8], 16) % 10
    return {0: "test", 1: "validation"}.get(n, "train")


def read_wgn(path):
    """The header's fields, the words of each block of each channel, and the trailer."""
    data = Path(path).read_bytes()
    fields: dict[str, Any] = dict(zip(WGN_FIELDS, struct.unpack_from("<4sBBBBIIII8s16s", data), strict=True))
    at = 48 + fields["header"]
    fields["wav_header"] = data[48:at]
    blocks = []
    for _ in range(-(-fields["frames"] // 32768) * fields["channels"]):
        (count,) = struct.unpack_from("<I", data, at)
        blocks.append(np.frombuffer(data, "<u4", count, at + 4))
        at += 4 + 4 * count
    assert len(data) - at == fields["trailer"]
    return fields, blocks, data[at:]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("formats")
    workspace.furnish(made)
    return made


def test_a_model_of_ours():
    header, tensors = read_model(modelfile.model_file("allison"))
    assert (header["format"], header["numerics"], header["sample_rate"]) == (2, 1, 8000)
    network = header["network"]
    residual = network["residual_channels"]
    gates = network["gate_channels"]
    layers = len(network["dilations"])
    assert tensors["network.front.taps.weight"].shape == (residual, network["front_kernel_size"] * 3)
    assert tensors["network.gates.0.taps.weight"].shape == (gates, network["kernel_size"] * residual)
    assert tensors["network.residuals.0.weight"].shape == (residual, gates // 2)
    assert f"network.residuals.{layers - 1}.weight" not in tensors
    assert tensors["network.skip.weight"].shape == (network["skip_channels"], layers * gates // 2)
    assert tensors["predictor.weights"].shape == (header["predictor"]["taps"],)
    assert len(read_recordings_set(header["metadata"]["trained_on"])) == 430
    ranges = json.loads(header["metadata"]["training_ranges"])
    assert ranges.keys() == {"recordings", "silent", "dc", "level", "upper"}


def test_a_model_of_mu_law(folder):
    header, tensors = read_model(folder / "wavenet" / "model.safetensors")
    assert header["codec"] == {"name": "mu-law", "bits": 8}
    assert tensors["embedding.weight"].shape == (256, 32)


def test_the_tensors_give_the_likelihood():
    """The first sample of a file from the description alone: WaveNet, predictor and mixture in float64."""
    torch = pytest.importorskip("torch")
    header, tensors = read_model(modelfile.model_file("allison"))
    weights = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}

    def linear(name, x):
        return weights[f"network.{name}.weight"] @ x + weights[f"network.{name}.bias"]

    # Before a file is silence: amplitude 0, companded 0, error 0; and the state is zeros, not what silence gives.
    front, kernel = header["network"]["front_kernel_size"], header["network"]["kernel_size"]
    x = linear("front.taps", np.zeros(front * 3))
    history = np.zeros_like(x)
    outputs = []
    half = header["network"]["gate_channels"] // 2
    for layer in range(len(header["network"]["dilations"])):
        gates = linear(f"gates.{layer}.taps", np.concatenate([history] * (kernel - 1) + [x]))
        z = np.tanh(gates[:half]) / (1 + np.exp(-gates[half:]))
        outputs.append(z)
        if f"network.residuals.{layer}.weight" in weights:
            x = x + linear(f"residuals.{layer}", z)
    params = linear("output", np.maximum(linear("head", np.maximum(linear("skip", np.concatenate(outputs)), 0)), 0))
    model = checkpoint.load("allison")
    ours = model.distribution.log_prob(
        torch.tensor(params)[None], torch.tensor([32768]), torch.zeros(1, dtype=torch.float64)
    )
    expected, _ = model.double().log2_prob(torch.zeros(1, 1, dtype=torch.long))
    mixed = np.log2((1 - 2**-14) * np.exp(ours.item()) + 2**-14 / 65536)
    assert mixed == pytest.approx(expected.item(), abs=1e-6)


def test_a_corpus(folder):
    about, recordings = read_corpus(folder / "corpus")
    assert about["split_rule"] == 2
    assert about["split_by"] == "file"
    for entry, samples in recordings:
        assert entry["split"] == split_of(entry["id"])
        number = int(Path(entry["id"]).stem)
        assert np.array_equal(samples, workspace.wander(1000 + 37 * number, number))


def test_a_compressed_recording(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert main(["compress", "wavenet", "a.wav", "a.wgn"]) == 0
    fields, blocks, trailer = read_wgn("a.wgn")
    assert (fields["magic"], fields["format"], fields["numerics"], fields["precision"]) == (b"wgn\n", 1, 1, 0)
    assert (fields["channels"], fields["rate"], fields["frames"], fields["header"]) == (1, 8000, 900, 0)
    assert fields["digest"] == hashlib.blake2b(Path("a.wav").read_bytes(), digest_size=16).digest()
    assert trailer == b""
    assert sum(map(len, blocks)) * 4 + 4 * len(blocks) + 48 == Path("a.wgn").stat().st_size
    header, _ = read_model("wavenet/model.safetensors")
    settings = {key: header[key] for key in ("codec", "distribution", "predictor", "network") if key in header}
    named = json.dumps([header["sample_rate"], settings, header["metadata"]["weights_hash"]], sort_keys=True)
    assert fields["model"] == hashlib.blake2b(named.encode(), digest_size=8).digest()
