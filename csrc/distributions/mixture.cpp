#include "distributions/mixture.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "common/floats.h"

namespace wavegen {

namespace {

constexpr double kLogLeastScale = -6.907755278982137, kLogMostScale = 11.512925464970229;  // 1e-3 and 1e5 PCM codes

// F_j at the lower edge of symbol k is component(z), z = ((edge(k) - location) / scale_j - mean_j) / temperature: the
// lowest edge has no more below it, the highest all. Each operation of z is monotone in the edge and rounding keeps
// that, so F_j does not fall with k.
class MixtureLaw final : public Law {
 public:
    MixtureLaw(const Mixture& head, const Kernels& kernels)
        : head_(head),
          grid_(head.grid()),
          kernels_(kernels),
          size_(head.offsets().size()),
          logits_(size_),
          exponentials_(size_),
          weights_(size_),
          counts_(size_),
          means_(size_),
          inverse_scales_(size_) {
        std::fill(logits_.data(), logits_.data() + padded(size_), std::numeric_limits<float>::lowest());
    }

    void read(const float* params, double location) override {
        finite_maximum(kernels_, params, head_.num_params());
        std::copy(params, params + size_, logits_.data());
        location_ = location;
        for (std::size_t j = 0; j < size_; ++j) {
            means_[j] = params[size_ + j];
            const double log_scale = params[2 * size_ + j] + head_.offsets()[j];
            inverse_scales_[j] = exp_fixed(-std::min(std::max(log_scale, kLogLeastScale), kLogMostScale));
        }
        set_weights(1.0f, weights_);
    }

    double log2_prob(std::size_t symbol) const override {
        const bool first = symbol == 0, last = symbol + 1 == grid_.num_symbols();
        const double lower = grid_.edge(symbol) - location_, upper = grid_.edge(symbol + 1) - location_;
        double probability = 0.0;
        for (std::size_t j = 0; j < size_; ++j) {
            const double below = first ? 0.0 : head_.component()(lower * inverse_scales_[j] - means_[j]);
            const double to_here = last ? 1.0 : head_.component()(upper * inverse_scales_[j] - means_[j]);
            probability += weights_[j] * (to_here - below);
        }
        return log2_prob_of_code(probability, grid_.codes(symbol));
    }

    // Integer weights that sum to the model's share: truncated, so that what is left is not negative, and that goes to
    // the first of the largest.
    void temper(const Sampling& sampling) override {
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

    // C(k) = Σ of the codes below k + trunc(Σ_j count_j F_j(k)). The codes make it strictly increasing, as each symbol
    // has one at least and the rest does not fall: F_j does not, the products and their sum, in ascending j, are
    // rounded monotonically. Where all F_j are 1 the counts' sum is exact, so that C(num_symbols) = 2^30.
    //
    // Without the uniform share C(k) = trunc(Σ_j count_j F_j(k) + 1/2): rounded down, it would reach kModelShare only
    // where every F_j is 1, and the highest place would be drawn some 36 scales above a mean instead of the 21 that a
    // probability of 2^-30 has, as the lowest is below it.
    std::uint32_t cumulative(std::size_t k) const override {
        if (k == 0) return 0;
        if (k == grid_.num_symbols()) return exact_ ? kTotal : kModelShare;
        const double edge = grid_.edge(k) - location_;
        double below = 0.0;
        for (std::size_t j = 0; j < size_; ++j) {
            const double z = (edge * inverse_scales_[j] - means_[j]) * inverse_temperature_;
            below += counts_[j] * head_.component()(z);
        }
        return exact_ ? grid_.below(k) + static_cast<std::uint32_t>(below) : static_cast<std::uint32_t>(below + 0.5);
    }

    std::size_t find(std::uint32_t place) const override {
        std::size_t symbol = 0, above = grid_.num_symbols();  // C(symbol) <= place < C(above)
        while (above - symbol > 1) {
            const std::size_t middle = symbol + (above - symbol) / 2;
            (cumulative(middle) <= place ? symbol : above) = middle;
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

    const Mixture& head_;
    const Grid& grid_;
    const Kernels& kernels_;
    std::size_t size_;
    Floats logits_, exponentials_;
    std::vector<double> weights_, counts_, means_, inverse_scales_;
    double location_ = 0.0, inverse_temperature_ = 1.0;
    bool exact_ = true;
};

}  // namespace

Mixture::Mixture(Grid grid, const Component& component, std::vector<double> offsets)
    : Head(std::move(grid), 3 * offsets.size()), component_(component), offsets_(std::move(offsets)) {}

std::unique_ptr<Law> Mixture::law(const Kernels& kernels) const { return std::make_unique<MixtureLaw>(*this, kernels); }

}  // namespace wavegen
