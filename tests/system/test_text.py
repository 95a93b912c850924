"""Text files are UTF-8; what is not is named as what it is."""

import re

import pytest

from wavegen.errors import UserError
from wavegen.system.text import read_lines, read_text

PLAIN = "name|It is a line\nother|and another\n"


def written(tmp_path, data):
    (tmp_path / "list.txt").write_bytes(data)
    return tmp_path / "list.txt"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_utf_8_is_read_with_or_without_a_mark_and_with_any_end_of_line(tmp_path, mark, end):
    text = "ünï|κόσμε 中文\x85\u2028 and more\nlast"
    assert read_text(written(tmp_path, mark + text.replace("\n", end).encode())) == text
    assert read_lines(tmp_path / "list.txt") == text.split("\n")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (PLAIN.encode("utf-16"), ": is UTF-16; save it as UTF-8"),
        (b"\xfe\xff" + PLAIN.encode("utf-16-be"), ": is UTF-16; save it as UTF-8"),
        (PLAIN.encode("utf-16-le"), ": is UTF-16 without a byte order mark; save it as UTF-8"),
        (PLAIN.encode("utf-16-be"), ": is UTF-16 without a byte order mark; save it as UTF-8"),
        ("имя|это строка и ещё\n".encode("utf-16-le"), ": is UTF-16 without a byte order mark; save it as UTF-8"),
        (PLAIN.encode("utf-32"), ": is UTF-32; save it as UTF-8"),
        (PLAIN.encode("utf-32-le"), ": is UTF-32 without a byte order mark; save it as UTF-8"),
        (PLAIN.encode("utf-32-be"), ": is UTF-32 without a byte order mark; save it as UTF-8"),
        ("a\nb|It’s\n".encode("cp1252"), ", line 2: is not UTF-8, it looks like cp1252 (“It’s”); save it as UTF-8"),
        ("a\r\nb\r\ncafé\r\n".encode("latin-1"), ", line 3: is not UTF-8, it looks like Latin-1 or cp1252 (“café”)"),
        ("a|café".encode("latin-1"), ", line 1: is not UTF-8, it looks like Latin-1 or cp1252 (“café”)"),
        ("a|Привет\n".encode("cp1251"), ", line 1: is not UTF-8 (as cp1252 it reads “Ïðèâåò”); save it as UTF-8"),
        ("a|チ\n".encode("shift-jis") + b"\x8d", ", line 1: is not UTF-8, nor cp1252; save it as UTF-8"),
        ("é\n".encode() + b"\xe9\n", ", line 2: is not UTF-8, while what stands before it is; save all of it as UTF-8"),
        ("é\né".encode()[:-1], ", line 2: ends within a character; the file is cut short, copy it again"),
        (b"a\nb\0\0\0\0c", ", line 2: holds zero bytes; the file is damaged or not text, write it again"),
        (PLAIN.encode()[:30] + b"\0", ", line 2: holds zero bytes"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01", ": is not text; name a text file"),
        (b"ID3\x04\x01\x02 some tag", ": is not text; name a text file"),
    ],
)
def test_what_is_not_utf_8_is_named(tmp_path, data, words):
    path = written(tmp_path, data)
    with pytest.raises(UserError, match=f"^{re.escape(str(path) + words)}"):
        read_text(path)


def test_a_file_that_cannot_be_read_says_why(tmp_path):
    with pytest.raises(UserError, match=r"list\.txt: cannot be read: No such file or directory$"):
        read_text(tmp_path / "list.txt")
    with pytest.raises(UserError, match=r"cannot be read: Is a directory$"):
        read_text(tmp_path)
