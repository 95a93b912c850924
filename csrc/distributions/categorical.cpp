#include "distributions/categorical.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "common/floats.h"

namespace wavegen {

namespace {

// C(k) for k = 0 … num_symbols from exponentials e_k = exp(x_k - max x) with their float32 sum.
//
//     freq_k = trunc(e_k * r) + codes_k,   r = kModelShare / sum,   and the remainder goes to `first_maximum`
//
// Without the uniform share there are no codes_k, and C(num_symbols) = kModelShare. With it, C is strictly
// increasing and C(num_symbols) = 2^30. Each symbol has codes_k >= 1 counts of its own and the codes sum to 65536,
// so C could fail to increase only if the remainder were negative and larger than the maximum's own count. It is
// not: each partial sum has at most 4096 / 16 terms and there are 16 of them, so the relative error of `sum` is
// below 272 * 2^-24; the division and each product add 2^-24 at most. Hence the truncated counts exceed kModelShare
// by less than 275 * 2^-24 * 2^30 = 17600. The maximum has e = 1 exactly and sum <= 4096 * (1 + 2^-15), so its own
// count is above 262000 and stays positive.
void accumulate_counts(const float* e, float sum, const Quantizer& quantizer, std::size_t first_maximum, bool exact,
                       std::uint32_t* c) {
    const float r = static_cast<float>(kModelShare) / sum;
    const std::int32_t* codes = quantizer.codes();
    const std::size_t num_symbols = quantizer.num_symbols();
    const std::uint32_t mask = exact ? ~std::uint32_t{0} : 0;
    std::uint32_t remainder = kModelShare;  // modulo 2^32, like the count it is added to
    for (std::size_t k = 0; k < num_symbols; ++k) {
        const std::uint32_t n = static_cast<std::uint32_t>(static_cast<std::int32_t>(e[k] * r));
        remainder -= n;
        c[k + 1] = n + (static_cast<std::uint32_t>(codes[k]) & mask);
    }
    c[first_maximum + 1] += remainder;
    c[0] = 0;
    for (std::size_t k = 0; k < num_symbols; ++k) c[k + 1] += c[k];
}

// Sums e in the order of Kernels::exponentials.
float sum_of(const float* e, std::size_t num_symbols) {
    float partial[kLanes] = {};
    for (std::size_t k = 0; k < num_symbols; ++k) partial[k % kLanes] += e[k];
    float total = partial[0];
    for (std::size_t lane = 1; lane < kLanes; ++lane) total += partial[lane];
    return total;
}

class CategoricalCumulative final : public Cumulative {
 public:
    CategoricalCumulative(const Quantizer& quantizer, const Kernels& kernels)
        : quantizer_(quantizer),
          kernels_(kernels),
          symbols_(quantizer.num_symbols()),
          logits_(symbols_),
          exponentials_(symbols_),
          scaled_(symbols_),
          cumulative_(symbols_ + 1),
          order_(symbols_) {}

    void read(const float* params, const Location&) override {
        maximum_ = finite_maximum(kernels_, params, symbols_);
        sum_ = kernels_.exponentials(params, maximum_, 1.0f, symbols_, exponentials_.data());
        std::copy(params, params + padded(symbols_), logits_.data());
    }

    double log2_prob(std::size_t symbol) const override {
        const double e = exponentials_.data()[symbol];
        return log2_prob_of_code(e / static_cast<double>(sum_), quantizer_.codes(symbol));
    }

    void apply_sampling(const Sampling& sampling) override {
        const float* logits = logits_.data();
        const float* e = exponentials_.data();
        float sum = sum_;
        if (sampling.temperature != 1.0f || sampling.top_p < 1.0) {
            sum = kernels_.exponentials(logits, maximum_, sampling.temperature, symbols_, scaled_.data());
            if (sampling.top_p < 1.0) sum = keep_nucleus(sampling.top_p);
            e = scaled_.data();
        }
        const std::size_t first = static_cast<std::size_t>(std::find(logits, logits + symbols_, maximum_) - logits);
        accumulate_counts(e, sum, quantizer_, first, sampling.exact, cumulative_.data());
    }

    std::uint32_t at(std::size_t k) const override { return cumulative_[k]; }

    std::size_t find(std::uint32_t u) const override {
        const auto first = cumulative_.begin() + 1;
        return static_cast<std::size_t>(std::upper_bound(first, cumulative_.end() - 1, u) - first);
    }

 private:
    // Keeps the smallest set of largest exponentials whose sum reaches top_p of the total, zeroes the others and
    // returns the sum. Ties are broken by the larger logit, then by the lower index. This order is total, so the
    // result does not depend on the heap, and the first maximum is always kept.
    float keep_nucleus(double top_p) {
        float* e = scaled_.data();
        double all = 0.0, reached = 0.0;
        for (std::size_t k = 0; k < symbols_; ++k) {
            all += static_cast<double>(e[k]);
            order_[k] = static_cast<std::uint32_t>(k);
        }
        const float* x = logits_.data();
        const auto comes_later = [e, x](std::uint32_t a, std::uint32_t b) {
            if (e[a] != e[b]) return e[a] < e[b];
            if (x[a] != x[b]) return x[a] < x[b];
            return a > b;
        };
        std::make_heap(order_.begin(), order_.end(), comes_later);
        auto rest = order_.end();
        do {
            std::pop_heap(order_.begin(), rest, comes_later);
            reached += static_cast<double>(e[*--rest]);
        } while (rest != order_.begin() && reached < top_p * all);
        for (auto cut = order_.begin(); cut != rest; ++cut) e[*cut] = 0.0f;
        return sum_of(e, symbols_);
    }

    const Quantizer& quantizer_;
    const Kernels& kernels_;
    std::size_t symbols_;
    Floats logits_, exponentials_, scaled_;
    std::vector<std::uint32_t> cumulative_, order_;
    float maximum_ = 0.0f, sum_ = 1.0f;
};

}  // namespace

Categorical::Categorical(const Quantizer& quantizer) : Distribution(quantizer, quantizer.num_symbols()) {}

std::unique_ptr<Cumulative> Categorical::cumulative(const Kernels& kernels) const {
    return std::make_unique<CategoricalCumulative>(quantizer(), kernels);
}

}  // namespace wavegen
