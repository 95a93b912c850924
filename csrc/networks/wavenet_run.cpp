#include "networks/wavenet_run.h"

#include <algorithm>

namespace wavegen {

WaveNetRun::WaveNetRun(const WaveNet& network, std::size_t streams)
    : net_(network),
      streams_(streams),
      channels_(padded(network.residual_)),
      half_(padded(network.half_)),
      skips_(padded(network.skip_)),
      window_(network.front_kernel_, network.channels_, streams),
      x_(kMaxRows * channels_),
      skip_(kMaxRows * skips_),
      z_(kMaxRows * half_),
      hidden_(kMaxRows * skips_),
      past_scratch_(kMaxRows, network.residual_),
      scratch_(kMaxRows, std::max(network.residual_, network.half_)),
      gates_(kMaxRows * 2 * half_) {
    for (const WaveNet::Layer& layer : network.layers_) {
        const std::size_t block = std::min(layer.dilation, std::max<std::size_t>(1, kAhead / streams));
        const std::size_t span = (network.kernel_ - 1) * layer.dilation;
        histories_.push_back({RingBuffer(span, kMaxRows / streams, streams, network.residual_),
                              Floats(streams < kAhead ? block * streams * 2 * half_ : 0), block, block,
                              histories_.size() % block, true});
    }
}

void WaveNetRun::advance(const float* inputs, std::size_t steps, float* params, const float* const* conditions) {
    const std::size_t count = streams_ * steps;
    window_.apply(net_.kernels_, net_.front_, inputs, steps, x_.data(), channels_);
    net_.layers_.front().skip.begin(count, skip_.data(), skips_);
    for (std::size_t l = 0; l < net_.layers_.size(); ++l) {
        const WaveNet::Layer& layer = net_.layers_[l];
        LayerHistory& history = histories_[l];
        if (steps == 1 && streams_ < kAhead) {  // with more streams a block would be a single step
            look_ahead(layer, history);
            history.ring.push(x_.data(), channels_, 1);
            float* gates = history.ahead.data() + history.used++ * streams_ * 2 * half_;
            add_condition(l, count, conditions, gates);
            finish(layer, gates, count);
        } else {
            history.forget();
            history.ring.push(x_.data(), channels_, steps);
            sum_past_taps(layer, history.ring, steps, steps, gates_.data());
            add_condition(l, count, conditions, gates_.data());
            finish(layer, gates_.data(), count);
        }
    }
    relu(skip_.data(), skips_, count, skips_);
    net_.head_.apply(net_.kernels_, skip_.data(), skips_, count, hidden_.data(), skips_);
    relu(hidden_.data(), skips_, count, skips_);
    net_.output_.apply(net_.kernels_, hidden_.data(), skips_, count, params, net_.output_.outputs());
}

void WaveNetRun::look_ahead(const WaveNet::Layer& layer, LayerHistory& history) {
    if (history.used < history.block) return;
    history.used = history.fresh ? history.stagger : 0;
    history.fresh = false;
    sum_past_taps(layer, history.ring, history.block - history.used, 0,
                  history.ahead.data() + history.used * streams_ * 2 * half_);
}

// Sums the past taps of `steps` steps. The last `known` steps of the ring are the first of them; with `known` zero
// the first is the next step.
void WaveNetRun::sum_past_taps(const WaveNet::Layer& layer, const RingBuffer& ring, std::size_t steps,
                               std::size_t known, float* gates) {
    const std::size_t width = 2 * half_;
    for (std::size_t k = 0; k + 1 < net_.kernel_; ++k)
        ring.visit((net_.kernel_ - 1 - k) * layer.dilation + known, steps,
                   [&](const float* data, std::size_t first, std::size_t here) {
                       Rows rows(data, channels_, here * streams_, channels_, past_scratch_);
                       float* sums = gates + first * streams_ * width;
                       if (k == 0)
                           layer.taps[k].apply(net_.kernels_, rows, sums, width);
                       else
                           layer.taps[k].add(net_.kernels_, rows, sums, width);
                   });
}

// From the sums of the past taps and the condition to the next layer's x.
void WaveNetRun::finish(const WaveNet::Layer& layer, float* gates, std::size_t count) {
    Rows x(x_.data(), channels_, count, channels_, scratch_);
    layer.taps.back().add(net_.kernels_, x, gates, 2 * half_);
    for (std::size_t r = 0; r < count; ++r) {
        const float* filter = gates + r * 2 * half_;
        net_.kernels_.gated_activation(filter, filter + half_, half_, z_.data() + r * half_);
    }
    Rows z(z_.data(), half_, count, half_, scratch_);
    layer.skip.add(net_.kernels_, z, skip_.data(), skips_);
    if (layer.residual.inputs() != 0) layer.residual.add(net_.kernels_, z, x_.data(), x_.data(), channels_);
}

void WaveNetRun::save(std::size_t stream, float* floats) const {
    floats = std::copy_n(window_.history(stream), window_.floats(), floats);
    for (const LayerHistory& history : histories_)
        for (std::size_t age = history.ring.span(); age >= 1; --age)
            floats = std::copy_n(history.ring.row(age, stream), net_.residual_, floats);
}

void WaveNetRun::restore(std::size_t stream, const float* floats) {
    std::copy_n(floats, window_.floats(), window_.history(stream));
    floats += window_.floats();
    for (LayerHistory& history : histories_) {
        for (std::size_t age = history.ring.span(); age >= 1; --age, floats += net_.residual_)
            fill_row(history.ring.row(age, stream), floats, net_.residual_, channels_);
        history.forget();
    }
}

}  // namespace wavegen
