// What networks remember: the last rows of a signal, of several streams in lock-step.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>

#include "networks/matrix.h"
#include "networks/network.h"

namespace wavegen {

// The last `span` steps of a signal, and room for `most` steps more: a ring of slots, each a row of padded(width)
// floats for every stream. Zeros at first.
class Queue {
 public:
    Queue(std::size_t span, std::size_t most, std::size_t streams, std::size_t width)
        : span_(span),
          slots_(span + most),
          slot_(streams * padded(width)),
          width_(padded(width)),
          rows_(slots_ * slot_) {}

    // Takes the rows of `steps` steps, each row_stride floats from the one before.
    void push(const float* rows, std::size_t row_stride, std::size_t steps) {
        for (std::size_t step = 0; step < steps; ++step) {
            float* slot = rows_.data() + next_ * slot_;
            for (std::size_t at = 0; at < slot_; at += width_, rows += row_stride)
                std::copy(rows, rows + width_, slot + at);
            next_ = next_ + 1 == slots_ ? 0 : next_ + 1;
        }
    }

    // Calls with(rows, first, steps) for the slots of `steps` steps in a row, the first of them `age` steps before the
    // next push (age >= steps), in at most two pieces: `steps` of them, `first` after the first.
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

// The last `kernel` rows of input of each stream, zeros at first. A stream's rows stand in one line, so that all that a
// step sees is one row of kernel * channels floats, and that of the next step starts `channels` later.
class Window {
 public:
    Window(std::size_t kernel, std::size_t channels, std::size_t streams)
        : kernel_(kernel),
          channels_(channels),
          streams_(streams),
          slots_(2 * kernel + kMostRows),
          next_(kernel - 1),
          line_(padded(slots_ * channels)),
          lines_(streams * line_) {}

    // Hears `steps` steps of all streams, ordered by time, then by stream: each row of sums is the bias of `matrix` and
    // what it makes of what that step sees.
    void apply(const Kernels& kernels, const Matrix& matrix, const float* heard, std::size_t steps, float* sums,
               std::size_t sum_stride) {
        if (next_ + steps > slots_) rewind();
        float* seen = lines_.data() + (next_ - (kernel_ - 1)) * channels_;
        for (std::size_t step = 0; step < steps; ++step, ++next_)
            for (std::size_t s = 0; s < streams_; ++s, heard += channels_)
                std::copy(heard, heard + channels_, lines_.data() + s * line_ + next_ * channels_);
        if (steps == 1) return matrix.apply(kernels, seen, line_, streams_, sums, sum_stride);
        for (std::size_t s = 0; s < streams_; ++s)
            matrix.apply(kernels, seen + s * line_, channels_, steps, sums + s * sum_stride, streams_ * sum_stride);
    }

    // What the next step sees of the past, oldest first.
    std::size_t floats() const { return (kernel_ - 1) * channels_; }
    const float* past(std::size_t stream) const {
        return lines_.data() + stream * line_ + (next_ - (kernel_ - 1)) * channels_;
    }
    float* past(std::size_t stream) { return const_cast<float*>(std::as_const(*this).past(stream)); }

 private:
    void rewind() {
        for (std::size_t s = 0; s < streams_; ++s) std::copy_n(past(s), floats(), lines_.data() + s * line_);
        next_ = kernel_ - 1;
    }

    std::size_t kernel_, channels_, streams_, slots_, next_, line_;
    Floats lines_;
};

}  // namespace wavegen
