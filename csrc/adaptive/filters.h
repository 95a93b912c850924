// Linear filters that learn as they go, in float64; no input makes their weights anything but finite numbers.
#pragma once

#include <cstddef>
#include <vector>

namespace wavegen {

// The last values of a sequence, the newest first and side by side; zeros at first.
class History {
 public:
    explicit History(std::size_t length) : length_(length), values_(2 * length) {}
    const double* newest() const { return values_.data() + place_; }
    double oldest() const { return values_[place_ + length_ - 1]; }
    void push(double value);

 private:
    std::size_t length_, place_ = 0;
    std::vector<double> values_;  // each twice, `length_` apart
};

// weights = (R + d I)⁻¹ b after every sample, with R ← λ R + g x xᵀ and b ← λ b + g x y. By elimination: recursive
// least squares with a ridge that is never forgotten, and stable where the recursion for the inverse is not. g = (1 +
// 0.3 |error| + 0.7 running |error|)^-1.5 keeps loud moments from drowning the quiet ones beside them.
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
    std::vector<double> triangle_, right_;  // the elimination's
};

// Normalised least mean squares on a sequence's own past: weights += rate · error · x / (order + Σ x²).
class NormalisedLms {
 public:
    NormalisedLms(std::size_t order, double rate) : rate_(rate), past_(order), weights_(order) {}
    double predict() const;
    void learn(double value, double error);  // the next value of the sequence, and how far off its prediction was

 private:
    double rate_, power_ = 0.0;
    History past_;
    std::vector<double> weights_;
};

}  // namespace wavegen
