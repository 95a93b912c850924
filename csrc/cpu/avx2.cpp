// Kernels for x86 CPUs with AVX2 and FMA.
#include <immintrin.h>

#include "kernels.h"

namespace wavegen::avx2 {
namespace {

using Vector = __m256;
constexpr std::size_t kWidth = 8;
constexpr std::size_t kAccumulators = 12;
constexpr std::size_t kMostRows = 6;

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

#include "kernels.inl"

}  // namespace

const Kernels kernels = {"avx2", product, gate, gru, lstm, maximum, exponentials, multiply_add_all};

}  // namespace wavegen::avx2
