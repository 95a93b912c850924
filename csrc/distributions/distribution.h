// From a network's outputs to the distribution of the next symbol. A Head is what a model's streams share; a Law, one
// for each thread, holds one sample's distribution at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <utility>

#include "cpu/kernels.h"
#include "distributions/tables.h"

namespace wavegen {

// How to draw: temperature 1 and top_p 1 leave the model's distribution as it is. What is scored and coded is mixed
// with the uniform share, and `exact` draws are from that; others are from the model alone.
struct Sampling {
    float temperature;
    double top_p;
    bool exact;
};

class Law {
 public:
    virtual ~Law() = default;

    // Takes a distribution's parameters, padded with the lowest float, and where a predictor sees the next sample.
    // Throws std::runtime_error if they are not finite.
    virtual void read(const float* params, double location) = 0;

    // log2 p of each of the symbol's PCM codes, at temperature 1.
    virtual double log2_prob(std::size_t symbol) const = 0;

    // Makes C for what was read; the two below are about that.
    virtual void temper(const Sampling& sampling) = 0;

    // C(k) for k <= num_symbols, C(0) = 0. Exact: strictly increasing, C(num_symbols) = 2^30. Without the uniform share
    // it does not fall, and C(num_symbols) = kModelShare.
    virtual std::uint32_t cumulative(std::size_t k) const = 0;

    // The symbol k with C(k) <= place < C(k + 1), for place < C(num_symbols): never one whose interval is empty.
    virtual std::size_t find(std::uint32_t place) const = 0;

 protected:
    // The largest of the parameters, which are checked with it.
    static float finite_maximum(const Kernels& kernels, const float* params, std::size_t num_params) {
        const float maximum = kernels.maximum(params, padded(num_params));
        if (maximum != maximum) throw std::runtime_error("the network's outputs are not finite");
        return maximum;
    }
};

class Head {
 public:
    Head(Grid grid, std::size_t num_params) : grid_(std::move(grid)), num_params_(num_params) {}
    virtual ~Head() = default;
    virtual std::unique_ptr<Law> law(const Kernels& kernels) const = 0;  // it must not outlive the head
    virtual bool takes_top_p() const { return false; }                   // else top_p must be 1
    const Grid& grid() const { return grid_; }
    std::size_t num_params() const { return num_params_; }

 private:
    Grid grid_;
    std::size_t num_params_;
};

}  // namespace wavegen
