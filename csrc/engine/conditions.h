// What the streams of a call are conditioned on.
#pragma once

#include <cstddef>
#include <cstdint>

namespace wavegen {

// Vectors of `width` floats and where each stream uses them: a frame is `hop` samples, and the first sample of a call
// is sample phases[s] < hop of the stream's first frame. Streams may share vectors.
struct Conditions {
    const float* vectors;
    const std::uint32_t* rows;    // (streams, frames), the vector of each frame
    const std::uint32_t* phases;  // (streams,)
    std::size_t width, frames, hop;

    // The vector of sample `t` of the call.
    const float* at(std::size_t stream, std::size_t t) const {
        return vectors + rows[stream * frames + (phases[stream] + t) / hop] * width;
    }
};

}  // namespace wavegen
