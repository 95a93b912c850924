// Kernels for any CPU, in plain C++. Without hardware support, fused multiply-adds are emulated exactly.
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "cpu/kernels.h"

static_assert(FLT_EVAL_METHOD == 0, "float32 arithmetic must not be done in a wider type");

namespace wavegen::portable {
namespace {

using Vector = float;
constexpr std::size_t kWidth = 1;
constexpr std::size_t kAccumulators = 32;
constexpr std::size_t kTileRows = 1;

inline Vector load(const float* p) { return *p; }
inline void store(float* p, Vector x) { *p = x; }
inline Vector broadcast(float x) { return x; }
inline Vector add(Vector a, Vector b) { return a + b; }
inline Vector subtract(Vector a, Vector b) { return a - b; }
inline Vector multiply(Vector a, Vector b) { return a * b; }
inline Vector divide(Vector a, Vector b) { return a / b; }
inline Vector larger(Vector a, Vector b) { return a > b ? a : b; }
inline Vector smaller(Vector a, Vector b) { return a < b ? a : b; }

#ifdef __FP_FAST_FMAF

inline Vector multiply_add(Vector a, Vector b, Vector c) { return __builtin_fmaf(a, b, c); }

#else

// The product of two float32 is exact in float64. Its sum with c is rounded twice, to float64 and to float32, which
// goes wrong only if the first rounding lands on a tie of the second. In that case the first rounds to odd: Boldo &
// Melquiond (2008), "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd".
float rounded_to_odd(double product, double c) {
    const double sum = product + c;
    const double addend = sum - product;
    const double error = (product - (sum - addend)) + (c - addend);  // the exact rounding error of `sum`
    std::uint64_t bits;
    std::memcpy(&bits, &sum, sizeof bits);
    if ((bits & 1) == 0 && error != 0.0) bits += (error > 0.0) == (sum > 0.0) ? 1 : -1;
    double odd;
    std::memcpy(&odd, &bits, sizeof odd);
    return static_cast<float>(odd);
}

inline Vector multiply_add(Vector a, Vector b, Vector c) {
    const double product = static_cast<double>(a) * static_cast<double>(b);
    const double sum = product + static_cast<double>(c);
    std::uint64_t bits;
    std::memcpy(&bits, &sum, sizeof bits);
    const bool tie = (bits & 0x1FFFFFFF) == 0x10000000;  // of the 29 bits below a normal float32's last
    const bool subnormal = (bits << 1) - 1 < (std::uint64_t{897} << 53) - 1;  // 0 < |sum| < 2^-126: more bits are cut
    if (__builtin_expect(tie || subnormal, 0)) return rounded_to_odd(product, static_cast<double>(c));
    return static_cast<float>(sum);
}

#endif

inline Vector power_of_two(Vector t) {
    std::uint32_t bits;
    std::memcpy(&bits, &t, sizeof bits);
    bits = (bits << 23) + 0x3F800000;
    std::memcpy(&t, &bits, sizeof bits);
    return t;
}

inline Vector of_bits(std::uint32_t bits) {
    Vector x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}
inline Vector lower(const std::uint32_t* word) { return of_bits(*word << 16); }
inline Vector upper(const std::uint32_t* word) { return of_bits(*word & 0xFFFF0000u); }
inline void store_bytes(std::int8_t* p, Vector t) {
    std::uint32_t bits;
    std::memcpy(&bits, &t, sizeof bits);
    *p = static_cast<std::int8_t>(static_cast<std::uint8_t>(bits));
}

inline std::uint32_t largest_bits(const float* row, std::size_t count) {
    std::uint32_t largest = 0;
    for (std::size_t i = 0; i < count; ++i) {
        std::uint32_t bits;
        std::memcpy(&bits, row + i, sizeof bits);
        bits &= 0x7FFFFFFFu;
        largest = bits > largest ? bits : largest;
    }
    return largest;
}

using Integers = std::int32_t;
constexpr std::size_t kIntegers = 16, kIntegerRows = 1;
inline Integers zero() { return 0; }
struct Quad {
    std::int8_t x[4];
};
inline Quad quad(const std::int8_t* p) { return {{p[0], p[1], p[2], p[3]}}; }
inline Quad load_quads(const std::int8_t* p) { return quad(p); }
inline Integers dot(Integers sum, const Quad& w, const Quad& x) {
    for (int i = 0; i < 4; ++i) sum += w.x[i] * x.x[i];
    return sum;
}
inline Vector floats(Integers sum, const std::int32_t*) { return static_cast<float>(sum); }

#include "cpu/kernels.inl"

}  // namespace

const Kernels kernels = listed("portable");

}  // namespace wavegen::portable
