#include "distributions/mixture.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "common/floats.h"

namespace wavegen {

namespace {

constexpr double kLogMinScale = -6.907755278982137, kLogMaxScale = 11.512925464970229;  // 1e-3 and 1e5 PCM codes

// F_j at the lower edge of symbol k is component(z), z = ((edge(k) - location) / scale_j - mean_j) / temperature; at
// the lowest edge it is 0, at the highest 1. Each operation of z is monotone in the edge, and so is rounding: F_j
// does not decrease with k.
class MixtureCumulative final : public Cumulative {
 public:
    MixtureCumulative(const Mixture& distribution, const Kernels& kernels)
        : distribution_(distribution),
          quantizer_(distribution.quantizer()),
          kernels_(kernels),
          size_(distribution.offsets().size()),
          logits_(size_),
          exponentials_(size_),
          weights_(size_),
          counts_(size_),
          means_(size_),
          inverse_scales_(size_) {
        std::fill(logits_.data(), logits_.data() + padded(size_), std::numeric_limits<float>::lowest());
    }

    void read(const float* params, const Location& location) override {
        finite_maximum(kernels_, params, distribution_.num_params());
        std::copy(params, params + size_, logits_.data());
        location_ = location.code;
        for (std::size_t j = 0; j < size_; ++j) {
            means_[j] = params[size_ + j];
            const double log_scale = params[2 * size_ + j] + distribution_.offsets()[j] + location.log_unit;
            inverse_scales_[j] = exp_fixed(-std::min(std::max(log_scale, kLogMinScale), kLogMaxScale));
        }
        set_weights(1.0f, weights_);
    }

    double log2_prob(std::size_t symbol) const override {
        const bool first = symbol == 0, last = symbol + 1 == quantizer_.num_symbols();
        const double lower = quantizer_.edge(symbol) - location_, upper = quantizer_.edge(symbol + 1) - location_;
        double probability = 0.0;
        for (std::size_t j = 0; j < size_; ++j) {
            const double below = first ? 0.0 : distribution_.component()(lower * inverse_scales_[j] - means_[j]);
            const double to_here = last ? 1.0 : distribution_.component()(upper * inverse_scales_[j] - means_[j]);
            probability += weights_[j] * (to_here - below);
        }
        return log2_prob_of_code(probability, quantizer_.codes(symbol));
    }

    // Integer weights that sum to the model's share. They are truncated, so the remainder is not negative; it
    // goes to the first of the largest.
    void apply_sampling(const Sampling& sampling) override {
        exact_ = sampling.exact;
        inverse_temperature_ = 1.0 / static_cast<double>(sampling.temperature);
        set_weights(sampling.temperature, counts_);
        double rest = kModelShare;
        for (double& count : counts_) {
            count = static_cast<double>(static_cast<std::uint32_t>(count * kModelShare));
            rest -= count;
        }
        *std::max_element(counts_.begin(), counts_.end()) += rest;
    }

    // C(k) = Σ of the codes below k + trunc(Σ_j count_j F_j(k)). It is strictly increasing: each symbol has at
    // least one code, and the second term does not decrease, since F_j does not and the products and their sum,
    // in ascending j, are rounded monotonically. Where all F_j are 1 the sum of counts is exact, so that
    // C(num_symbols) = 2^30.
    //
    // Without the uniform share C(k) = trunc(Σ_j count_j F_j(k) + 1/2). Rounded down it would reach kModelShare
    // only where every F_j is 1: the highest u would give a sample some 36 scales above a mean, where a
    // probability of 2^-30 lies at 21, as it does for the lowest u.
    std::uint32_t at(std::size_t k) const override {
        if (k == 0) return 0;
        if (k == quantizer_.num_symbols()) return exact_ ? kTotal : kModelShare;
        const double edge = quantizer_.edge(k) - location_;
        double below = 0.0;
        for (std::size_t j = 0; j < size_; ++j) {
            const double z = (edge * inverse_scales_[j] - means_[j]) * inverse_temperature_;
            below += counts_[j] * distribution_.component()(z);
        }
        return exact_ ? quantizer_.below(k) + static_cast<std::uint32_t>(below)
                      : static_cast<std::uint32_t>(below + 0.5);
    }

    std::size_t find(std::uint32_t u) const override {
        std::size_t symbol = 0, above = quantizer_.num_symbols();  // C(symbol) <= u < C(above)
        while (above - symbol > 1) {
            const std::size_t middle = symbol + (above - symbol) / 2;
            (at(middle) <= u ? symbol : above) = middle;
        }
        return symbol;
    }

 private:
    // weights_j = softmax(logits / temperature), float64 of float32 exponentials, summed in ascending j.
    void set_weights(float temperature, std::vector<double>& weights) {
        const float maximum = kernels_.maximum(logits_.data(), padded(size_));
        kernels_.exponentials(logits_.data(), maximum, temperature, size_, exponentials_.data());
        const float* e = exponentials_.data();
        double sum = 0.0;
        for (std::size_t j = 0; j < size_; ++j) sum += static_cast<double>(e[j]);
        for (std::size_t j = 0; j < size_; ++j) weights[j] = static_cast<double>(e[j]) / sum;
    }

    const Mixture& distribution_;
    const Quantizer& quantizer_;
    const Kernels& kernels_;
    std::size_t size_;
    Floats logits_, exponentials_;
    std::vector<double> weights_, counts_, means_, inverse_scales_;
    double location_ = 0.0, inverse_temperature_ = 1.0;
    bool exact_ = true;
};

}  // namespace

Mixture::Mixture(Quantizer quantizer, const Component& component, std::vector<double> offsets)
    : Distribution(std::move(quantizer), 3 * offsets.size()), component_(component), offsets_(std::move(offsets)) {}

std::unique_ptr<Cumulative> Mixture::cumulative(const Kernels& kernels) const {
    return std::make_unique<MixtureCumulative>(*this, kernels);
}

}  // namespace wavegen
