// Dot products in the order of the numeric contract: fused multiply-adds in ascending input, for each output.
#pragma once

#include "cuda/device.cuh"

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

// Adds the products of `inputs` rows, each `stride` streams wide, with the weights of two outputs.
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

// Two outputs of one stream.
struct Two {
    float even, odd;
};

__device__ inline Two two_at(const float* row, std::uint32_t pair) { return {row[2 * pair], row[2 * pair + 1]}; }

// The dot products of two neighbouring outputs over `inputs` inputs of one stream. Weights are prefetched into
// registers, in two batches; the constructor issues the first loads, so that they overlap the wait for the inputs.
template <class Weight, std::uint32_t kBatch = 8>
class PairDotProduct {
 public:
    // `weight` points to the pair of the first input; consecutive inputs are `pairs` apart.
    __device__ PairDotProduct(const Pair<Weight>* weight, std::uint32_t pairs, std::uint32_t inputs)
        : weight_(weight), pairs_(pairs), inputs_(inputs) {
        if (inputs >= 2 * kBatch) read(first_);
    }

    // Adds to both sums. `kAligned`: the row is 16-byte aligned.
    template <bool kAligned = true>
    __device__ void run(const float* row, Two& sums) {
        Pair<Weight> second[kBatch];
        float x[kBatch], y[kBatch];
        std::uint32_t rounds = inputs_ / (2 * kBatch);
        if (rounds > 0) {
            load<kAligned>(x, row);
#pragma unroll 1
            for (; rounds > 1; --rounds, row += 2 * kBatch) {
                read(second);
                load<kAligned>(y, row + kBatch);
                add(first_, x, sums);
                read(first_);
                load<kAligned>(x, row + 2 * kBatch);
                add(second, y, sums);
            }
            read(second);
            load<kAligned>(y, row + kBatch);
            add(first_, x, sums);
            add(second, y, sums);
            row += 2 * kBatch;
        }
#pragma unroll 1
        for (std::uint32_t i = 0; i < inputs_ % (2 * kBatch); ++i, at_ += pairs_) {
            const Pair<Weight> pair = weight_[at_];
            sums.even = fmaf(pair.even(), row[i], sums.even);
            sums.odd = fmaf(pair.odd(), row[i], sums.odd);
        }
    }

 private:
    __device__ void read(Pair<Weight> (&batch)[kBatch]) {
        // An opaque use: otherwise the compiler keeps an address per unrolled load in registers.
        asm volatile("" : "+r"(at_), "+r"(pairs_));
        for (std::uint32_t i = 0; i < kBatch; ++i, at_ += pairs_) batch[i] = weight_[at_];
    }
    template <bool kAligned>
    __device__ static void load(float (&batch)[kBatch], const float* row) {
        if constexpr (kAligned) {
            for (std::uint32_t i = 0; i < kBatch; i += kColumns) {
                const Columns four = *reinterpret_cast<const Columns*>(row + i);
                for (std::uint32_t c = 0; c < kColumns; ++c) batch[i + c] = four.of[c];
            }
        } else {
            for (std::uint32_t i = 0; i < kBatch; ++i) batch[i] = row[i];
        }
    }
    __device__ static void add(const Pair<Weight> (&batch)[kBatch], const float (&x)[kBatch], Two& sums) {
        for (std::uint32_t i = 0; i < kBatch; ++i) {
            sums.even = fmaf(batch[i].even(), x[i], sums.even);
            sums.odd = fmaf(batch[i].odd(), x[i], sums.odd);
        }
    }

    const Pair<Weight>* weight_;
    std::uint32_t pairs_, inputs_, at_ = 0;
    Pair<Weight> first_[kBatch];
};

// `threads` threads compute all output pairs of a matrix from one row. `start(pair)` gives the initial sums and
// `finish(pair, sums)` stores the result. Weights and initial sums are loaded before `barrier()`; the row is read
// after it.
template <class Weight, std::uint32_t kBatch = 8, class Start, class Barrier, class Finish>
__device__ inline void multiply(const Pair<Weight>* weight, std::uint32_t pairs, std::uint32_t inputs, const float* row,
                                std::uint32_t thread, std::uint32_t threads, const Start& start, const Barrier& barrier,
                                const Finish& finish) {
    bool waited = false;
#pragma unroll 1
    for (std::uint32_t pair = thread; !waited || pair < pairs; pair += threads) {
        const bool mine = pair < pairs;
        PairDotProduct<Weight, kBatch> product(weight + pair, pairs, mine ? inputs : 0);
        Two sums = mine ? start(pair) : Two{};
        if (!waited) barrier();
        waited = true;
        if (!mine) break;
        product.run(row, sums);
        finish(pair, sums);
    }
}

// A column of weights in a thread's registers: one output, kInputs inputs. In memory a word holds one float32
// weight, or the bfloat16 weights of two consecutive inputs, the earlier one in the lower half.
template <class Weight, std::uint32_t kInputs>
class Column {
 public:
    static constexpr std::uint32_t kPerWord = sizeof(std::uint32_t) / sizeof(Weight);  // inputs per word

    template <std::uint32_t kOutputs>
    __device__ void load(const std::uint32_t* words) {
#pragma unroll
        for (std::uint32_t w = 0; w < kInputs / kPerWord; ++w) words_[w] = words[w * kOutputs];
    }

    // The dot product with a 16-byte aligned row.
    __device__ float run(const float* row, float sum) const {
#pragma unroll
        for (std::uint32_t i = 0; i < kInputs; i += kColumns) {
            const Columns x = *reinterpret_cast<const Columns*>(row + i);
            for (std::uint32_t c = 0; c < kColumns; ++c) sum = fmaf(weight(i + c), x.of[c], sum);
        }
        return sum;
    }

 private:
    __device__ float weight(std::uint32_t input) const {
        const std::uint32_t word = words_[input / kPerWord];
        if constexpr (kPerWord == 1) return of_bits(word);
        return of_bits(input % 2 == 0 ? word << 16 : word & 0xFFFF0000u);
    }

    std::uint32_t words_[kInputs / kPerWord];
};

}  // namespace wavegen::cuda
