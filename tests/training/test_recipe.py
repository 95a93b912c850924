import pytest
from written_recipes import GOOD, MANY, MIXTURE, written

from wavegen.cli.main import main
from wavegen.errors import UserError
from wavegen.training.recipe import load_recipe


def test_defaults_are_filled_in(tmp_path):
    recipe = load_recipe(written(tmp_path, GOOD))
    assert recipe.model["codec"] == {"name": "mu-law", "bits": 8}
    assert recipe.model["distribution"] == {"name": "categorical"}
    assert recipe.model["network"]["residual_channels"] == 24
    assert recipe.model["network"]["kernel_size"] == 2
    assert recipe.training.minutes == 2


def test_a_written_recipe_reads_back_the_same(tmp_path):
    for text in (GOOD, GOOD.replace("dilations = [1, 2, 4]", "")):
        recipe = load_recipe(written(tmp_path, text))
        assert load_recipe(written(tmp_path, recipe.to_toml())) == recipe


def test_parts_that_go_together_are_read_and_written(tmp_path):
    recipe = load_recipe(written(tmp_path, MIXTURE))
    assert recipe.model == {
        "codec": {"name": "linear", "bits": 16},
        "distribution": {"name": "mixture-of-logistics", "num_mixtures": 10},
        "predictor": {"name": "linear", "taps": 8},
        "network": {"name": "markov", "order": 64, "hidden_sizes": []},
    }
    assert load_recipe(written(tmp_path, recipe.to_toml())) == recipe


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("distribution.num_mixtures=0", "distribution.num_mixtures = 0: should be greater than or equal to 1"),
        ("distribution.num_mixture=3", "distribution.num_mixture is not a setting; did you mean num_mixtures?"),
        ("predictor.taps=0", "predictor.taps = 0: should be greater than or equal to 1"),
        ("predictor.tap=3", "predictor.tap is not a setting; did you mean taps?"),
        ("predictor.name=lpc", "predictor.name = 'lpc' is unknown"),
        ("predictor=3", "`overrides` predictor=3: write it as TABLE.KEY=VALUE"),
        ("network.hidden_sizes=[0]", "network.hidden_sizes.0 = 0: should be greater than or equal to 1"),
        ("network.hidden_sizes=7", "network.hidden_sizes = 7"),
        ("codec.bits=17", "codec.bits = 17: should be less than or equal to 16"),
        ("distribution.name=categorical", "distribution.num_mixtures is not a setting"),
    ],
)
def test_what_is_wrong_with_a_mixture_gets_one_line(tmp_path, override, words):
    path = written(tmp_path, MIXTURE.replace('logistics"', 'logistics"\nnum_mixtures = 10'))
    with pytest.raises(UserError) as error:
        load_recipe(path, [override])
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_overrides_reach_their_key_and_steps_take_the_place_of_minutes(tmp_path):
    path = written(tmp_path, GOOD)
    recipe = load_recipe(path, ["network.residual_channels=8", "training.steps=7", "network.dilations=[1, 1]"])
    assert recipe.model["network"]["residual_channels"] == 8
    assert recipe.model["network"]["dilations"] == [1, 1]
    assert (recipe.training.steps, recipe.training.minutes) == (7, None)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("network.residual_chanels=3", "network.residual_chanels is not a setting; did you mean residual_channels?"),
        ("network.residual_channels=many", "network.residual_channels = 'many': should be a valid integer"),
        ("network.dilations=3", "network.dilations = 3: should be a list, as in [1, 2]"),
        ("network.dilations=many", "network.dilations = 'many': should be a list, as in [1, 2]"),
        ("network.dilations=[]", "network.dilations = []: should hold at least 1"),
        ("training.bfloat16=1", "training.bfloat16 = 1: should be true or false"),
        ("network.residual_channels=true", "network.residual_channels = True: should be a valid integer"),
        ("network.residual_channels=0", "network.residual_channels = 0: should be greater than or equal to 1"),
        ("network.gate_channels=7", "network.gate_channels = 7: should be a multiple of 2"),
        ("network.dilations=[]", "network.dilations"),
        ("network.name=wavnet", "network.name = 'wavnet' is unknown; did you mean wavenet?"),
        ("network.hidden_size=3", "network.hidden_size is not a setting"),
        ("training.steps=0", "training.steps = 0: should be greater than or equal to 1"),
        ("training.minutes=-1", "training.minutes = -1: should be greater than 0"),
        ("codec.bits=3", "codec.bits = 3: should be greater than or equal to 8"),
        ("codec.bits=13", "codec.bits = 13: should be less than or equal to 12"),
        ("codec.name=linear", "'categorical' takes at most 4096 symbols, and codec makes 65536; lower codec.bits"),
        ("codec.name=alaw", "codec.name = 'alaw' is unknown"),
        ("codec.mu=255", "codec.mu is not a setting"),
        ("distribution.num_mixtures=3", "distribution.num_mixtures is not a setting"),
        ("distribution.name=mixture-of-logistic", "is unknown; did you mean mixture-of-logistics?"),
        ("predictor.name=linear", "predictor shifts the location of a mixture, and distribution.name = 'categorical'"),
        ("predictor.taps=3", "predictor.name is missing; known: linear"),
        ("network.front_kernel_size=0", "network.front_kernel_size = 0: should be greater than or equal to 1"),
        ("trainig.steps=3", "[trainig] is not a table of a recipe; did you mean training?"),
        ("training.minutes=inf", "training.minutes = inf: should be less than or equal to"),
        ("training.learning_rate=nan", "training.learning_rate = nan: should be"),
        ("training.steps=" + "9" * 5000, "training.steps = '999"),
        ("network.dilations=" + "[" * 9999, "network.dilations = '[[["),
        ("steps=3", "`overrides` steps=3: write it as TABLE.KEY=VALUE"),
    ],
)
def test_what_is_wrong_gets_one_line_that_says_so(tmp_path, override, words):
    path = written(tmp_path, GOOD)
    with pytest.raises(UserError) as error:
        load_recipe(path, [override])
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[network", "not TOML"),
        ("steps = " + "9" * 5000, "not TOML"),
        ("steps = " + "[" * 9999, "not TOML"),
        ("network = 3\n[training]\nsteps=1", "network must be a table"),
        ("[training]\nsteps=1", "network.name is missing; known: gru, lstm, markov, nade, wavenet"),
        (GOOD + "steps = 3", "give either steps or minutes"),
        (GOOD.replace("minutes = 2", ""), "give either steps or minutes"),
    ],
)
def test_a_file_that_is_no_recipe_gets_one_line(tmp_path, text, words):
    path = written(tmp_path, text)
    with pytest.raises(UserError) as error:
        load_recipe(path)
    assert str(path) in str(error.value)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_recipe_may_begin_with_a_mark_and_end_its_lines_in_any_way(tmp_path):
    path = tmp_path / "recipe.toml"
    wanted = load_recipe(written(tmp_path, GOOD))
    ends = [GOOD.replace("\n", end).encode() for end in ("\r\n", "\r")]
    for data in (b"\xef\xbb\xbf" + GOOD.encode(), *ends):
        path.write_bytes(data)
        assert load_recipe(path) == wanted


def test_a_recipe_in_utf_16_is_named_as_such(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_bytes(GOOD.encode("utf-16"))
    with pytest.raises(UserError, match=r"recipe\.toml: is UTF-16; save it as UTF-8$"):
        load_recipe(path)


def test_the_command_line_prints_a_line_for_each_problem(tmp_path, capsys):
    path = written(tmp_path, MANY)
    assert main(["train", str(path), "--corpus", str(tmp_path / "corpus"), "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 10
    assert all(line.startswith(f"wavegen: {path}: ") for line in err.splitlines())
    assert main(["train", str(written(tmp_path, GOOD + "seed = -1")), "--run-folder", str(tmp_path / "run")]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"wavegen: {path}: training.seed = -1: should be greater than or equal to 0",
        f"wavegen: {path}: corpus.path is missing; write it there, or give --corpus",
    ]
    assert [entry.name for entry in tmp_path.iterdir()] == ["recipe.toml"]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"nothing\.toml: cannot be read: No such file"):
        load_recipe(tmp_path / "nothing.toml")
