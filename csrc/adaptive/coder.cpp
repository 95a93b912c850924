#include "adaptive/coder.h"

#include <algorithm>
#include <cmath>

namespace wavegen {
namespace {

// All constants were tuned on the validation files of recipes/asterisk's English set.
struct FilterSettings {
    std::size_t order;
    double forgetting;
};
struct LmsSettings {
    std::size_t order;
    double rate;
};
constexpr FilterSettings kFilters[] = {{16, 0.998}, {20, 0.97}, {32, 0.98}, {48, 0.98}};
constexpr LmsSettings kCascade[] = {{256, 0.005}, {32, 0.005}, {16, 0.008}};
constexpr double kWeighers[] = {0.98, 0.998};  // forgetting factors
constexpr double kRidge = 0.003, kRelativeRidge = 1e-7;
constexpr double kWeigherRidge = 0.01, kWeigherRelativeRidge = 1e-3;
constexpr double kErrorRates[] = {0.15, 0.03};
constexpr double kScales[] = {4.0 / 9.0, 2.0 / 3.0, 1.0, 1.5, 2.25};  // multiples of a running error
constexpr double kFirstError = 30.0, kMinError = 0.1;                 // in codes
constexpr double kSwitching = 0.005, kTopSwitching = 0.02;
constexpr double kUniformShare = 0x1p-14, kCodes = 65536.0;
constexpr int kLowest = -32768, kHighest = 32767;

// Cumulative distribution functions, with their mean magnitudes.
double logistic(double z) { return 1.0 / (1.0 + std::exp(-z)); }
double gaussian(double z) { return 0.5 * std::erfc(-0.70710678118654752 * z); }
double student(double z) { return 0.5 + 0.5 * z / std::sqrt(2.0 + z * z); }  // two degrees of freedom
struct Shape {
    double (*cumulative)(double);
    double mean_magnitude;
};
constexpr Shape kShapes[] = {
    {logistic, 1.3862943611198906}, {gaussian, 0.79788456080286536}, {student, 1.4142135623730951}};

template <class Item, std::size_t kCount>
constexpr std::size_t count(const Item (&)[kCount]) {
    return kCount;
}
constexpr std::size_t kFirst = count(kFilters) + count(kCascade);  // predictions before the weighers'
constexpr std::size_t kPredictions = kFirst + count(kWeighers);

// The probability mass of a code's cell. The two edge codes take the tails, so that all masses add up to one.
double mass(const Shape& shape, double scale, double prediction, int code) {
    const double inverse = shape.mean_magnitude / scale, z = code - prediction;
    const double lower = code == kLowest ? 0.0 : shape.cumulative((z - 0.5) * inverse);
    const double upper = code == kHighest ? 1.0 : shape.cumulative((z + 0.5) * inverse);
    return std::max(0.0, upper - lower);  // rounding can make a tiny difference negative
}

double clipped(double prediction) { return std::clamp<double>(prediction, kLowest, kHighest); }

}  // namespace

double Shares::mix(const double* probabilities) const {
    double sum = 0.0;
    for (std::size_t i = 0; i < shares_.size(); ++i) sum += shares_[i] * probabilities[i];
    return sum;
}

void Shares::learn(const double* probabilities, double mixed) {
    const double keep = (1.0 - switching_) / mixed, gift = switching_ / double(shares_.size());
    for (std::size_t i = 0; i < shares_.size(); ++i) shares_[i] = keep * shares_[i] * probabilities[i] + gift;
}

Experts::Experts()
    : errors_(count(kErrorRates), kFirstError),
      probabilities_(count(kErrorRates) * count(kScales) * count(kShapes)),
      shares_(probabilities_.size(), kSwitching) {}

// Every expert is mixed with the uniform distribution, so that none loses its weight for good after one bad
// prediction.
double Experts::probability(double prediction, int code) {
    double* next = probabilities_.data();
    for (const double error : errors_)
        for (const Shape& shape : kShapes)
            for (const double scale : kScales)
                *next++ = (1.0 - kUniformShare) * mass(shape, scale * std::max(error, kMinError), prediction, code) +
                          kUniformShare / kCodes;
    return mixed_ = shares_.mix(probabilities_.data());
}

void Experts::learn(double prediction, int code) {
    shares_.learn(probabilities_.data(), mixed_);
    for (std::size_t i = 0; i < errors_.size(); ++i)
        errors_[i] += kErrorRates[i] * (std::abs(code - prediction) - errors_[i]);
}

AdaptiveMixture::AdaptiveMixture()
    : history_(kFilters[count(kFilters) - 1].order),
      predictions_(kPredictions),
      differences_(kFirst - 1),
      stages_(count(kCascade)),
      experts_(kPredictions),
      probabilities_(kPredictions),
      shares_(kPredictions, kTopSwitching) {
    for (const auto& [order, forgetting] : kFilters) filters_.emplace_back(order, forgetting, kRidge, kRelativeRidge);
    for (const auto& [order, rate] : kCascade) cascade_.emplace_back(order, rate);
    for (const double forgetting : kWeighers)
        weighers_.emplace_back(kFirst - 1, forgetting, kWeigherRidge, kWeigherRelativeRidge);
    predict();
}

void AdaptiveMixture::predict() {
    double* next = predictions_.data();
    for (const LeastSquares& filter : filters_) *next++ = clipped(filter.predict(history_.newest()));
    for (std::size_t i = 0; i < cascade_.size(); ++i, ++next)
        *next = clipped(next[-1] + (stages_[i] = cascade_[i].predict()));
    const double last = next[-1];
    for (std::size_t i = 0; i + 1 < kFirst; ++i) differences_[i] = predictions_[i] - last;
    for (const LeastSquares& weigher : weighers_) *next++ = clipped(last + weigher.predict(differences_.data()));
}

double AdaptiveMixture::probability(int code) {
    for (std::size_t i = 0; i < kPredictions; ++i) probabilities_[i] = experts_[i].probability(predictions_[i], code);
    return shares_.mix(probabilities_.data());
}

double AdaptiveMixture::learn(int code) {
    const double mixed = probability(code);
    shares_.learn(probabilities_.data(), mixed);
    for (std::size_t i = 0; i < kPredictions; ++i) experts_[i].learn(predictions_[i], code);
    learn_filters(code);
    predict();
    return mixed;
}

void AdaptiveMixture::learn_filters(double value) {
    const double last = predictions_[kFirst - 1];
    for (std::size_t i = 0; i < weighers_.size(); ++i)
        weighers_[i].learn(differences_.data(), value - last, value - predictions_[kFirst + i]);
    double left = value - predictions_[filters_.size() - 1];
    for (std::size_t i = 0; i < cascade_.size(); ++i) {
        const double after = left - stages_[i];
        cascade_[i].learn(left, after);
        left = after;
    }
    for (std::size_t i = 0; i < filters_.size(); ++i)
        filters_[i].learn(history_.newest(), value, value - predictions_[i]);
    history_.push(value);
}

}  // namespace wavegen
