"""What commands write: nothing that is there is lost, and what cannot be written is known before the work."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import small_picture_models
import workspace

from wavegen.audio import files as audio_files
from wavegen.cli.main import main
from wavegen.models import checkpoint
from wavegen.models.forms import PictureForm
from wavegen.system import atomic, temporary

pytestmark = pytest.mark.usefixtures("in_the_folder")

WRITES = {  # a command that writes {}, and what makes that in vain
    "generate gru {}.wav --seconds 0.01": "wavegen.sampling.audio.open_engine",
    "generate gru {}.wav --seconds 0.01 --prime a.wav": "wavegen.sampling.audio.open_engine",
    "generate pictures.safetensors {}.png": "wavegen.sampling.pictures.generate_pictures",
    "score gru a.wav --csv {}.csv": "wavegen.evaluation.audio.score",
    "compare gru --corpus corpus --html {}.html": "wavegen.evaluation.comparison.compare",
    "features gru a.wav {}.npz": "wavegen.evaluation.audio.read_whole",
    "mel a.wav {}.npy --convention hifigan": "wavegen.audio.spectral.frames.frames",
    "quantize gru {}.safetensors --corpus corpus --max-cost 9": "wavegen.evaluation.quantization.bits_of_takes",
    "compress gru a.wav {}.wgn": "wavegen.compression.files.lockstep",
    "decompress gru a.wgn {}.wav": "wavegen.compression.files.lockstep",
    "bench wavenet --plot {}.png --rounds 1": "wavegen.benchmarking.bench",
}


@pytest.fixture(scope="module")
def furnished(furnished):
    assert main(["compress", str(furnished / "gru"), str(furnished / "a.wav"), str(furnished / "a.wgn")]) == 0
    checkpoint.save(
        small_picture_models.model("nade", PictureForm(6, 5, 1, 4)).float(), furnished / "pictures.safetensors", {}
    )
    return furnished


@pytest.fixture
def no_work(monkeypatch):
    """Fails if the work of a command begins."""

    def no_work(place):
        def never(*_args, **_kwargs):
            raise AssertionError("the work has begun")

        monkeypatch.setattr(place, never)

    return no_work


def refused(command, capsys):
    assert main(command.split()) == 2
    *warnings, line = capsys.readouterr().err.splitlines()
    assert all(warning.startswith("wavegen: warning: ") for warning in warnings)
    return line


def place_of(command, target):
    """The command with its output at `target` and the suffix that it wants, and that output."""
    words = command.format(target)
    return words, Path(next(word for word in words.split() if word.startswith(str(target))))


@pytest.mark.parametrize("command", WRITES)
def test_what_is_there_is_refused_before_the_work(tmp_path, capsys, no_work, command):
    no_work(WRITES[command])
    command, out = place_of(command, tmp_path / "o")
    out.write_text("precious")
    assert f"{out}: exists already; name another file, or give --force" in refused(command, capsys)
    assert out.read_text() == "precious"
    assert os.listdir(tmp_path) == [out.name]


@pytest.mark.parametrize("command", [command for command in WRITES if not command.startswith("bench")])
def test_force_replaces_it(tmp_path, command):
    command, out = place_of(command, tmp_path / "o")
    out.write_text("old")
    assert main([*command.split(), "--force"]) == 0
    assert out.read_bytes() != b"old"
    assert os.listdir(tmp_path) == [out.name], "nothing hidden is left"


@pytest.mark.parametrize("command", WRITES)
@pytest.mark.parametrize("target", ["/proc/o", "a" * 252, "nowhere/o"])
def test_what_cannot_be_written_is_known_before_the_work(furnished, capsys, no_work, command, target):
    no_work(WRITES[command])
    before = set(os.listdir(furnished))
    words = refused(command.format(target), capsys)
    assert re.search("cannot be written|there is no folder nowhere", words), words
    assert set(os.listdir(furnished)) == before


@pytest.mark.parametrize("options", ["--seconds 10", "-n 3 --seconds 10", "--seconds 0.05 --prime b.wav"])
def test_space_for_recordings_is_taken_before_they_are_drawn(tmp_path, capsys, no_work, full_disk, options):
    """No file may have more than 4096 bytes; of the last one's 4244 the prime takes 3400."""
    no_work("wavegen.sampling.audio.open_engine")
    line = refused(f"generate gru {tmp_path}/o.wav {options}", capsys)
    assert re.search(r"o(-0)?\.wav: cannot be written: File too large", line), line
    assert os.listdir(tmp_path) == []


def test_one_of_several_that_is_there_is_refused(tmp_path, capsys, no_work):
    no_work("wavegen.sampling.audio.open_engine")
    (tmp_path / "o-1.wav").write_text("precious")
    assert "o-1.wav: exists already" in refused(f"generate gru {tmp_path}/o.wav -n 3", capsys)
    assert os.listdir(tmp_path) == ["o-1.wav"]
    (tmp_path / "a.wgn").write_text("precious")
    no_work("wavegen.compression.files.lockstep")
    assert "a.wgn: exists already" in refused(f"compress gru a.wav b.wav {tmp_path}", capsys)
    assert sorted(os.listdir(tmp_path)) == ["a.wgn", "o-1.wav"]


@pytest.mark.parametrize("how", ["itself", "symbolic link", "hard link"])
@pytest.mark.parametrize(
    ("command", "read"),
    [
        ("generate gru {} --prime a.wav", "a.wav"),
        ("generate gru/model.safetensors {}", "gru/model.safetensors"),
        ("score gru a.wav --csv {}", "a.wav"),
        ("score gru source --csv {}", "source/3.wav"),
        ("score gru corpus --csv {}", "corpus/index.jsonl"),
        ("compare gru --corpus corpus --html {}", "gru/model.safetensors"),
        ("compare gru --corpus corpus --html {}", "corpus/pcm.i16"),
        ("quantize gru {} --corpus corpus", "gru/model.safetensors"),
        ("compress gru a.wav {}", "a.wav"),
        ("decompress gru a.wgn {}", "a.wgn"),
    ],
)
def test_no_input_is_replaced_even_by_force(furnished, tmp_path, capsys, command, read, how):
    before, target = workspace.tree(furnished), Path(read)
    if how != "itself":
        if "source" in read or "corpus/" in read:
            pytest.skip("of folders the files in them are inputs, by their own names")
        target = tmp_path / Path(read).name
        target.symlink_to(Path(read).resolve()) if how == "symbolic link" else os.link(read, target)
        target = target.rename(target.with_suffix(".wav")) if command.startswith("generate") else target
    elif command.startswith("generate gru/model"):
        pytest.skip("is no WAV file by name")
    line = refused(f"{command.format(target)} --force", capsys)
    assert re.search("is an input of this command|is the model itself|is a file of a corpus", line), line
    assert workspace.tree(furnished) == before


@pytest.mark.parametrize("out", [".", "..", "/", "source", "source/"])
@pytest.mark.parametrize("command", [each for each in WRITES if not each.startswith(("compress", "decompress", "mel"))])
def test_a_folder_is_no_file_to_write(capsys, no_work, command, out):
    """compress, decompress and mel write into it."""
    no_work(WRITES[command])
    assert main([out if "{}" in word else word for word in command.split()]) == 2
    assert re.fullmatch(r"wavegen: \S+: is a folder; name a file\n", capsys.readouterr().err)


def test_two_outputs_are_two_files(tmp_path, capsys, no_work):
    no_work("wavegen.evaluation.audio.score")
    (tmp_path / "link.png").symlink_to("o.png")
    line = refused(f"score gru a.wav --csv {tmp_path}/o.png --plot {tmp_path}/o.png", capsys)
    assert "two of the files would become it" in line
    line = refused(f"score gru a.wav --csv {tmp_path}/o.png --plot {tmp_path}/link.png --force", capsys)
    assert "two of the files would become it" in line


def test_compress_fills_a_pipe_as_it_fills_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE) as reader:
        assert main(["compress", "gru", "a.wav", str(tmp_path / "pipe")]) == 0
        assert reader.communicate()[0] == Path("a.wgn").read_bytes()
    assert os.listdir(tmp_path) == ["pipe"]


@pytest.mark.parametrize(
    "command",
    ["generate gru {} --seconds 0.05", "compress gru a.wav {}", "features gru a.wav {}", "score gru a.wav --csv {}"],
)
def test_stdout_as_a_file(tmp_path, command):
    """The file is all that stdout gets; what is said goes to stderr."""
    suffix = {"features": ".npz", "generate": ".wav"}.get(command.split()[0], "")
    run = [sys.executable, "-m", "wavegen"]
    with open(tmp_path / "stdout", "wb") as out:
        done = subprocess.run(
            [*run, *command.format("/dev/stdout").split()], stdout=out, stderr=subprocess.PIPE, text=True, check=True
        )
    assert main(command.format(tmp_path / f"file{suffix}").split()) == 0
    assert (tmp_path / "stdout").read_bytes() == (tmp_path / f"file{suffix}").read_bytes()
    said = [line for line in done.stderr.splitlines() if not line.startswith("wavegen: warning: ")]
    assert said
    assert not any(line.startswith("wavegen: ") for line in said)


def test_json_and_a_file_do_not_both_go_to_stdout():
    words = [sys.executable, "-m", "wavegen", "generate", "gru", "/dev/stdout", "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "wavegen: /dev/stdout: --json prints to stdout as well; name a file, or leave out --json\n"


def test_a_stream_takes_one_recording(capsys):
    assert "takes one recording, not 2; name a file, or leave out -n" in refused("generate gru /dev/null -n 2", capsys)
    assert main(["generate", "gru", "/dev/null", "--seconds", "0.01"]) == 0
    assert Path("/dev/null").is_char_device()


def test_the_limit_counts_primes(capsys, no_work, monkeypatch):
    no_work("wavegen.sampling.audio.open_engine")
    monkeypatch.setattr("wavegen.sampling.audio.MAX_SAMPLES", 3000)
    line = refused("generate gru o.wav --seconds 0.2 --prime b.wav", capsys)
    most = "at most 3000 are drawn at once; lower --seconds"
    assert line == f"wavegen: 1600 samples after a prime of 1700: {most} or shorten --prime"
    line = refused("generate gru o.wav --seconds 0.0875 -n 2 --prime a.wav", capsys)
    each = "700 samples after a prime of 900 in each of 2 recordings"
    assert line == f"wavegen: {each}: {most} or -n or shorten --prime"
    assert refused("generate gru o.wav --seconds 1e9", capsys) == f"wavegen: 8000000000000 samples: {most}"


def test_the_limit_counts_all_values_of_pictures(capsys, no_work, monkeypatch):
    no_work("wavegen.sampling.pictures.words")
    monkeypatch.setattr("wavegen.sampling.pictures.MAX_VALUES", 100)
    line = refused("generate pictures.safetensors o.png -n 4", capsys)
    assert "4 pictures of 30 values: draw at most" in line


def test_what_the_library_writes_is_refused_alike(tmp_path):
    from wavegen import UserError, compress, generate, load
    from wavegen.evaluation.quantization import quantize

    model = load("gru")
    draws = generate(model, 10)
    (tmp_path / "o.wav").write_text("precious")
    with pytest.raises(UserError, match="exists already"):
        draws.write(tmp_path / "o.wav")
    with pytest.raises(UserError, match="exists already"):
        compress(model, [("a.wav", tmp_path / "o.wav")])
    with pytest.raises(UserError, match="exists already"):
        quantize(model, None, tmp_path / "o.wav", precision="int8", max_cost=9.0)  # pyright: ignore[reportArgumentType] (is not looked at)
    assert (tmp_path / "o.wav").read_text() == "precious"
    assert draws.write(tmp_path / "o.wav", force=True) == [tmp_path / "o.wav"]
    assert audio_files.read(tmp_path / "o.wav").pcm.tolist() == draws.draws[0].pcm.tolist()
    assert compress(model, [("a.wav", tmp_path / "o.wav")], force=True)["files"][0]["samples"] == 900


@pytest.mark.parametrize("signal_name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize(
    ("command", "suffix"), [("compress gru a.wav b.wav {}", "wgn"), ("decompress gru in/a.wgn in/b.wgn {}", "wav")]
)
def test_an_interruption_says_which_of_several_outputs_are_whole(
    tmp_path, capsys, plain_signals, command, suffix, signal_name
):
    os.makedirs("in", exist_ok=True)
    assert main(["compress", "gru", "a.wav", "b.wav", "in", "--force"]) == 0
    number = getattr(signal, signal_name)
    put_in_place, done = atomic._move_to_new, []

    def stopped_at_the_second(*paths):
        if done:
            os.kill(os.getpid(), number)
        put_in_place(*paths)
        done.append(paths)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(atomic, "_move_to_new", stopped_at_the_second)
        assert main(command.format(tmp_path).split()) == 128 + number
    line = "interrupted: 1 of 2 files written, those are whole and kept; give the same command again to go on"
    assert line in capsys.readouterr().err
    assert len(os.listdir(tmp_path)) == len(done) == 1
    assert os.listdir(tmp_path)[0].endswith(f".{suffix}")


@pytest.mark.parametrize("command", WRITES)
def test_what_a_kill_left_goes_even_if_the_output_is_refused(tmp_path, command):
    run = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    left = tmp_path / f".{temporary.here()}.{int(run.stdout)}.0.part"
    left.touch()
    (suffix,) = re.findall(r"{}(.[a-z]+)", command)
    there = tmp_path / f"out{suffix}"
    there.touch()
    assert main(command.format(tmp_path / "out").split()) == 2
    assert os.listdir(tmp_path) == [there.name]
