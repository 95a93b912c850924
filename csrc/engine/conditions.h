// What the streams of a call are conditioned on.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/host_device.h"

namespace wavegen {

// `count` vectors of `width` floats and where each stream uses them: a frame is `hop` samples, and the first sample of
// a call is sample phases[s] < hop of the stream's first frame. Streams may share vectors. A model whose predictor has
// a filter for each frame gets one of `filter_width` numbers beside each vector. All is in the memory of those who read
// it.
struct Conditions {
    const float* vectors;
    const std::uint32_t* rows;    // (streams, frames), the vector of each frame
    const std::uint32_t* phases;  // (streams,)
    std::size_t count, width;
    std::uint32_t frames, hop;  // hop <= 2^31
    const double* filters;      // (count, filter_width), or null
    std::size_t filter_width;

    // The vector of sample `t` < 2^31 of the call.
    WAVEGEN_HOST_DEVICE const float* at(std::size_t stream, std::size_t t) const {
        return vectors + row(stream, t) * width;
    }

    // The filter of that sample, null if there are none.
    const double* filter(std::size_t stream, std::size_t t) const {
        return filters == nullptr ? nullptr : filters + row(stream, t) * filter_width;
    }

 private:
    WAVEGEN_HOST_DEVICE std::size_t row(std::size_t stream, std::size_t t) const {
        const std::uint32_t frame = (phases[stream] + static_cast<std::uint32_t>(t)) / hop;
        return rows[stream * frames + frame];
    }
};

}  // namespace wavegen
