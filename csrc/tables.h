// From exponentials to integers that sampling (and coding) looks words up in, and to the reported log-probability.
// Plain float32, float64 and integer operations in a fixed order: the same bits on every machine.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace wavegen {

constexpr std::uint32_t kTotal = std::uint32_t{1} << 30;  // C(num_symbols)
constexpr std::uint32_t kPcmCodes = 65536;                // one count each is the uniform share, 2^-14 of the total
constexpr std::uint32_t kModelShare = kTotal - kPcmCodes;
constexpr std::size_t kMostSymbols = 4096;

// C(k) for k = 0 … num_symbols from exponentials e_k = exp(x_k - max x) with their float32 sum.
//
//     freq_k = trunc(e_k * r) + codes_k,   r = kModelShare / sum,   and what is left goes to `first_maximum`
//
// C is strictly increasing and C(num_symbols) = 2^30. Each symbol has codes_k >= 1 counts of its own, and the codes sum
// to 65536, so only the remainder could spoil it, if it were negative and larger than the maximum's own count. Each
// partial sum has at most 4096 / 16 terms and there are 16 of them, so `sum` is off by less than 272 * 2^-24 of itself;
// the division and each product add 2^-24 at most. Hence the truncated counts exceed kModelShare by less than
// 275 * 2^-24 * 2^30 = 17600. The maximum has e = 1 exactly and sum <= 4096 * (1 + 2^-15), so its own count is
// above 262000 and stays positive.
inline void cumulative(const float* e, float sum, const std::int32_t* codes, std::size_t num_symbols,
                       std::size_t first_maximum, std::uint32_t* c) {
    const float r = static_cast<float>(kModelShare) / sum;
    std::int64_t remainder = kModelShare;
    for (std::size_t k = 0; k < num_symbols; ++k) {
        const std::int32_t n = static_cast<std::int32_t>(e[k] * r);
        remainder -= n;
        c[k + 1] = static_cast<std::uint32_t>(n + codes[k]);
    }
    c[first_maximum + 1] = static_cast<std::uint32_t>(c[first_maximum + 1] + remainder);
    c[0] = 0;
    for (std::size_t k = 0; k < num_symbols; ++k) c[k + 1] += c[k];
}

// The symbol k with C(k) <= place < C(k + 1), for place < 2^30.
inline std::size_t find_symbol(const std::uint32_t* c, std::size_t num_symbols, std::uint32_t place) {
    return static_cast<std::size_t>(std::upper_bound(c + 1, c + num_symbols, place) - (c + 1));
}

// log2 of a positive normal number, within 1e-15 (absolute plus relative): x = 2^n m with m in [1/√2, √2),
// log2 m = 2 / ln 2 * atanh(f) with f = (m - 1) / (m + 1), by its series up to f^23.
inline double log2_fixed(double x) {
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

// log2 p of each of a symbol's PCM codes: the model's share mixed with the uniform's, spread over the codes.
inline double log2_prob_of_code(float e, float sum, std::int32_t codes) {
    constexpr double kUniform = 1.0 / 16384.0;
    const double model = (1.0 - kUniform) * (static_cast<double>(e) / static_cast<double>(sum));
    const double uniform = kUniform * static_cast<double>(codes) / kPcmCodes;
    return log2_fixed((model + uniform) / static_cast<double>(codes));
}

}  // namespace wavegen
