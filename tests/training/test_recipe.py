import pytest

from wavegen.cli.main import main
from wavegen.errors import MAX_PROBLEMS, UserError
from wavegen.training.recipe import load_recipe

GOOD = """
[network]
name = "wavenet"
residual_channels = 24
dilations = [1, 2, 4]
[training]
minutes = 2
"""


def written(tmp_path, text):
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    return path


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


MIXTURE = """
[codec]
name = "linear"
[distribution]
name = "mixture-of-logistics"
[predictor]
name = "linear"
taps = 8
[network]
name = "markov"
hidden_sizes = []
[training]
steps = 2
"""


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


@pytest.mark.parametrize("training", ["training = 3", "[[training]]\nsteps = 3"])
def test_an_override_of_what_is_no_table_is_not_blamed(tmp_path, training):
    text = f"{training}\n[network]\nname = 'gru'" if "=" in training[:11] else f"[network]\nname = 'gru'\n{training}"
    assert problems_of(tmp_path, text, ["training.steps=2"]) == ["training must be a table, [training]"]


def problems_of(tmp_path, text, overrides=(), **options):
    """The lines of a recipe's UserError, without the file's name."""
    path = written(tmp_path, text)
    with pytest.raises(UserError) as error:
        load_recipe(path, overrides, **options)
    assert str(error.value) == "\n".join(error.value.problems)
    return [line.removeprefix(f"{path}: ") for line in error.value.problems]


MANY = """
[trainig]
step = "many"
batch_size = 0
[network]
nam = "wavnet"
residual_chanels = 0
[codec]
name = "linear"
bits = 99
[foo]
x = 1
"""


def test_all_problems_are_told_at_once_and_a_misspelt_name_makes_nothing_else_look_wrong(tmp_path):
    overrides = ["network", "sampling.top_p=2", "netwrk.skip_channels=4"]
    assert problems_of(tmp_path, MANY, overrides, needs_corpus=True) == [
        "`overrides` network: write it as TABLE.KEY=VALUE, as in network.residual_channels=24",
        "[trainig] is not a table of a recipe; did you mean training?",
        "[foo] is not a table of a recipe; known: codec, corpus, density, distribution, network, predictor, sampling, "
        "training",
        "`overrides` netwrk.skip_channels=4: [netwrk] is not a table of a recipe; did you mean network?",
        "network.nam is not a setting; did you mean name?",
        "network.nam = 'wavnet' is unknown; did you mean wavenet?",
        "trainig.step is not a setting; did you mean steps?",
        "network.residual_chanels is not a setting; did you mean residual_channels?",
        "trainig.batch_size = 0: should be greater than or equal to 1",
        "trainig.step = 'many': should be a valid integer",
        "`overrides` sampling.top_p=2: sampling.top_p = 2: should be less than or equal to 1",
        "codec.bits = 99: should be less than or equal to 16",
        "network.residual_chanels = 0: should be greater than or equal to 1",
        "corpus.path is missing; write it there, or give `corpus`",
    ]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "steps = 3\nresidual_channels = 7\n"
            + GOOD.replace("minutes = 2", "").replace("residual_channels = 24", ""),
            [
                "steps stands outside its table; write it below [training]",
                "residual_channels stands outside its table; write it below [network]",
            ],
        ),
        (
            GOOD.replace("minutes = 2", "").replace("[training]", "steps = 3\n[training]"),
            ["network.steps is not a setting; it belongs in [training]"],
        ),
        (GOOD.replace("training", "Training"), ["[Training] is not a table of a recipe; did you mean training?"]),
        (GOOD.replace("minutes", "MINUTES"), ["training.MINUTES is not a setting; did you mean minutes?"]),
        (
            "[density]\nname = 'picture'\n[codec]\nname = 'linear'\n[network]\nname = 'pixelcn'\n"
            "[training]\nwindow = 3\nsteps = 1",
            [
                "density.name = 'picture' is unknown; did you mean pictures?",
                "[codec] is not a table of a recipe of pictures; known: corpus, density, distribution, network, "
                "sampling, training",
                "training.window is for sound, and density.name is 'pictures'",
                "network.name = 'pixelcn' is unknown; did you mean pixelcnn?",
            ],
        ),
        (
            "[density]\nname = 'songs'\n[network]\nname = 'gru'\n[training]\nsteps = 0",
            [
                "density.name = 'songs' is unknown; known: audio, pictures",
                "training.steps = 0: should be greater than or equal to 1",
            ],
        ),
        ("network = 3\ntraining = 4", ["network must be a table, [network]", "training must be a table, [training]"]),
        (
            "",
            [
                "network.name is missing; known: gru, lstm, markov, nade, wavenet",
                "training: give either steps or minutes; neither is there",
            ],
        ),
        (GOOD + "seed = 0x" + "f" * 6000, ["training.seed = (too large to be shown): should be less than 92"]),
    ],
)
def test_each_cause_has_one_line(tmp_path, text, problems):
    found = problems_of(tmp_path, text)
    assert len(found) == len(problems)
    assert all(line.startswith(problem) for line, problem in zip(found, problems, strict=True))


def test_parts_that_do_not_go_together_are_told_once_they_are_right(tmp_path):
    """Two conflicts that one change mends share a line; none is told of a part that is wrong itself."""
    wrong = MIXTURE.replace("mixture-of-logistics", "categorical")
    (line,) = problems_of(tmp_path, wrong)
    assert "predictor shifts" in line
    assert "at most 4096 symbols, and codec makes 65536; leave [predictor] out and lower codec.bits, or take" in line
    wrong = wrong.replace("taps = 8", "taps = 0").replace("[codec]", "[codec]\nbits = 1")
    assert problems_of(tmp_path, wrong) == [
        "codec.bits = 1: should be greater than or equal to 8",
        "predictor.taps = 0: should be greater than or equal to 1",
    ]
    nucleus = MIXTURE + "[sampling]\ntop_p = 0.5\n"
    assert problems_of(tmp_path, nucleus)[0].startswith("sampling.top_p needs distribution.name = 'categorical'")
    assert problems_of(tmp_path, nucleus.replace("mixture-of-logistics", "mixture-of-logistic")) == [
        "distribution.name = 'mixture-of-logistic' is unknown; did you mean mixture-of-logistics?"
    ]


def test_overrides_that_contradict_each_other_are_told(tmp_path):
    assert problems_of(tmp_path, GOOD, ["training.steps=3", "training.steps=4"]) == [
        "`overrides` training.steps=4: training.steps is set twice, by `overrides` training.steps=3 too"
    ]
    assert problems_of(tmp_path, GOOD, ["training.steps=3", "training.minutes=4"]) == [
        "training: give either steps or minutes; both are there"
    ]


def test_an_override_mends_what_the_file_has(tmp_path):
    recipe = load_recipe(written(tmp_path, GOOD.replace("wavenet", "wavnet")), ["network.name=wavenet"])
    assert recipe.model["network"]["name"] == "wavenet"


def test_a_file_of_another_kind_is_told_in_few_lines(tmp_path):
    problems = problems_of(tmp_path, "".join(f"[t{number}]\n" for number in range(500)))
    assert len(problems) == MAX_PROBLEMS + 1
    assert problems[-1] == f"and {502 - MAX_PROBLEMS} more problems"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD + "minutes = 3", "line 8, 'minutes = 3': Cannot overwrite a value; the key is given twice"),
        (GOOD + "[training]", "line 8, '[training]': Cannot declare ('training',) twice; the table is given twice"),
        (GOOD.replace('"wavenet"', "wavenet"), "line 3, 'name = wavenet': Invalid value; text stands in quotes"),
        (GOOD + '[corpus]\npath = "C:\\data"', "Unescaped '\\' in a string; write \\\\ for a backslash"),
    ],
)
def test_what_is_not_toml_is_shown_with_its_line_and_a_cure_and_overrides_are_checked_too(tmp_path, text, words):
    not_toml, override = sorted(
        problems_of(tmp_path, text, ["steps=3"]), key=lambda line: line.startswith("`overrides`")
    )
    assert not_toml.startswith("not TOML: ")
    assert words in not_toml
    assert override.startswith("`overrides` steps=3: write it as")


def test_a_recipe_may_begin_with_a_mark_and_end_its_lines_in_any_way(tmp_path):
    path, wanted = tmp_path / "recipe.toml", load_recipe(written(tmp_path, GOOD))
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
