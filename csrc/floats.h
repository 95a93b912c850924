// Rows of numbers for the kernels.
#pragma once

#include <cstddef>
#include <vector>

#include "cpu/kernels.h"

namespace wavegen {

// Zeros at first, aligned to a cache line, in whole lines.
template <class Number>
class Lines {
 public:
    explicit Lines(std::size_t count = 0) : lines_((count + kInLine - 1) / kInLine) {}
    Number* data() { return lines_.empty() ? nullptr : lines_.front().numbers; }
    const Number* data() const { return lines_.empty() ? nullptr : lines_.front().numbers; }

 private:
    static constexpr std::size_t kInLine = 64 / sizeof(Number);
    struct alignas(64) Line {
        Number numbers[kInLine] = {};
    };
    std::vector<Line> lines_;
};

using Floats = Lines<float>;
static_assert(64 / sizeof(float) == kLanes, "a line is a row's unit");

}  // namespace wavegen
