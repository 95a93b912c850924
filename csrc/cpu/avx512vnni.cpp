// The int8 product for x86 CPUs with AVX-512 and its int8 dot products (VNNI); their other kernels are avx512.cpp's.
#include <immintrin.h>

#include <cstring>
#include <type_traits>
#include <utility>

#include "cpu/kernels.h"

namespace wavegen::avx512vnni {
namespace {

#include "cpu/avx512.inl"

// vpdpbusd takes unsigned bytes on one side: x + 128.
using Quad = __m512i;
inline Quad quad(const std::int8_t* p) {
    std::int32_t word;
    std::memcpy(&word, p, sizeof word);
    return _mm512_set1_epi32(static_cast<std::int32_t>(static_cast<std::uint32_t>(word) ^ 0x80808080u));
}
inline __m512i load_quads(const std::int8_t* p) { return _mm512_loadu_si512(p); }
inline Integers dot(Integers sum, __m512i w, Quad x) { return _mm512_dpbusd_epi32(sum, x, w); }
inline Vector floats(Integers sum, const std::int32_t* offset) {
    return _mm512_cvtepi32_ps(_mm512_sub_epi32(sum, _mm512_loadu_si512(offset)));
}

#include "cpu/loops.inl"
#include "cpu/products_int8.inl"

}  // namespace

const Int8Product int8_product = product_int8;

}  // namespace wavegen::avx512vnni
