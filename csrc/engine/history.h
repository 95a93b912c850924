// The histories of networks: the last rows of a signal, for several streams in lock-step.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>

#include "networks/matrix.h"
#include "networks/network.h"

namespace wavegen {

// A ring buffer of the last `span` steps of a signal, with space for `max_steps` more. A slot holds a row of
// padded(width) floats for every stream. Zeros at first.
class RingBuffer {
 public:
    RingBuffer(std::size_t span, std::size_t max_steps, std::size_t streams, std::size_t width)
        : span_(span),
          slots_(span + max_steps),
          slot_(streams * padded(width)),
          width_(padded(width)),
          rows_(slots_ * slot_) {}

    // Appends `steps` steps of rows, `row_stride` floats apart.
    void push(const float* rows, std::size_t row_stride, std::size_t steps) {
        for (std::size_t step = 0; step < steps; ++step) {
            float* slot = rows_.data() + next_ * slot_;
            for (std::size_t at = 0; at < slot_; at += width_, rows += row_stride)
                std::copy(rows, rows + width_, slot + at);
            next_ = next_ + 1 == slots_ ? 0 : next_ + 1;
        }
    }

    // Visits `steps` consecutive slots, starting `age` steps before the next push (age >= steps). Calls
    // with(rows, offset, count) once, or twice where the range wraps: `count` slots, the first of them `offset`
    // steps after the start.
    template <class With>
    void visit(std::size_t age, std::size_t steps, const With& with) const {
        const std::size_t start = (next_ + slots_ - age) % slots_, whole = std::min(steps, slots_ - start);
        with(rows_.data() + start * slot_, std::size_t{0}, whole);
        if (whole < steps) with(rows_.data(), whole, steps - whole);
    }

    std::size_t span() const { return span_; }
    const float* row(std::size_t age, std::size_t stream) const {
        return rows_.data() + (next_ + slots_ - age) % slots_ * slot_ + stream * width_;
    }
    float* row(std::size_t age, std::size_t stream) {
        return const_cast<float*>(std::as_const(*this).row(age, stream));
    }

 private:
    std::size_t span_, slots_, slot_, width_, next_ = 0;
    Floats rows_;
};

// A sliding window over the last `kernel` input rows of each stream, zeros at first. The rows of a stream are
// contiguous: the receptive field of a step is one row of kernel * channels floats, and the next step's begins
// `channels` later.
class Window {
 public:
    Window(std::size_t kernel, std::size_t channels, std::size_t streams)
        : kernel_(kernel),
          channels_(channels),
          streams_(streams),
          slots_(2 * kernel + kMaxRows),
          next_(kernel - 1),
          line_(padded(slots_ * channels)),
          lines_(streams * line_) {}

    // Appends `steps` steps of all streams, ordered by time, then by stream. Each row of sums is the bias of
    // `matrix` plus its product with the receptive field of that step.
    void apply(const Kernels& kernels, const Matrix& matrix, const float* inputs, std::size_t steps, float* sums,
               std::size_t sum_stride) {
        if (next_ + steps > slots_) rewind();
        float* seen = lines_.data() + (next_ - (kernel_ - 1)) * channels_;
        for (std::size_t step = 0; step < steps; ++step, ++next_)
            for (std::size_t s = 0; s < streams_; ++s, inputs += channels_)
                std::copy(inputs, inputs + channels_, lines_.data() + s * line_ + next_ * channels_);
        if (steps == 1) return matrix.apply(kernels, seen, line_, streams_, sums, sum_stride);
        for (std::size_t s = 0; s < streams_; ++s)
            matrix.apply(kernels, seen + s * line_, channels_, steps, sums + s * sum_stride, streams_ * sum_stride);
    }

    // The part of the next step's receptive field that is known already, oldest first.
    std::size_t floats() const { return (kernel_ - 1) * channels_; }
    const float* history(std::size_t stream) const {
        return lines_.data() + stream * line_ + (next_ - (kernel_ - 1)) * channels_;
    }
    float* history(std::size_t stream) { return const_cast<float*>(std::as_const(*this).history(stream)); }

 private:
    void rewind() {
        for (std::size_t s = 0; s < streams_; ++s) std::copy_n(history(s), floats(), lines_.data() + s * line_);
        next_ = kernel_ - 1;
    }

    std::size_t kernel_, channels_, streams_, slots_, next_, line_;
    Floats lines_;
};

}  // namespace wavegen
