#include "adaptive/filters.h"

#include <algorithm>
#include <cmath>

namespace wavegen {
namespace {

constexpr double kFirstError = 30.0;     // in codes, before the first sample
constexpr double kErrorRate = 0.05;      // of the running error
constexpr double kOwnError = 0.3;        // weight of a sample's own error in its gain; the rest is the running error's
constexpr std::size_t kPartialSums = 8;  // independent partial sums for vectorisation, added pairwise

double dot(const double* a, const double* b, std::size_t count) {
    double sums[kPartialSums] = {};
    std::size_t i = 0;
    for (; i + kPartialSums <= count; i += kPartialSums)
        for (std::size_t c = 0; c < kPartialSums; ++c) sums[c] += a[i + c] * b[i + c];
    for (std::size_t c = 0; i + c < count; ++c) sums[c] += a[i + c] * b[i + c];
    for (std::size_t half = kPartialSums / 2; half; half /= 2)
        for (std::size_t c = 0; c < half; ++c) sums[c] += sums[c + half];
    return sums[0];
}

}  // namespace

void History::push(double value) {
    start_ = (start_ ? start_ : length_) - 1;
    values_[start_] = values_[start_ + length_] = value;
}

LeastSquares::LeastSquares(std::size_t order, double forgetting, double ridge, double relative_ridge)
    : order_(order),
      forgetting_(forgetting),
      ridge_(ridge),
      relative_ridge_(relative_ridge),
      running_error_(kFirstError),
      weights_(order),
      r_(order * order),
      b_(order),
      triangle_(order * order),
      right_(order) {}

double LeastSquares::predict(const double* inputs) const { return dot(weights_.data(), inputs, order_); }

void LeastSquares::learn(const double* inputs, double target, double error) {
    running_error_ += kErrorRate * (std::abs(error) - running_error_);
    const double expected = kOwnError * std::abs(error) + (1.0 - kOwnError) * running_error_;
    const double trace = take_in(inputs, target, 1.0 / ((1.0 + expected) * std::sqrt(1.0 + expected)));
    solve(ridge_ + relative_ridge_ * trace / double(order_));
}

double LeastSquares::take_in(const double* inputs, double target, double gain) {
    double trace = 0.0;
    for (std::size_t i = 0; i < order_; ++i) {
        double* row = r_.data() + i * order_;
        const double weighted = gain * inputs[i];
        for (std::size_t j = i; j < order_; ++j) row[j] = forgetting_ * row[j] + weighted * inputs[j];
        b_[i] = forgetting_ * b_[i] + weighted * target;
        trace += row[i];
    }
    return trace;
}

// R + d I is positive definite and has no eigenvalue below d, so a pivot is below d only by rounding.
void LeastSquares::solve(double diagonal) {
    const std::size_t n = order_;
    std::copy(r_.begin(), r_.end(), triangle_.begin());
    std::copy(b_.begin(), b_.end(), right_.begin());
    for (std::size_t i = 0; i < n; ++i) triangle_[i * n + i] += diagonal;
    for (std::size_t k = 0; k < n; ++k) {
        double* pivot = triangle_.data() + k * n;
        pivot[k] = std::max(pivot[k], diagonal);
        for (std::size_t i = k + 1; i < n; ++i) {
            double* row = triangle_.data() + i * n;
            const double factor = pivot[i] / pivot[k];
            for (std::size_t j = i; j < n; ++j) row[j] -= factor * pivot[j];
            right_[i] -= factor * right_[k];
        }
    }
    for (std::size_t i = n; i-- > 0;) {
        const double* row = triangle_.data() + i * n;
        weights_[i] = (right_[i] - dot(row + i + 1, weights_.data() + i + 1, n - i - 1)) / row[i];
    }
}

double NormalisedLms::predict() const { return dot(weights_.data(), history_.newest(), weights_.size()); }

void NormalisedLms::learn(double value, double error) {
    const double* x = history_.newest();
    const double step = rate_ * error / (double(weights_.size()) + power_);
    for (std::size_t i = 0; i < weights_.size(); ++i) weights_[i] += step * x[i];
    power_ = std::max(0.0, power_ + value * value - history_.oldest() * history_.oldest());
    history_.push(value);
}

}  // namespace wavegen
