// From a network's outputs to the distribution of the next symbol. A Distribution is immutable and shared by all
// streams of a model. A Cumulative is per thread and holds the distribution of one sample at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <utility>

#include "cpu/kernels.h"
#include "distributions/location.h"
#include "distributions/tables.h"

namespace wavegen {

// Temperature 1 and top_p 1 leave the model's distribution unchanged. Scoring and coding use its mixture with the
// uniform distribution; `exact` draws do too, other draws use the model alone.
struct Sampling {
    float temperature;
    double top_p;
    bool exact;
};

class Cumulative {
 public:
    virtual ~Cumulative() = default;

    // Reads one sample's parameters, padded with the lowest float, and the predicted location, of which only mixtures
    // make use.
    // Throws std::runtime_error if they are not finite.
    virtual void read(const float* params, const Location& location) = 0;

    // log2 p of each of the symbol's PCM codes, at temperature 1.
    virtual double log2_prob(std::size_t symbol) const = 0;

    // Applies temperature and top_p and prepares C, which at() and find() use.
    virtual void apply_sampling(const Sampling& sampling) = 0;

    // C(k) for k <= num_symbols, C(0) = 0. With `exact` it is strictly increasing and C(num_symbols) = 2^30.
    // Without, it is non-decreasing and C(num_symbols) = kModelShare.
    virtual std::uint32_t at(std::size_t k) const = 0;

    // The symbol k with C(k) <= u < C(k + 1), for u < C(num_symbols). Its interval is never empty.
    virtual std::size_t find(std::uint32_t u) const = 0;

 protected:
    // The maximum of the parameters. Throws if any of them is not finite.
    static float finite_maximum(const Kernels& kernels, const float* params, std::size_t num_params) {
        const float maximum = kernels.maximum(params, padded(num_params));
        if (maximum != maximum) throw std::runtime_error("the network's outputs are not finite");
        return maximum;
    }
};

class Distribution {
 public:
    Distribution(Quantizer quantizer, std::size_t num_params)
        : quantizer_(std::move(quantizer)), num_params_(num_params) {}
    virtual ~Distribution() = default;
    virtual std::unique_ptr<Cumulative> cumulative(
        const Kernels& kernels) const = 0;              // must not outlive the distribution
    virtual bool takes_top_p() const { return false; }  // if false, top_p must be 1
    const Quantizer& quantizer() const { return quantizer_; }
    std::size_t num_params() const { return num_params_; }

 private:
    Quantizer quantizer_;
    std::size_t num_params_;
};

}  // namespace wavegen
