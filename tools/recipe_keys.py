"""Writes docs/recipe-keys.md: every key that a recipe may have, from the types that check recipes.

python tools/recipe_keys.py            # writes the page
python tools/recipe_keys.py --check    # exit code 1 if the page is out of date
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from wavegen.models.audio import AudioModel
from wavegen.models.density import Density
from wavegen.models.pictures import PictureModel
from wavegen.models.settings import Table, settings_model
from wavegen.training.recipe import OF_SOUND, SETTINGS

PAGE = Path(__file__).parent.parent / "docs" / "recipe-keys.md"
HEAD = """# Every key of a recipe

<!-- Written by tools/recipe_keys.py from the types that check recipes; a test compares the two. -->

A recipe is a TOML file. Each section below is one of its tables. A key that is left out has its default; `–` means that
there is none and the key may stay out. `wavegen train --set TABLE.KEY=VALUE` overrides a key for one run. All mistakes
of a recipe are reported at once, an unknown key with the nearest known one. [Training](training.md) has an example.

"""
DENSITY = """## [density]

| key | type | default | meaning |
|---|---|---|---|
| `name` | `"audio"` or `"pictures"` | `"audio"` | the kind of recordings |

"""
SECTIONS: dict[type[Density], str] = {AudioModel: "Of audio", PictureModel: "Of pictures"}
MEANINGS = {
    "corpus.path": "folder of the prepared corpus, relative to the recipe; `--corpus` overrides it",
    "corpus.sample_rate": "Hz; a corpus of another rate is refused",
    "training.seed": "of the initial weights and of the order of windows",
    "training.batch_size": "windows in a step, over all processes together",
    "training.window": "scored samples in a window",
    "training.warm_up": "unscored samples before a window, of networks with unlimited history; others get "
    "the receptive field",
    "training.learning_rate": "peak; linear warm-up, then a cosine",
    "training.steps": "length of the training; give this or `minutes`",
    "training.minutes": "length of the training; becomes a number of steps by timing a few of them first",
    "training.validate_every": "steps between validations; default: at most 40 validations and 5 % of the time",
    "training.average_decay": "of the running average of the weights, which is the model that is saved",
    "training.patience": "stop after so many validations in a row without a new best",
    "training.accumulate": "parts that each batch is computed in, one after the other, to save memory",
    "training.threads": "of PyTorch; default: 1, 2 or all CPUs, more only if a tenth faster",
    "training.bfloat16": "products inside the layers of a WaveNet or PixelCNN in bfloat16; default: on a GPU, and "
    "on a CPU where a step is a tenth faster",
    "sampling.temperature": "of `generate`, unless `--temperature` is given",
    "sampling.top_p": "of `generate`, unless `--top-p` is given; below 1 for `categorical` only",
    "mu-law.bits": "μ = 2^bits − 1; 8 makes 256 symbols, 10, 11 and 12 make 985, 1713 and 2885",
    "linear.bits": "the highest bits of each code; 2^bits symbols",
    "mixture-of-logistics.num_mixtures": "components",
    "mixture-of-gaussians.num_mixtures": "components",
    "linear.taps": "past samples of the filter",
    "spectral.order": "past samples of each frame's filter",
    "encoder.speakers": 'names of speakers of the corpus, each with an embedding; `["*"]`: all of the training split',
    "encoder.mel": 'convention of the mel spectrogram; `"espnet"` is `"parallel-wavegan"`; `""`: none',
    "encoder.hop": "samples of a frame",
    "encoder.n_fft": "samples of the Fourier transform",
    "encoder.win_length": "samples of its window",
    "encoder.bands": "mel bands",
    "encoder.fmin": "Hz, lower edge of the mel bands",
    "encoder.fmax": "Hz, upper edge of the mel bands",
    "encoder.f0": "log F0 and whether a frame is voiced, beside the mel bands or alone",
    "encoder.channels": "of the encoded condition",
    "encoder.look_ahead": "frames on each side of the present one that the encoder sees",
    "wavenet.residual_channels": "width of the signal that passes from layer to layer",
    "wavenet.gate_channels": "filter and gate together, so a layer's output has half of it",
    "wavenet.skip_channels": "width of the sum of all layers and of the hidden output layer",
    "wavenet.kernel_size": "taps of a layer's dilated convolution",
    "wavenet.front_kernel_size": "inputs that the first convolution sees",
    "wavenet.dilations": "one layer each; receptive field = front_kernel_size + (kernel_size − 1) · their sum",
    "gru.hidden_size": "units of a layer",
    "gru.num_layers": "recurrent layers",
    "lstm.hidden_size": "units of a layer",
    "lstm.num_layers": "recurrent layers",
    "markov.order": "past inputs that are seen",
    "markov.hidden_sizes": "units of each hidden layer; `[]` is a linear model",
    "nade.frame_size": "samples of a frame, within which NADE works",
    "nade.hidden_size": "hidden units",
    "nade.context_frames": "preceding frames that the biases see; 0 is the textbook's NADE",
    "pixelcnn.hidden_channels": "features inside a layer; twice as many between layers",
    "pixelcnn.num_layers": "residual layers",
    "pixelcnn.kernel_size": "pixels across of a layer's convolution, odd",
    "pixelcnn.first_kernel_size": "pixels across of the first convolution, odd",
    "gated-pixelcnn.hidden_channels": "features of each of the two stacks",
    "gated-pixelcnn.num_layers": "layers after the first",
    "gated-pixelcnn.kernel_size": "pixels across of a layer's convolution, odd",
    "gated-pixelcnn.first_kernel_size": "pixels across of the first layer's convolution, odd",
    "row-lstm.hidden_channels": "units of an LSTM; twice as many features between layers",
    "row-lstm.num_layers": "LSTM layers",
    "diagonal-bilstm.hidden_channels": "units of an LSTM in each direction; twice as many features between layers",
    "diagonal-bilstm.num_layers": "LSTM layers",
}
PLURALS = {"integer": "integers", "string": "texts"}
TYPES = {"integer": "integer", "number": "number", "string": "text", "boolean": "true or false"}


def page() -> str:
    """The whole page."""
    parts = [HEAD, *(_table(name, f"## [{name}]", SETTINGS[name]) for name in ("corpus",)), DENSITY]
    for density, title in SECTIONS.items():
        parts.append(f"## {title}\n\n")
        for part, registry in density.PARTS.items():
            default = density.DEFAULTS.get(part, {}).get("name")
            parts.append(f"### [{part}]\n\n{_choice(list(registry), default, part in density.OPTIONAL)}\n\n")
            parts += [_table(name, f'#### name = "{name}"', settings_model(one)) for name, one in registry.items()]
    parts += [_table(name, f"## [{name}]", SETTINGS[name]) for name in ("training", "sampling")]
    return "".join(parts).rstrip("\n") + "\n"


def _choice(names: list[str], default: str | None, optional: bool) -> str:
    listed = ", ".join(f'`"{name}"`' for name in names)
    if optional:
        must = "which must be given" if default is None else f'default `"{default}"`'
        return f"The table may stay out. `name`, {must}: {listed}."
    return f"`name`: {listed}; " + ("must be given." if default is None else f'default `"{default}"`.')


def _table(name: str, title: str, model: type[Table]) -> str:
    """A heading and a row a key; raises KeyError for a key without a meaning."""
    rows = list(_rows(name, model))
    body = "| key | type | default | meaning |\n|---|---|---|---|\n" + "\n".join(rows) if rows else "No other key."
    return f"{title}\n\n{body}\n\n"


def _rows(name: str, model: type[Table]) -> Iterator[str]:
    for key, schema in model.model_json_schema()["properties"].items():
        if key != "name":
            only = " (audio only)" if key in OF_SOUND.get(name, ()) else ""
            yield f"| `{key}` | {_kind(schema)} | {_default(schema)} | {MEANINGS[f'{name}.{key}']}{only} |"


def _kind(schema: Mapping[str, Any]) -> str:
    choices = [each for each in schema.get("anyOf", ()) if each["type"] != "null"]
    if choices:
        return _kind(choices[0])
    if "enum" in schema:
        return " or ".join(f'`"{choice}"`' for choice in schema["enum"])
    if schema["type"] == "array":
        items = schema["items"]
        return f"list of {schema.get('minItems', 0)} to {schema['maxItems']} {PLURALS[items['type']]}{_range(items)}"
    return TYPES[schema["type"]] + _range(schema)


def _range(schema: Mapping[str, Any]) -> str:
    bounds = [
        f"{sign} {_number(schema[key])}"
        for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
        if key in schema
    ]
    bounds += [f"multiple of {schema['multipleOf']}"] if "multipleOf" in schema else []
    return f" ({', '.join(bounds)})" if bounds else ""


def _number(value: float) -> str:
    power = value.bit_length() - 1 if isinstance(value, int) else 0
    if power > 20 and value == 2**power:
        return f"2^{power}"
    return f"{value:g}"


def _default(schema: Mapping[str, Any]) -> str:
    value = schema.get("default")
    if isinstance(value, (str, bool)):
        return f"`{json.dumps(value)}`"
    if isinstance(value, (list, tuple)):
        return f"`{[*value]}`"
    return "–" if value is None else f"`{value}`"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    written = page()
    if parser.parse_args().check:
        sys.exit(0 if PAGE.read_text(encoding="utf-8") == written else f"{PAGE}: run python tools/recipe_keys.py")
    PAGE.write_text(written, encoding="utf-8")


if __name__ == "__main__":
    main()
