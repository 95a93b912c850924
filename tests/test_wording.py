from wavegen.wording import amount, counted, listed, shortened


def test_lists_are_bounded():
    assert listed(["a.wav"]) == "a.wav"
    assert listed(["a", "b", "c"]) == "a, b, c"
    assert listed([f"{n}.wav" for n in range(3000)]) == "0.wav, 1.wav, 2.wav and 2997 more"
    assert len(listed(["x" * 5000] * 5000)) < 600


def test_a_long_name_keeps_its_end():
    name = "folder/" * 100 + "last.wav"
    assert shortened(name).endswith("folder/last.wav")
    assert len(shortened(name)) == 160
    assert shortened("a" * 160) == "a" * 160


def test_counts():
    assert [counted(number, "file") for number in (0, 1, 2)] == ["0 files", "1 file", "2 files"]


def test_no_size_is_rounded_to_nothing():
    sizes = (0, 1, 999, 1000, 4096, 2.5e6, 12e9)
    assert [amount(size) for size in sizes] == [
        "0 bytes",
        "1 byte",
        "999 bytes",
        "1.0 kB",
        "4.1 kB",
        "2.5 MB",
        "12,000.0 MB",
    ]
