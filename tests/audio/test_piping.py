"""Bytes through a pipe."""

import os

from wavegen.audio.piping import piped


def test_pieces_come_in_their_order(tmp_path):
    (tmp_path / "a").write_bytes(bytes(range(256)) * 1000)
    with open(tmp_path / "a", "rb") as file, piped(file, [b"head", (10, 20), (100_000, 200_000), b"tail"]) as reader:
        contents = bytearray()
        while block := os.read(reader, 65536):
            contents += block
    whole = (tmp_path / "a").read_bytes()
    assert contents == b"head" + whole[10:20] + whole[100_000:200_000] + b"tail"


def test_a_pipe_that_nobody_reads_ends(tmp_path):
    (tmp_path / "a").write_bytes(bytes(10**6))
    with open(tmp_path / "a", "rb") as file, piped(file, [(0, 10**6)]):
        pass
