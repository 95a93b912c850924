"""A file of another kind than was wanted is called what it is."""

import io
import os
import zipfile

import bad_audio
import h5py
import numpy as np
import pytest
import safetensors.numpy
import torch

from wavegen.system import contents


def written(write, *arguments, **named):
    file = io.BytesIO()
    write(file, *arguments, **named)
    return file.getvalue()


def zipped():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.wav", bytes(90))
    return file.getvalue()


def hdf5():
    file = io.BytesIO()
    with h5py.File(file, "w") as stored:
        stored["feats"] = np.zeros(3)
    return file.getvalue()


KINDS = {
    "a file of NumPy": [written(np.save, np.zeros(3)), written(np.savez, mel=np.zeros(3)),
                        written(np.savez_compressed, np.zeros(3))],
    "a file of PyTorch": [written(lambda file: torch.save({"a": torch.zeros(3)}, file)),
                          written(lambda file: torch.save(torch.zeros(3), file, _use_new_zipfile_serialization=False))],
    "an HDF5 file": [hdf5()],
    "a ZIP archive": [zipped()],
    "a safetensors file": [safetensors.numpy.save({"a": np.zeros(3)})],
    "a recording that wavegen compressed": [b"wgn\n" + bytes(60)],
    "a WAV file": [bad_audio.coded("WAV"), bad_audio.coded("RF64"), b"BW64" + bad_audio.coded("RF64")[4:]],
    "a FLAC file": [bad_audio.coded("FLAC")],
    "an Ogg file": [bad_audio.coded("OGG")],
    "an AIFF file": [bad_audio.coded("AIFF")],
    "text": [b'{"error": "no quota"}', "æ".encode() * 256, ("a" + "æ" * 300).encode(), b"a,b\r\n\t1,2\r\n"],
    None: [b"", bytes(600), np.random.default_rng(0).bytes(600), "é".encode("cp1252") * 9],
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_called_what_it_is(kind, tmp_path):
    for number, data in enumerate(KINDS[kind]):
        (tmp_path / str(number)).write_bytes(data)
        found = contents.kind_of(tmp_path / str(number))
        assert found == kind or (found, kind) == ("a pickle of Python", "a file of PyTorch"), number
    assert contents.kind_of(tmp_path / "absent") is None


def test_what_is_no_file_is_called_what_it_is(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert str(contents.no_file(tmp_path, "a file")) == f"{tmp_path}: is no file but a folder; name a file"
    assert ": is a pipe or device; write what comes" in str(contents.no_file(tmp_path / "pipe", "a file"))
    assert str(contents.no_file(tmp_path / "no", "a file")) == f"{tmp_path / 'no'}: no such file; name a file"
