"""A damaged compressed file is refused, or restored to the original."""

import itertools
import os

import pytest
import sensitive_models
from hypothesis import given, settings
from hypothesis import strategies as st
from round_trips import SLOW, recordings

from wavegen.audio.wav import plain_header
from wavegen.compression import wgn
from wavegen.compression.files import compress, decompress
from wavegen.engine import native
from wavegen.errors import UserError

pytestmark = pytest.mark.skipif(native.missing() is not None, reason="the extension is not built")


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
    monkeypatch.setattr(wgn, "BLOCK", 50)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    return Damaged(sensitive_models.combined("markov"), tmp_path)


@given(st.data())
@settings(max_examples=1000, deadline=None, suppress_health_check=SLOW)
def test_a_thousand_corruptions_give_an_error_or_the_file(damaged, data):
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
    ("offset", "value", "words"),
    [
        (slice(0, 4), b"wgm\n", "is not a file that wavegen compressed"),
        (slice(4, 5), b"\3", "format 3 of another wavegen, this one reads 1 and 2"),
        (slice(4, 5), b"\2", "damaged or cut short"),  # of a model with conditions, which this is not
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
def test_each_field_is_checked_before_any_work(damaged, monkeypatch, offset, value, words):
    contents = bytearray(damaged.small)
    contents[offset] = value
    path = damaged.folder / "b.wgn"
    path.write_bytes(contents)
    with pytest.raises(UserError, match=words):
        decompress(damaged.model, [(path, damaged.folder / "b.wav")])
    assert not (damaged.folder / "b.wav").exists()
