"""The public functions take the same arguments by the same names, in one order."""

import inspect
from collections import defaultdict

import pytest

import wavegen

SUBJECTS = {  # that a function works on, and its output: by position
    *("model", "models", "num_samples", "paths", "files", "source", "recordings", "recipe", "corpus", "run", "out"),
    *("path", "name", "convention", "streams", "density", "overrides"),
}
ORDER = [  # of all others, by keyword only
    *("name", "fetch", "sample_rate", "split_by", "cut", "levels", "strict"),  # what becomes a corpus
    *("hop", "n_fft", "win_length", "bands", "fmin", "fmax", "f0"),  # what frames are
    *("resume", "init", "needs_corpus"),  # what a run starts from
    *("split", "against", "without", "proof"),  # what is compared
    *("speaker", "frames", "given", "convention", "statistics", "check"),  # what a model is told
    *("window", "window_samples", "rounds"),  # what is measured
    *("seeds", "seed", "temperature", "top_p", "prime", "rows", "exact"),  # how is drawn
    *("engine", "threads", "isa", "precision", "max_cost", "processes"),  # where, and how exactly, is computed
    *("resample", "force"),  # what files become
    *("watch", "progress"),  # who looks on
]
SILENT = {"load", "load_recipe", "open_corpus", "open_engine", "open_model"}  # take no time worth a bar
OTHER_TYPES = {"given", "prime", "precision"}  # one condition or several, PCM or pixels, a model's own or a new one
FUNCTIONS = {name: found for name in wavegen.__all__ if inspect.isfunction(found := getattr(wavegen, name))}


def keyword_arguments(name):
    return [p for p in inspect.signature(FUNCTIONS[name]).parameters.values() if p.kind is p.KEYWORD_ONLY]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_subjects_come_by_position_and_all_else_by_keyword_in_one_order(name):
    every = inspect.signature(FUNCTIONS[name]).parameters
    keywords = [parameter.name for parameter in keyword_arguments(name)]
    assert set(every) - set(keywords) <= SUBJECTS
    assert keywords == sorted(keywords, key=ORDER.index)


@pytest.mark.parametrize("name", sorted(FUNCTIONS.keys() - SILENT))
def test_progress_is_an_argument_of_whatever_takes_time(name):
    last = keyword_arguments(name)[-1]
    assert (last.name, last.annotation, last.default) == ("progress", "bool", False)


def test_one_name_has_one_type_and_one_default():
    kinds = defaultdict(set)
    for name in FUNCTIONS:
        for parameter in keyword_arguments(name):
            kinds[parameter.name].add((parameter.annotation, parameter.default))
    assert {name: found for name, found in kinds.items() if len(found) > 1}.keys() <= OTHER_TYPES


def test_no_name_is_kept_that_nobody_has():
    names = [name for function in FUNCTIONS.values() for name in inspect.signature(function).parameters]
    assert set(names) == SUBJECTS | set(ORDER)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_docstring_tells_of_the_arguments_in_their_order(name):
    lines = (inspect.getdoc(FUNCTIONS[name]) or "").split("\n")
    told = [word for line in lines if line.startswith("    ") for word in line[4:].split(":")[0].split(", ")]
    parameters = list(inspect.signature(FUNCTIONS[name]).parameters)
    if parameters != ["path"]:
        assert [word for word in told if word in parameters] == parameters
