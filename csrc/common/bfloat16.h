// Rounding of float32 to bfloat16.
#pragma once

#include <cstdint>
#include <cstring>

namespace wavegen {

// The bits of x rounded to the nearest bfloat16, ties to even. A finite x gives a finite result.
inline std::uint32_t bfloat16_of(float x) {
    std::uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    const std::uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
    return (rounded & 0x7F80) == 0x7F80 ? rounded - 1 : rounded;
}

}  // namespace wavegen
