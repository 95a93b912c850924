// Kernels for x86 CPUs with AVX-512 (F and BW).
#include <immintrin.h>

#include <cstring>
#include <type_traits>
#include <utility>

#include "cpu/kernels.h"

namespace wavegen::avx512 {
namespace {

#include "cpu/avx512.inl"

// Four int8 inputs as int16: inputs 0 and 2 in the lower and upper half of a word of `even`, 1 and 3 in `odd`.
struct Quads {
    __m512i even, odd;
};
using Quad = Quads;
inline Quad quad(const std::int8_t* p) {
    std::int32_t word;
    std::memcpy(&word, p, sizeof word);
    const __m512i bytes = _mm512_set1_epi32(word);
    return {_mm512_srai_epi16(_mm512_slli_epi16(bytes, 8), 8), _mm512_srai_epi16(bytes, 8)};
}
inline Quads load_quads(const std::int8_t* p) {
    const __m512i bytes = _mm512_loadu_si512(p);
    return {_mm512_srai_epi16(_mm512_slli_epi16(bytes, 8), 8), _mm512_srai_epi16(bytes, 8)};
}
inline Integers dot(Integers sum, const Quads& w, const Quad& x) {
    sum = _mm512_add_epi32(sum, _mm512_madd_epi16(w.even, x.even));
    return _mm512_add_epi32(sum, _mm512_madd_epi16(w.odd, x.odd));
}
inline Vector floats(Integers sum, const std::int32_t*) { return _mm512_cvtepi32_ps(sum); }

#include "cpu/kernels.inl"

}  // namespace

const Kernels kernels = listed("avx512");

}  // namespace wavegen::avx512
