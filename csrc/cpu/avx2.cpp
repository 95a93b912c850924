// Kernels for x86 CPUs with AVX2 and FMA.
#include <immintrin.h>

#include <cstring>
#include <type_traits>
#include <utility>

#include "cpu/kernels.h"

namespace wavegen::avx2 {
namespace {

using Vector = __m256;
constexpr std::size_t kWidth = 8;
constexpr std::size_t kAccumulators = 12;
constexpr std::size_t kTileRows = 6;

inline Vector load(const float* p) { return _mm256_loadu_ps(p); }
inline void store(float* p, Vector x) { _mm256_storeu_ps(p, x); }
inline Vector broadcast(float x) { return _mm256_set1_ps(x); }
inline Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
inline Vector subtract(Vector a, Vector b) { return _mm256_sub_ps(a, b); }
inline Vector multiply(Vector a, Vector b) { return _mm256_mul_ps(a, b); }
inline Vector divide(Vector a, Vector b) { return _mm256_div_ps(a, b); }
inline Vector larger(Vector a, Vector b) { return _mm256_max_ps(a, b); }
inline Vector smaller(Vector a, Vector b) { return _mm256_min_ps(a, b); }
inline Vector multiply_add(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
inline Vector power_of_two(Vector t) {
    const __m256i shifted = _mm256_slli_epi32(_mm256_castps_si256(t), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(shifted, _mm256_set1_epi32(0x3F800000)));
}

inline __m256i load_words(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
inline Vector lower(const std::uint32_t* words) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(load_words(words), 16));
}
inline Vector upper(const std::uint32_t* words) {
    const __m256i mask = _mm256_set1_epi32(static_cast<int>(0xFFFF0000));
    return _mm256_castsi256_ps(_mm256_and_si256(load_words(words), mask));
}
inline void store_bytes(std::int8_t* p, Vector t) {
    const __m256i n = _mm256_sub_epi32(_mm256_castps_si256(t), _mm256_set1_epi32(0x4B400000));
    const __m256i twos = _mm256_packs_epi32(n, n), ones = _mm256_packs_epi16(twos, twos);
    const std::int32_t low = _mm256_extract_epi32(ones, 0), high = _mm256_extract_epi32(ones, 4);
    std::memcpy(p, &low, sizeof low);
    std::memcpy(p + 4, &high, sizeof high);
}

inline std::uint32_t largest_bits(const float* row, std::size_t count) {
    __m256i largest = _mm256_setzero_si256();
    for (std::size_t i = 0; i < count; i += kWidth)
        largest = _mm256_max_epi32(largest, _mm256_and_si256(load_words(row + i), _mm256_set1_epi32(0x7FFFFFFF)));
    __m128i half = _mm_max_epi32(_mm256_castsi256_si128(largest), _mm256_extracti128_si256(largest, 1));
    half = _mm_max_epi32(half, _mm_shuffle_epi32(half, 0x4E));
    half = _mm_max_epi32(half, _mm_shuffle_epi32(half, 0xB1));
    return static_cast<std::uint32_t>(_mm_cvtsi128_si32(half));
}

using Integers = __m256i;
constexpr std::size_t kIntegers = 6, kIntegerRows = 2;
inline Integers zero() { return _mm256_setzero_si256(); }

// Four int8 inputs as int16: inputs 0 and 2 in the lower and upper half of a word of `even`, 1 and 3 in `odd`.
struct Quads {
    __m256i even, odd;
};
using Quad = Quads;
inline Quads split(__m256i bytes) {
    return {_mm256_srai_epi16(_mm256_slli_epi16(bytes, 8), 8), _mm256_srai_epi16(bytes, 8)};
}
inline Quad quad(const std::int8_t* p) {
    std::int32_t word;
    std::memcpy(&word, p, sizeof word);
    return split(_mm256_set1_epi32(word));
}
inline Quads load_quads(const std::int8_t* p) { return split(load_words(p)); }
inline Integers dot(Integers sum, const Quads& w, const Quad& x) {
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(w.even, x.even));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(w.odd, x.odd));
}
inline Vector floats(Integers sum, const std::int32_t*) { return _mm256_cvtepi32_ps(sum); }

#include "cpu/kernels.inl"

}  // namespace

const Kernels kernels = listed("avx2");

}  // namespace wavegen::avx2
