// Where a block keeps its numbers: in bytes from the start of its shared memory.
#pragma once

#include "../both.h"
#include "model.h"

namespace wavegen::cuda {

WAVEGEN_BOTH constexpr std::size_t aligned(std::size_t bytes) { return (bytes + 15) / 16 * 16; }

struct ThroughputPlaces {
    std::size_t scratch, heard, x, z, skip, hidden, params, bytes;  // the locations come first

    static WAVEGEN_BOTH ThroughputPlaces of(const DeviceModel& model, std::size_t streams, std::size_t warps) {
        ThroughputPlaces p{};
        const std::size_t row = streams * sizeof(float);
        p.scratch = aligned(streams * sizeof(double));
        p.heard = p.scratch + warps * model.scratch;
        p.x = p.heard + aligned(model.inputs.channels * row);
        p.z = p.x + aligned(model.front.outputs * row);
        p.skip = p.z + aligned(model.half * row);
        p.hidden = p.skip + aligned(model.head.outputs * row);
        p.params = p.hidden + aligned(model.head.outputs * row);
        p.bytes = p.params + aligned(model.output.outputs * row);
        return p;
    }
};

}  // namespace wavegen::cuda
