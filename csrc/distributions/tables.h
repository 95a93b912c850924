// Shared by all distributions: the quantizer, integer totals for sampling and coding, and log-probabilities. Plain
// float64 and integer operations in a fixed order give the same bits on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "common/host_device.h"

namespace wavegen {

constexpr std::uint32_t kTotal = std::uint32_t{1} << 30;  // C(num_symbols)
constexpr std::uint32_t kPcmCodes = 65536;                // one count each is the uniform share, 2^-14 of the total
constexpr std::uint32_t kModelShare = kTotal - kPcmCodes;

// u, a uniform random integer below C(num_symbols): the high 30 bits of the word or, without the uniform share,
// these scaled down to floor(u * kModelShare / kTotal). Each of these values is hit by one or two of the 2^30.
WAVEGEN_HOST_DEVICE inline std::uint32_t u_of(std::uint32_t word, bool exact) {
    const std::uint32_t u = word >> 2;
    return exact ? u : static_cast<std::uint32_t>(std::uint64_t{u} * kModelShare >> 30);
}

// A codec's quantizer: symbol k stands for a cell of codes(k) >= 1 neighbouring PCM codes, in ascending order, 65536
// in all.
class Quantizer {
 public:
    explicit Quantizer(std::vector<std::int32_t> codes) : codes_(std::move(codes)), below_(codes_.size() + 1, 0) {
        for (std::size_t k = 0; k < codes_.size(); ++k)
            below_[k + 1] = below_[k] + static_cast<std::uint32_t>(codes_[k]);
    }
    std::size_t num_symbols() const { return codes_.size(); }
    std::int32_t codes(std::size_t k) const { return codes_[k]; }
    const std::int32_t* codes() const { return codes_.data(); }
    std::uint32_t below(std::size_t k) const { return below_[k]; }  // codes of the symbols before k, k <= num_symbols()
    double edge(std::size_t k) const { return below_[k] - 32768.5; }  // between the cells of k - 1 and k, in PCM codes

 private:
    std::vector<std::int32_t> codes_;
    std::vector<std::uint32_t> below_;
};

// log2 of a positive normal number, within 1e-15 (absolute plus relative): x = 2^n m with m in [1/√2, √2), log2 m =
// 2 / ln 2 * atanh(f) with f = (m - 1) / (m + 1), by its series up to f^23.
WAVEGEN_HOST_DEVICE inline double log2_fixed(double x) {
    std::uint64_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    std::int64_t exponent = static_cast<std::int64_t>(bits >> 52) - 1023;
    bits = (bits & 0x000FFFFFFFFFFFFF) | 0x3FF0000000000000;
    double m;
    std::memcpy(&m, &bits, sizeof m);
    if (m >= 1.4142135623730951) {
        m *= 0.5;
        exponent += 1;
    }
    const double f = (m - 1.0) / (m + 1.0);
    const double square = f * f;
    double series = 1.0 / 23.0;
    for (int power = 21; power >= 1; power -= 2) series = series * square + 1.0 / power;
    return static_cast<double>(exponent) + 2.8853900817779268 * (f * series);
}

// e^x with relative error 1e-15 for |x| <= 700: x = n ln 2 + r with |r| <= ln 2 / 2, and the Taylor series up to
// r^13.
WAVEGEN_HOST_DEVICE inline double exp_fixed(double x) {
    constexpr double kRounding = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to an integer in the low bits
    const double shifted = x * 1.4426950408889634 + kRounding;
    const double n = shifted - kRounding;
    const double r = (x - n * 6.93147180369123816e-1) - n * 1.90821492927058770e-10;  // ln 2, the first part exact
    double series = 1.0;
    for (int power = 13; power >= 1; --power) series = series * (r * (1.0 / power)) + 1.0;
    std::uint64_t bits;
    std::memcpy(&bits, &shifted, sizeof bits);
    bits = (bits << 52) + (std::uint64_t{1023} << 52);
    double power_of_two;
    std::memcpy(&power_of_two, &bits, sizeof power_of_two);
    return series * power_of_two;
}

// log2 p of each of a symbol's PCM codes: the model mixed with the uniform share, divided evenly among the codes.
WAVEGEN_HOST_DEVICE inline double log2_prob_of_code(double probability, std::int32_t codes) {
    constexpr double kUniform = 1.0 / 16384.0;
    const double model = (1.0 - kUniform) * probability;
    const double uniform = kUniform * static_cast<double>(codes) / kPcmCodes;
    return log2_fixed((model + uniform) / static_cast<double>(codes));
}

}  // namespace wavegen
