"""Numbers that models, engines, files and reports must agree on."""

NUMERICS = 1  # the numeric contract of the native engines: raised with any change that changes bits
DIGITS = 6  # decimals of reported bits
UNIFORM_SHARE = 2.0**-14  # of every distribution, which caps the surprisal of a PCM code at 30 bits
