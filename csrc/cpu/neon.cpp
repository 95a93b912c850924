// Kernels for 64-bit ARM CPUs.
#include <arm_neon.h>

#include <cstring>
#include <type_traits>
#include <utility>

#include "cpu/kernels.h"

namespace wavegen::neon {
namespace {

using Vector = float32x4_t;
constexpr std::size_t kWidth = 4;
constexpr std::size_t kAccumulators = 24;
constexpr std::size_t kTileRows = 6;

inline Vector load(const float* p) { return vld1q_f32(p); }
inline void store(float* p, Vector x) { vst1q_f32(p, x); }
inline Vector broadcast(float x) { return vdupq_n_f32(x); }
inline Vector add(Vector a, Vector b) { return vaddq_f32(a, b); }
inline Vector subtract(Vector a, Vector b) { return vsubq_f32(a, b); }
inline Vector multiply(Vector a, Vector b) { return vmulq_f32(a, b); }
inline Vector divide(Vector a, Vector b) { return vdivq_f32(a, b); }
inline Vector larger(Vector a, Vector b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
inline Vector smaller(Vector a, Vector b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
inline Vector multiply_add(Vector a, Vector b, Vector c) { return vfmaq_f32(c, a, b); }
inline Vector power_of_two(Vector t) {
    const uint32x4_t shifted = vshlq_n_u32(vreinterpretq_u32_f32(t), 23);
    return vreinterpretq_f32_u32(vaddq_u32(shifted, vdupq_n_u32(0x3F800000)));
}
inline Vector lower(const std::uint32_t* words) { return vreinterpretq_f32_u32(vshlq_n_u32(vld1q_u32(words), 16)); }
inline Vector upper(const std::uint32_t* words) {
    return vreinterpretq_f32_u32(vandq_u32(vld1q_u32(words), vdupq_n_u32(0xFFFF0000)));
}
inline void store_bytes(std::int8_t* p, Vector t) {
    const int16x4_t twos = vmovn_s32(vreinterpretq_s32_f32(t));
    const std::int32_t ones = vget_lane_s32(vreinterpret_s32_s8(vmovn_s16(vcombine_s16(twos, twos))), 0);
    std::memcpy(p, &ones, sizeof ones);
}

inline std::uint32_t largest_bits(const float* row, std::size_t count) {
    int32x4_t largest = vdupq_n_s32(0);
    for (std::size_t i = 0; i < count; i += kWidth)
        largest = vmaxq_s32(largest, vreinterpretq_s32_f32(vabsq_f32(vld1q_f32(row + i))));
    return static_cast<std::uint32_t>(vmaxvq_s32(largest));
}

using Integers = int32x4_t;
using Quad = int8x8_t;  // the quad, twice
constexpr std::size_t kIntegers = 18, kIntegerRows = 6;
inline Integers zero() { return vdupq_n_s32(0); }
inline Quad quad(const std::int8_t* p) {
    std::int32_t word;
    std::memcpy(&word, p, sizeof word);
    return vreinterpret_s8_s32(vdup_n_s32(word));
}
inline int8x16_t load_quads(const std::int8_t* p) { return vld1q_s8(p); }
inline Integers dot(Integers sum, int8x16_t w, Quad x) {  // a product fits 16 bits, as |w|, |x| <= 127
    const int32x4_t first = vpaddlq_s16(vmull_s8(vget_low_s8(w), x));
    const int32x4_t second = vpaddlq_s16(vmull_s8(vget_high_s8(w), x));
    return vaddq_s32(sum, vpaddq_s32(first, second));
}
inline Vector floats(Integers sum, const std::int32_t*) { return vcvtq_f32_s32(sum); }

#include "cpu/kernels.inl"

}  // namespace

const Kernels kernels = listed("neon");

}  // namespace wavegen::neon
