// The adaptive coder: an online mixture of recursive-least-squares and NLMS predictors, trained on the recording's
// own history. It is the strongest of the classical baselines.
//
// Least-squares filters of several orders and memories predict the next sample. A cascade of normalised LMS filters
// predicts the residual of the longest of them. Further least-squares filters (weighers) combine these predictions.
// Each prediction is the centre of distributions of several shapes and scales, integrated over the cell of each
// 16-bit code. A sample is coded with the mixture of all of them, weighted by their performance so far. This is the
// family of OptimFROG and of MPEG-4 ALS-RLS (ISO/IEC 14496-3, subpart 11), with a mixture instead of their Golomb
// codes.
#pragma once

#include <cstddef>
#include <vector>

#include "adaptive/filters.h"

namespace wavegen {

// The weights of experts, with switching: share ← (1 − s) share · p / Σ share · p + s / count, the fixed share of
// Herbster and Warmuth (1998), "Tracking the best expert".
class Shares {
 public:
    Shares(std::size_t count, double switching) : switching_(switching), shares_(count, 1.0 / double(count)) {}
    double mix(const double* probabilities) const;
    void learn(const double* probabilities, double mixed);

 private:
    double switching_;
    std::vector<double> shares_;
};

// Distributions of the next code around one prediction. Their scales are multiples of running mean errors.
class Experts {
 public:
    Experts();
    double probability(double prediction, int code);  // of the mixture, including the uniform share
    void learn(double prediction, int code);          // call after `probability` with the same arguments

 private:
    std::vector<double> errors_, probabilities_;
    Shares shares_;
    double mixed_ = 1.0;
};

class AdaptiveMixture {
 public:
    AdaptiveMixture();
    double probability(int code);  // of the next code, −32768 … 32767; sums to one over all codes
    double learn(int code);        // returns the code's probability, then appends it to the history

 private:
    void predict();
    void learn_filters(double value);

    History history_;
    std::vector<LeastSquares> filters_, weighers_;
    std::vector<NormalisedLms> cascade_;
    std::vector<double> predictions_;  // of filters, cascade and weighers
    std::vector<double> differences_;  // of the filters' and the cascade's predictions from the last of them
    std::vector<double> stages_;       // the contribution of each filter of the cascade
    std::vector<Experts> experts_;     // one set per prediction
    std::vector<double> probabilities_;
    Shares shares_;
};

}  // namespace wavegen
