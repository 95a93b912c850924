from wavegen.wording import counted, listed, shortened


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
