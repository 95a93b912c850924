"""What libmpg123 writes to stderr is caught, what others write there is not."""

import os
import threading

from wavegen.audio.decoder_messages import caught


def test_only_what_the_decoder_says_is_caught(capfd):
    lines = []
    with caught(lines):
        os.write(2, b"[src/libmpg123/layer3.c:INT123_do_layer3():1774] error: part2_3_length too large\n")
        os.write(2, b"50% done\nWarning: Xing stream size off by more than 1%\n")
    assert lines == [
        "part2_3_length too large",
        "Warning: Xing stream size off by more than 1%",
    ]
    assert capfd.readouterr().err == "50% done\n"
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_threads_do_not_mix_up_their_lines(capfd):
    found = {}

    def decode(name):
        lines = []
        for _ in range(200):
            with caught(lines):
                os.write(2, f"libmpg123/{name}\n".encode())
        found[name] = lines

    threads = [threading.Thread(target=decode, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: (len(lines), set(lines)) for name, lines in found.items()} == {
        name: (200, {f"libmpg123/{name}"}) for name in "ab"
    }
    assert capfd.readouterr().err == ""


def test_a_closed_stderr_is_no_hindrance():
    saved = os.dup(2)
    lines = []
    os.close(2)
    try:
        with caught(lines):
            pass
    finally:
        os.dup2(saved, 2)
        os.close(saved)
    assert lines == []
