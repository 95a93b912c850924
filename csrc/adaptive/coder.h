// The adaptive mixture: a recording coded by what its own past teaches, the strongest of the classical baselines.
//
// Least squares filters of several orders and memories predict the next sample; a cascade of normalised LMS filters
// predicts what the longest of them leaves; further least squares filters weigh these predictions. Around every
// prediction stand distributions of several shapes and scales, integrated over the cell of each 16-bit code, and the
// mixture of them all, each with the share that its record so far gives it, is what a sample is coded with. This is
// the family of OptimFROG and of MPEG-4 ALS-RLS (ISO/IEC 14496-3, subpart 11), with a mixture for their Golomb codes.
#pragma once

#include <cstddef>
#include <vector>

#include "adaptive/filters.h"

namespace wavegen {

// Shares of experts, the best of which may change: share ← (1 − s) share · p / Σ share · p + s / count, the fixed share
// of Herbster and Warmuth (1998), "Tracking the best expert".
class Shares {
 public:
    Shares(std::size_t count, double switching) : switching_(switching), shares_(count, 1.0 / double(count)) {}
    double mix(const double* probabilities) const;
    void learn(const double* probabilities, double mixed);

 private:
    double switching_;
    std::vector<double> shares_;
};

// Distributions of the next code around one prediction, their scales multiples of running mean errors.
class Experts {
 public:
    Experts();
    double probability(double prediction, int code);  // of the mixture, with the uniform share
    void learn(double prediction, int code);          // after `probability` of the same two

 private:
    std::vector<double> errors_, probabilities_;
    Shares shares_;
    double mixed_ = 1.0;
};

class AdaptiveMixture {
 public:
    AdaptiveMixture();
    double probability(int code);  // of a code, −32768 … 32767, to come next; over all of them it sums to one
    double learn(int code);        // its probability; then it is the newest of the past

 private:
    void predict();
    void learn_filters(double value);

    History past_;
    std::vector<LeastSquares> filters_, weighers_;
    std::vector<NormalisedLms> cascade_;
    std::vector<double> predictions_;  // of filters, cascade and weighers
    std::vector<double> differences_;  // of filters' and cascade's predictions to the last of them
    std::vector<double> stages_;       // what each of the cascade adds
    std::vector<Experts> experts_;     // a set for each prediction
    std::vector<double> probabilities_;
    Shares shares_;
};

}  // namespace wavegen
