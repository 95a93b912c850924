#include "networks/wavenet.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "networks/wavenet_run.h"
#include "networks/wavenet_two_threads.h"

namespace wavegen {

WaveNet::WaveNet(const WaveNetArrays& a, const Kernels& kernels, Precision precision)
    : kernels_(kernels),
      channels_(a.channels),
      front_kernel_(a.front_kernel),
      residual_(a.residual),
      half_(a.half),
      skip_(a.skip),
      kernel_(a.kernel),
      num_params_(a.outputs),
      front_(packed(a.front_weight, a.front_bias, a.residual, a.front_kernel * a.channels)),
      head_(packed(a.head_weight, a.head_bias, a.skip, a.skip)),
      output_(packed(a.output_weight, a.output_bias, a.outputs, a.skip)) {
    const std::size_t columns = a.kernel * a.residual, half = padded(a.half);
    for (std::size_t l = 0; l < a.layers; ++l) {
        Layer layer;
        layer.dilation = static_cast<std::size_t>(a.dilations[l]);
        const float* gates = a.gates_weight + l * 2 * a.half * columns;
        const float* bias = a.gates_bias + l * 2 * a.half;
        for (std::size_t k = 0; k < a.kernel; ++k) {
            Matrix tap(a.residual, 2 * half);
            tap.fill(0, a.half, gates + k * a.residual, columns, bias);
            tap.fill(half, a.half, gates + a.half * columns + k * a.residual, columns, bias + a.half);
            tap.round_to(precision);
            layer.taps.push_back(std::move(tap));
        }
        const bool last = l + 1 == a.layers;
        if (!last)
            layer.residual = packed(a.residual_weight + l * a.residual * a.half, a.residual_bias + l * a.residual,
                                    a.residual, a.half);
        layer.skip = Matrix(a.half, a.skip);
        layer.skip.fill(0, a.skip, a.skip_weight + l * a.half, a.layers * a.half, l == 0 ? a.skip_bias : nullptr);
        layer.residual.round_to(precision);
        layer.skip.round_to(precision);
        layers_.push_back(std::move(layer));
    }
    for (std::size_t pad = a.outputs; pad < output_.outputs(); ++pad)  // cannot become the maximum
        output_.bias()[pad] = std::numeric_limits<float>::lowest();
    std::vector<Matrix*> order = {&front_};
    for (Layer& layer : layers_) {
        for (Matrix& tap : layer.taps) order.push_back(&tap);
        order.push_back(&layer.skip);
        if (layer.residual.inputs() != 0) order.push_back(&layer.residual);
    }
    order.insert(order.end(), {&head_, &output_});
    Matrix::set_prefetch_order(order);
}

std::size_t WaveNet::state_floats() const {
    std::size_t rows = 0;
    for (const Layer& layer : layers_) rows += (kernel_ - 1) * layer.dilation;
    return (front_kernel_ - 1) * channels_ + rows * residual_;
}

std::size_t WaveNet::stream_floats() const {
    std::size_t floats = (2 * front_kernel_ + kMaxRows + kLanes) * channels_;
    for (const Layer& layer : layers_)
        floats += ((kernel_ - 1) * layer.dilation + kMaxRows) * padded(residual_) + kAhead * 2 * padded(half_);
    return floats;
}

std::unique_ptr<Run> WaveNet::run(std::size_t streams, std::size_t threads) const {
    if (streams == 1 && threads > 1) return std::make_unique<WaveNetTwoThreads>(*this);
    return std::make_unique<WaveNetRun>(*this, streams);
}

}  // namespace wavegen
