// Sums of products in the order of the numeric contract: one chain of fused multiply-adds for each output.
#pragma once

#include "device.cuh"

namespace wavegen::cuda {

struct Bfloat16 {
    std::uint16_t half;
};

// The weights of two neighbouring outputs.
template <class Weight>
struct Pair;

template <>
struct alignas(8) Pair<float> {
    float even_, odd_;
    __device__ float even() const { return even_; }
    __device__ float odd() const { return odd_; }
};

template <>
struct alignas(4) Pair<Bfloat16> {
    std::uint32_t word;
    __device__ float even() const { return of_bits(word << 16); }
    __device__ float odd() const { return of_bits(word & 0xFFFF0000u); }
};

__device__ inline float weight_of(float weight) { return weight; }
__device__ inline float weight_of(Bfloat16 weight) { return of_bits(std::uint32_t{weight.half} << 16); }

struct alignas(16) Columns {
    float of[kColumns];
};

// Of two outputs, for kColumns streams.
struct Sums {
    Columns even, odd;
};

__device__ inline Columns all(float x) { return {{x, x, x, x}}; }

// Adds the products of `inputs` rows, each of them `stride` streams wide, with the weights of two outputs.
template <class Weight>
__device__ void add_products(const Pair<Weight>* weight, std::size_t pairs, const float* rows, std::uint32_t stride,
                             std::uint32_t inputs, Sums& sums) {
#pragma unroll 8
    for (std::uint32_t i = 0; i < inputs; ++i) {
        const Pair<Weight> pair = weight[i * pairs];
        const Columns row = *reinterpret_cast<const Columns*>(rows + i * stride);
        for (std::uint32_t c = 0; c < kColumns; ++c) {
            sums.even.of[c] = fmaf(pair.even(), row.of[c], sums.even.of[c]);
            sums.odd.of[c] = fmaf(pair.odd(), row.of[c], sums.odd.of[c]);
        }
    }
}

// The chain of one output over `inputs` inputs of one stream; `outputs` are the weights of one input.
template <class Weight>
__device__ float chain(const Weight* weight, std::uint32_t outputs, const float* row, std::uint32_t inputs, float sum) {
#pragma unroll 16
    for (std::uint32_t i = 0; i < inputs; ++i) sum = fmaf(weight_of(weight[i * outputs]), row[i], sum);
    return sum;
}

}  // namespace wavegen::cuda
