"""Scores recordings with a model and compares the bits with FLAC's.

python examples/compare_with_flac.py [FILE ...]     # default: bundled speech that the model was not trained on
"""

import sys

import wavegen
from wavegen.assets import speech

HELD_OUT = ("please-try-call-later", "vm-whichbox", "dir-first")


def main() -> None:
    files = sys.argv[1:] or [speech.folder() / "en_US_f_Allison" / f"{name}.flac" for name in HELD_OUT]
    result = wavegen.score(wavegen.load("allison"), files, resample=True)
    print(f"{'allison':>8} {'FLAC':>8}   bits per sample")
    for file in result["files"]:
        print(f"{file['bits_per_sample']:8.3f} {file['flac_bits_per_sample']:8.3f}   {file['file']}")
    saved = 1 - result["bits_per_sample"] / result["flac_bits_per_sample"]
    print(f"{result['bits_per_sample']:8.3f} {result['flac_bits_per_sample']:8.3f}   all; {saved:.1%} saved")
    for warning in result["warnings"]:
        print(f"warning: {warning}", file=sys.stderr)


if __name__ == "__main__":
    main()
