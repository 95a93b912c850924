"""Numbers that models, engines, files and reports must agree on."""

NUMERICS = 1  # the numeric contract of the native engines: raised with any change that changes bits
DIGITS = 6  # of a bit, in what is reported
UNIFORM_SHARE = 2.0**-14  # of every distribution is uniform over the PCM codes: it caps surprise at 30 bits
