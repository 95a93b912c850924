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
      x_(kMostRows * channels_),
      skip_(kMostRows * skips_),
      z_(kMostRows * half_),
      hidden_(kMostRows * skips_),
      past_room_(kMostRows, network.residual_),
      room_(kMostRows, std::max(network.residual_, network.half_)),
      gates_(kMostRows * 2 * half_) {
    for (const WaveNet::Layer& layer : network.layers_) {
        const std::size_t block = std::min(layer.dilation, std::max<std::size_t>(1, kAhead / streams));
        const std::size_t span = (network.kernel_ - 1) * layer.dilation;
        pasts_.push_back({Queue(span, kMostRows / streams, streams, network.residual_),
                          Floats(streams < kAhead ? block * streams * 2 * half_ : 0), block, block,
                          pasts_.size() % block, true});
    }
}

void WaveNetRun::advance(const float* heard, std::size_t steps, float* params) {
    const std::size_t count = streams_ * steps;
    window_.apply(net_.kernels_, net_.front_, heard, steps, x_.data(), channels_);
    net_.layers_.front().skip.begin(count, skip_.data(), skips_);
    for (std::size_t l = 0; l < net_.layers_.size(); ++l) {
        const WaveNet::Layer& layer = net_.layers_[l];
        Past& past = pasts_[l];
        if (steps == 1 && streams_ < kAhead) {  // of more streams, no block is longer than a step
            look_ahead(layer, past);
            past.queue.push(x_.data(), channels_, 1);
            finish(layer, past.ahead.data() + past.used++ * streams_ * 2 * half_, count);
        } else {
            past.forget();
            past.queue.push(x_.data(), channels_, steps);
            hear_past(layer, past.queue, steps, steps, gates_.data());
            finish(layer, gates_.data(), count);
        }
    }
    relu(skip_.data(), skips_, count, skips_);
    net_.head_.apply(net_.kernels_, skip_.data(), skips_, count, hidden_.data(), skips_);
    relu(hidden_.data(), skips_, count, skips_);
    net_.output_.apply(net_.kernels_, hidden_.data(), skips_, count, params, net_.output_.outputs());
}

void WaveNetRun::look_ahead(const WaveNet::Layer& layer, Past& past) {
    if (past.used < past.block) return;
    past.used = past.fresh ? past.stagger : 0;
    past.fresh = false;
    hear_past(layer, past.queue, past.block - past.used, 0, past.ahead.data() + past.used * streams_ * 2 * half_);
}

// Sums of the past taps for `steps` steps, of which the first is the next one if `known` is zero, or one of the
// `known` steps that the queue has already.
void WaveNetRun::hear_past(const WaveNet::Layer& layer, const Queue& queue, std::size_t steps, std::size_t known,
                           float* gates) {
    const std::size_t width = 2 * half_;
    for (std::size_t k = 0; k + 1 < net_.kernel_; ++k)
        queue.visit((net_.kernel_ - 1 - k) * layer.dilation + known, steps,
                    [&](const float* data, std::size_t first, std::size_t here) {
                        Rows rows(data, channels_, here * streams_, channels_, past_room_);
                        float* sums = gates + first * streams_ * width;
                        if (k == 0)
                            layer.taps[k].apply(net_.kernels_, rows, sums, width);
                        else
                            layer.taps[k].add(net_.kernels_, rows, sums, width);
                    });
}

// From sums of the past taps to the next layer's x.
void WaveNetRun::finish(const WaveNet::Layer& layer, float* gates, std::size_t count) {
    // Conditioning will be added to the gates here, after the past taps and before the current one.
    Rows x(x_.data(), channels_, count, channels_, room_);
    layer.taps.back().add(net_.kernels_, x, gates, 2 * half_);
    for (std::size_t r = 0; r < count; ++r) {
        const float* signal = gates + r * 2 * half_;
        net_.kernels_.gate(signal, signal + half_, half_, z_.data() + r * half_);
    }
    Rows z(z_.data(), half_, count, half_, room_);
    layer.skip.add(net_.kernels_, z, skip_.data(), skips_);
    if (layer.residual.inputs() != 0) layer.residual.add(net_.kernels_, z, x_.data(), x_.data(), channels_);
}

void WaveNetRun::save(std::size_t stream, float* floats) const {
    floats = std::copy_n(window_.past(stream), window_.floats(), floats);
    for (const Past& past : pasts_)
        for (std::size_t age = past.queue.span(); age >= 1; --age)
            floats = std::copy_n(past.queue.row(age, stream), net_.residual_, floats);
}

void WaveNetRun::restore(std::size_t stream, const float* floats) {
    std::copy_n(floats, window_.floats(), window_.past(stream));
    floats += window_.floats();
    for (Past& past : pasts_) {
        for (std::size_t age = past.queue.span(); age >= 1; --age, floats += net_.residual_)
            fill_row(past.queue.row(age, stream), floats, net_.residual_, channels_);
        past.forget();
    }
}

}  // namespace wavegen
