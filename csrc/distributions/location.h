// Where a predictor expects the next sample, and how far from there.
#pragma once

namespace wavegen {

// The means of a mixture are relative to `code`, and its scales are in units of exp(log_unit) PCM codes.
struct Location {
    double code, log_unit;
};

}  // namespace wavegen
