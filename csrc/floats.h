// Rows of float32 for the kernels.
#pragma once

#include <cstddef>
#include <vector>

#include "cpu/kernels.h"

namespace wavegen {

// Zeros at first, aligned to a cache line, in whole rows of kLanes.
class Floats {
 public:
    explicit Floats(std::size_t count = 0) : lines_(padded(count) / kLanes) {}
    float* data() { return lines_.empty() ? nullptr : lines_.front().lanes; }
    const float* data() const { return lines_.empty() ? nullptr : lines_.front().lanes; }

 private:
    struct alignas(64) Line {
        float lanes[kLanes] = {};
    };
    std::vector<Line> lines_;
};

}  // namespace wavegen
