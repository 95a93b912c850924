#include "networks/conditioner.h"

#include <algorithm>

#include "cpu/rounding.h"

namespace wavegen {

Conditioner::Conditioner(const ConditionerArrays& a, const Kernels& kernels)
    : kernels_(kernels),
      speakers_(a.speakers),
      frames_(packed(a.frames_weight, a.bias, a.channels, a.window)),
      output_(packed(a.output_weight, a.output_bias, a.channels, a.channels)),
      projections_(a.channels, a.shape.floats()),
      table_(a.speakers * padded(a.channels)) {
    for (std::size_t s = 0; s < a.speakers; ++s)
        fill_row(table_.data() + s * frames_.outputs(), a.speakers_weight + s * a.channels, a.channels,
                 frames_.outputs());
    const float* rows = a.projections;
    for (std::size_t part = 0; part < a.shape.layers * a.shape.parts; ++part, rows += a.shape.width * a.channels)
        projections_.fill(part * padded(a.shape.width), a.shape.width, rows, a.channels, nullptr);
}

void Conditioner::encode(const float* windows, const std::uint32_t* speakers, std::size_t count, float* vectors) const {
    const StandardRounding rounding;
    const std::size_t width = frames_.outputs();
    Floats hidden(kMaxRows * width), encoded(kMaxRows * width);
    for (std::size_t first = 0; first < count; first += kMaxRows) {
        const std::size_t rows = std::min(kMaxRows, count - first);
        if (window() == 0)
            frames_.begin(rows, hidden.data(), width);
        else
            frames_.apply(kernels_, windows + first * window(), window(), rows, hidden.data(), width);
        for (std::size_t r = 0; r < rows && speakers_ != 0; ++r)
            for (std::size_t i = 0; i < width; ++i)
                hidden.data()[r * width + i] += table_.data()[speakers[first + r] * width + i];
        relu(hidden.data(), width, rows, width);
        output_.apply(kernels_, hidden.data(), width, rows, encoded.data(), width);
        projections_.apply(kernels_, encoded.data(), width, rows, vectors + first * floats(), floats());
    }
}

}  // namespace wavegen
