#include "wavenet.h"

#include <limits>
#include <utility>

namespace wavegen {

namespace {

// Rows [first, first + outputs) and columns [column, column + inputs) of a row-major matrix of `stride` columns,
// turned. With `halves` = 2 the rows are two blocks, each padded by itself.
Matrix pack(const float* weight, const float* bias, std::size_t outputs, std::size_t inputs, std::size_t stride,
            std::size_t column, std::size_t halves = 1) {
    const std::size_t part = outputs / halves;
    Matrix matrix;
    matrix.inputs = inputs;
    matrix.outputs = halves * padded(part);
    matrix.weight = Floats(inputs * matrix.outputs);
    matrix.bias = Floats(matrix.outputs);
    for (std::size_t o = 0; o < outputs; ++o) {
        const std::size_t lane = o / part * padded(part) + o % part;
        for (std::size_t i = 0; i < inputs; ++i)
            matrix.weight.data()[i * matrix.outputs + lane] = weight[o * stride + column + i];
        if (bias != nullptr) matrix.bias.data()[lane] = bias[o];
    }
    return matrix;
}

void relu(float* x, std::size_t count) {  // NaN stays NaN
    for (std::size_t i = 0; i < count; ++i) x[i] = x[i] < 0.0f ? 0.0f : x[i];
}

}  // namespace

WaveNet::WaveNet(const WaveNetArrays& a, const Kernels* kernels)
    : kernels_(kernels),
      channels_(a.channels),
      residual_(a.residual),
      half_(a.half),
      skip_(a.skip),
      kernel_(a.kernel),
      front_(
          pack(a.front_weight, a.front_bias, a.residual, a.front_kernel * a.channels, a.front_kernel * a.channels, 0)),
      head_(pack(a.head_weight, a.head_bias, a.skip, a.skip, a.skip, 0)),
      output_(pack(a.output_weight, a.output_bias, a.outputs, a.skip, a.skip, 0)) {
    const std::size_t gates = 2 * a.half, columns = a.kernel * a.residual;
    for (std::size_t l = 0; l < a.layers; ++l) {
        Layer layer;
        layer.dilation = static_cast<std::size_t>(a.dilations[l]);
        for (std::size_t k = 0; k < a.kernel; ++k)
            layer.taps.push_back(pack(a.gates_weight + l * gates * columns, a.gates_bias + l * gates, gates, a.residual,
                                      columns, k * a.residual, 2));
        if (l + 1 < a.layers)
            layer.residual = pack(a.residual_weight + l * a.residual * a.half, a.residual_bias + l * a.residual,
                                  a.residual, a.half, a.half, 0);
        layer.skip = pack(a.skip_weight, a.skip_bias, a.skip, a.half, a.layers * a.half, l * a.half);
        layers_.push_back(std::move(layer));
    }
    for (std::size_t pad = a.outputs; pad < output_.outputs; ++pad)  // never the maximum
        output_.bias.data()[pad] = std::numeric_limits<float>::lowest();
}

void WaveNet::multiply(const Matrix& matrix, const float* input, float* sums) const {
    kernels_->accumulate(matrix.weight.data(), input, matrix.inputs, matrix.outputs, sums);
}

void WaveNet::step(const float* row, WaveNetState& state, Workspace& w) const {
    const std::size_t channels = padded(residual_), half = padded(half_);
    float *x = w.x.data(), *gates = w.gates.data(), *z = w.z.data(), *skip = w.skip.data();
    const auto oldest = state.heard.begin();
    std::copy(row, row + channels_,
              std::copy(oldest + static_cast<std::ptrdiff_t>(channels_), state.heard.end(), oldest));
    std::copy(front_.bias.data(), front_.bias.data() + channels, x);
    multiply(front_, state.heard.data(), x);
    const float* skip_bias = layers_.front().skip.bias.data();
    std::copy(skip_bias, skip_bias + padded(skip_), skip);
    for (std::size_t l = 0; l < layers_.size(); ++l) {
        const Layer& layer = layers_[l];
        const float* bias = layer.taps.front().bias.data();
        std::copy(bias, bias + 2 * half, gates);
        for (std::size_t k = 0; k + 1 < kernel_; ++k)
            multiply(layer.taps[k], state.queues[l].row((kernel_ - 1 - k) * layer.dilation), gates);
        // Conditioning will be added here, after the past taps and before the current one.
        multiply(layer.taps.back(), x, gates);
        state.queues[l].push(x);
        kernels_->gate(gates, gates + half, half, z);
        multiply(layer.skip, z, skip);
        if (l + 1 < layers_.size()) {
            const float* residual_bias = layer.residual.bias.data();
            for (std::size_t r = 0; r < channels; ++r) x[r] += residual_bias[r];
            multiply(layer.residual, z, x);
        }
    }
    relu(skip, padded(skip_));
    std::copy(head_.bias.data(), head_.bias.data() + head_.outputs, w.hidden.data());
    multiply(head_, skip, w.hidden.data());
    relu(w.hidden.data(), head_.outputs);
    std::copy(output_.bias.data(), output_.bias.data() + output_.outputs, w.outputs.data());
    multiply(output_, w.hidden.data(), w.outputs.data());
}

WaveNetState WaveNet::empty_state() const {
    WaveNetState state{std::vector<float>(front_.inputs), {}};
    for (const Layer& layer : layers_) state.queues.emplace_back((kernel_ - 1) * layer.dilation, residual_);
    return state;
}

Workspace WaveNet::workspace() const {
    Workspace w;
    w.x = Floats(residual_);
    w.gates = Floats(2 * padded(half_));
    w.z = Floats(half_);
    w.skip = Floats(skip_);
    w.hidden = Floats(skip_);
    w.outputs = Floats(output_.outputs);
    return w;
}

void WaveNet::save(const WaveNetState& state, float* floats) const {
    floats = std::copy(state.heard.begin() + static_cast<std::ptrdiff_t>(channels_), state.heard.end(), floats);
    for (const Queue& queue : state.queues)
        for (std::size_t age = queue.span(); age >= 1; --age)
            floats = std::copy(queue.row(age), queue.row(age) + residual_, floats);
}

void WaveNet::restore(const float* floats, WaveNetState& state) const {
    const std::size_t heard = front_.inputs - channels_;
    std::copy(floats, floats + heard, state.heard.end() - static_cast<std::ptrdiff_t>(heard));
    floats += heard;
    Floats row(residual_);
    for (Queue& queue : state.queues)
        for (std::size_t pushed = 0; pushed < queue.span(); ++pushed, floats += residual_) {
            std::copy(floats, floats + residual_, row.data());
            queue.push(row.data());
        }
}

std::size_t WaveNet::state_floats() const {
    std::size_t rows = 0;
    for (const Layer& layer : layers_) rows += (kernel_ - 1) * layer.dilation;
    return front_.inputs - channels_ + rows * residual_;
}

}  // namespace wavegen
