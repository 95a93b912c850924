// Adaptive linear filters in float64. Their weights stay finite for any input.
#pragma once

#include <cstddef>
#include <vector>

namespace wavegen {

// The last values of a sequence, contiguous, newest first; zeros at first.
class History {
 public:
    explicit History(std::size_t length) : length_(length), values_(2 * length) {}
    const double* newest() const { return values_.data() + start_; }
    double oldest() const { return values_[start_ + length_ - 1]; }
    void push(double value);

 private:
    std::size_t length_, start_ = 0;
    std::vector<double> values_;  // each value is stored twice, `length_` apart
};

// weights = (R + d I)⁻¹ b after every sample, with R ← λ R + g x xᵀ and b ← λ b + g x y. Solved by elimination:
// recursive least squares with a ridge that is not forgotten, stable where the recursion for the inverse is not. The
// gain g = (1 + 0.3 |error| + 0.7 running |error|)^-1.5 keeps loud passages from dominating the quiet ones next to
// them.
class LeastSquares {
 public:
    // d = ridge + relative_ridge · trace(R) / order.
    LeastSquares(std::size_t order, double forgetting, double ridge, double relative_ridge);
    double predict(const double* inputs) const;
    void learn(const double* inputs, double target, double error);

 private:
    double take_in(const double* inputs, double target, double gain);
    void solve(double diagonal);

    std::size_t order_;
    double forgetting_, ridge_, relative_ridge_, running_error_;
    std::vector<double> weights_, r_, b_;   // of r_ the upper triangle
    std::vector<double> triangle_, right_;  // workspace of the elimination
};

// Normalised least mean squares on a sequence's own history: weights += rate · error · x / (order + Σ x²).
class NormalisedLms {
 public:
    NormalisedLms(std::size_t order, double rate) : rate_(rate), history_(order), weights_(order) {}
    double predict() const;
    void learn(double value, double error);  // the next value and its prediction error

 private:
    double rate_, power_ = 0.0;
    History history_;
    std::vector<double> weights_;
};

}  // namespace wavegen
