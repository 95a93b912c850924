"""Every problem of a recipe gets one line."""

import pytest
from written_recipes import GOOD, MANY, MIXTURE, written

from wavegen.audio.spectral.names import ALIASES
from wavegen.errors import MAX_PROBLEMS, UserError
from wavegen.training.recipe import load_recipe


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


def test_all_problems_are_told_at_once_and_a_misspelt_name_makes_nothing_else_look_wrong(tmp_path):
    overrides = ["network", "sampling.top_p=2", "netwrk.skip_channels=4"]
    assert problems_of(tmp_path, MANY, overrides, needs_corpus=True) == [
        "`overrides` network: write it as TABLE.KEY=VALUE, as in network.residual_channels=24",
        "[trainig] is not a table of a recipe; did you mean training?",
        "[foo] is not a table of a recipe; known: codec, conditioning, corpus, density, distribution, network, "
        "predictor, sampling, training",
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


@pytest.mark.parametrize(
    ("table", "problems"),
    [
        ("", ["conditioning has neither speakers nor mel nor f0; give one of them, or leave [conditioning] out"]),
        ("speakers = []\nhop = 64", ["conditioning has neither speakers nor mel nor f0"]),
        ("speakers = ['ann', 'ben', 'ann']", ["conditioning.speakers has 'ann' twice; leave one out"]),
        ("speakers = ['*', 'ben']", ["conditioning.speakers has '*', which means all speakers, beside names"]),
        ("speakers = '*'", ["conditioning.speakers = '*': "]),
        ("speakers = ['']", ["conditioning.speakers.0 = '': should have at least 1 character"]),
        ("speakers = [3]", ["conditioning.speakers.0 = 3: should be a valid string"]),
        ("f0 = true\nhop = 63", ["conditioning.hop = 63: should be greater than or equal to 64"]),
        ("f0 = true\nhop = 513", ["conditioning.hop = 513: should be less than or equal to 512"]),
        ("f0 = 1", ["conditioning.f0 = 1: should be true or false"]),
        ("mel = 'espne'", ["conditioning.mel = 'espne' is unknown; did you mean espnet?"]),
        ("mel = 'hifigna'", ["conditioning.mel = 'hifigna' is unknown; did you mean hifigan?"]),
        (
            "mel = 'parallel_wavegan'",
            ["conditioning.mel = 'parallel_wavegan' is unknown; did you mean parallel-wavegan?"],
        ),
        (
            "mel = 'htk'",
            ["conditioning.mel = 'htk' is unknown; known: espnet, hifigan, librosa, parallel-wavegan, r9y9, tacotron2"],
        ),
        ("mel = 3", ["conditioning.mel = 3 is unknown; known: "]),
        ("mel = 'librosa'\nfmin = 7600", ["conditioning.fmin = 7600 is not below fmax = 7600"]),
        ("mel = 'librosa'\nwin_length = 2048", ["conditioning.win_length = 2048 is longer than n_fft = 1024"]),
        ("speaker = ['*']", ["conditioning.speaker is not a setting; did you mean speakers?"]),
        ("name = 'enkoder'\nf0 = true", ["conditioning.name = 'enkoder' is unknown; did you mean encoder?"]),
        ("f0 = true\nlook_behind = 3", ["conditioning.look_behind is not a setting; did you mean look_ahead?"]),
        ("f0 = true\nseed = 3", ["conditioning.seed is not a setting; it belongs in [training]"]),
    ],
)
def test_what_a_model_cannot_be_conditioned_on(tmp_path, table, problems):
    found = problems_of(tmp_path, f"{GOOD}[conditioning]\n{table}\n")
    assert len(found) == len(problems)
    assert all(line.startswith(problem) for line, problem in zip(found, problems, strict=True))


@pytest.mark.parametrize(
    ("tables", "problems"),
    [
        ("", ["predictor.name = 'spectral' takes its filters from a mel spectrogram, and there is none; give condit"]),
        (
            "[conditioning]\nf0 = true",
            ["predictor.name = 'spectral' takes its filters from a mel spectrogram, and the"],
        ),
        ("[conditioning]\nmel = 'hifi-gan'", ["conditioning.mel = 'hifi-gan' is unknown; did you mean hifigan?"]),
    ],
)
def test_spectral_predictors_need_a_mel_spectrogram(tmp_path, tables, problems):
    text = MIXTURE.replace('name = "linear"\ntaps = 8', f"name = 'spectral'\norder = 8\n{tables}")
    found = problems_of(tmp_path, text)
    assert len(found) == len(problems)
    assert all(line.startswith(problem) for line, problem in zip(found, problems, strict=True))
    right = load_recipe(written(tmp_path, text), ["conditioning.mel='hifigan'"])
    assert right.model["predictor"] == {"name": "spectral", "order": 8}


def test_an_override_of_a_condition_is_blamed(tmp_path):
    text = f"{GOOD}[conditioning]\nf0 = true\n"
    (line,) = problems_of(tmp_path, text, ["conditioning.speakers=['a', 'a']"])
    assert line.startswith("`overrides` conditioning.speakers=['a', 'a']: conditioning.speakers has 'a' twice")


def test_a_condition_has_its_defaults_and_comes_back_from_the_resolved_recipe(tmp_path):
    recipe = load_recipe(written(tmp_path, f"{GOOD}[conditioning]\nspeakers = ['*']\nmel = 'hifigan'\n"))
    assert recipe.model["conditioning"] == {
        "name": "encoder",
        "speakers": ["*"],
        "mel": "hifigan",
        **{"hop": 128, "n_fft": 1024, "win_length": 1024, "bands": 80, "fmin": 80, "fmax": 7600},
        **{"f0": False, "channels": 64, "look_ahead": 2},
    }
    assert load_recipe(written(tmp_path, recipe.to_toml())) == recipe


@pytest.mark.parametrize("alias", ALIASES)
def test_an_alias_of_a_convention_is_stored_as_what_it_stands_for(tmp_path, alias):
    """In the resolved recipe, and hence in the run and the model, which no other program need know aliases for."""
    text = f"{GOOD}[conditioning]\nmel = "
    recipe = load_recipe(written(tmp_path, f"{text}'{alias}'\n"))
    assert recipe.model["conditioning"]["mel"] == ALIASES[alias]
    assert f'mel = "{ALIASES[alias]}"' in recipe.to_toml()
    assert alias not in recipe.to_toml()
    assert recipe == load_recipe(written(tmp_path, f"{text}'{ALIASES[alias]}'\n"))
    assert recipe == load_recipe(written(tmp_path, f"{text}'hifigan'\n"), [f"conditioning.mel={alias}"])


def test_overrides_that_contradict_each_other_are_told(tmp_path):
    assert problems_of(tmp_path, GOOD, ["training.steps=3", "training.steps=4"]) == [
        "`overrides` training.steps=4: training.steps is set twice, by `overrides` training.steps=3 too"
    ]
    assert problems_of(tmp_path, GOOD, ["training.steps=3", "training.minutes=4"]) == [
        "training: give either steps or minutes; both are there"
    ]


@pytest.mark.parametrize(
    ("lengths", "said"), [("steps = 3\nminutes = 2", "both are there"), ("", "neither is there")], ids=["both", "none"]
)
@pytest.mark.parametrize(
    ("also", "problem"),
    [
        ("seed = -1", "training.seed = -1: should be greater than or equal to 0"),
        ("sed = 1", "training.sed is not a setting; did you mean seed?"),
        ("fast = true", "training.fast is not a setting"),
        ("[sampling]\ntop_p = 2", "sampling.top_p = 2"),
    ],
)
def test_the_length_of_the_training_is_told_with_all_else(tmp_path, lengths, said, also, problem):
    found = problems_of(tmp_path, f"[network]\nname = 'gru'\n[training]\n{lengths}\n{also}\n")
    assert f"training: give either steps or minutes; {said}" in found
    (other,) = [line for line in found if "steps or minutes" not in line]
    assert other.startswith(problem)


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
