// Cache-line-aligned arrays for the kernels.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "cpu/kernels.h"

namespace wavegen {

// An array in whole cache lines, aligned to one, initialised to zero.
template <class Number>
class Lines {
 public:
    explicit Lines(std::size_t count = 0) : lines_((count + kInLine - 1) / kInLine) {}
    Number* data() { return reinterpret_cast<Number*>(lines_.data()); }
    const Number* data() const { return reinterpret_cast<const Number*>(lines_.data()); }

 private:
    static constexpr std::size_t kInLine = 64 / sizeof(Number);
    struct alignas(64) Line {
        Number numbers[kInLine] = {};
    };
    std::vector<Line> lines_;
};

using Floats = Lines<float>;

// Copies `count` floats and pads them with zeros to `width`.
inline void fill_row(float* row, const float* floats, std::size_t count, std::size_t width) {
    std::fill(std::copy_n(floats, count, row), row + width, 0.0f);
}

static_assert(64 / sizeof(float) == kLanes, "a line is a row's unit");

}  // namespace wavegen
