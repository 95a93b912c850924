#include "wavenet.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "past.h"

namespace wavegen {

namespace {

constexpr std::size_t kAhead = 16;  // rows of past taps computed together

}  // namespace

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
    const std::size_t columns = a.kernel * a.residual, opening = padded(a.half);
    for (std::size_t l = 0; l < a.layers; ++l) {
        Layer layer;
        layer.dilation = static_cast<std::size_t>(a.dilations[l]);
        const float* gates = a.gates_weight + l * 2 * a.half * columns;
        const float* bias = a.gates_bias + l * 2 * a.half;
        for (std::size_t k = 0; k < a.kernel; ++k) {
            Matrix tap(a.residual, 2 * opening);
            tap.fill(0, a.half, gates + k * a.residual, columns, bias);
            tap.fill(opening, a.half, gates + a.half * columns + k * a.residual, columns, bias + a.half);
            tap.round_to(precision);
            layer.taps.push_back(std::move(tap));
        }
        const bool last = l + 1 == a.layers;
        const std::size_t skips = last ? 0 : padded(a.residual);
        layer.after = Matrix(a.half, skips + padded(a.skip));
        if (!last)
            layer.after.fill(0, a.residual, a.residual_weight + l * a.residual * a.half, a.half,
                             a.residual_bias + l * a.residual);
        layer.after.fill(skips, a.skip, a.skip_weight + l * a.half, a.layers * a.half, l == 0 ? a.skip_bias : nullptr);
        layer.after.round_to(precision);
        layers_.push_back(std::move(layer));
    }
    for (std::size_t pad = a.outputs; pad < output_.outputs(); ++pad)  // never the maximum
        output_.bias()[pad] = std::numeric_limits<float>::lowest();
}

std::size_t WaveNet::state_floats() const {
    std::size_t rows = 0;
    for (const Layer& layer : layers_) rows += (kernel_ - 1) * layer.dilation;
    return (front_kernel_ - 1) * channels_ + rows * residual_;
}

std::size_t WaveNet::stream_floats() const {
    std::size_t floats = (2 * front_kernel_ + kMostRows + kLanes) * channels_;
    for (const Layer& layer : layers_)
        floats += ((kernel_ - 1) * layer.dilation + kMostRows) * padded(residual_) + kAhead * 2 * padded(half_);
    return floats;
}

// Each row of `stream_` is x, padded, and then the skip connections' sum.
class WaveNetRun final : public Run {
 public:
    WaveNetRun(const WaveNet& network, std::size_t streams)
        : net_(network),
          streams_(streams),
          channels_(padded(network.residual_)),
          half_(padded(network.half_)),
          width_(channels_ + padded(network.skip_)),
          window_(network.front_kernel_, network.channels_, streams),
          stream_(kMostRows * width_),
          gates_(kMostRows * 2 * half_),
          z_(kMostRows * half_),
          hidden_(kMostRows * padded(network.skip_)) {
        for (const WaveNet::Layer& layer : network.layers_) {
            const std::size_t block = std::min(layer.dilation, std::max<std::size_t>(1, kAhead / streams));
            const std::size_t span = (network.kernel_ - 1) * layer.dilation;
            pasts_.push_back({Queue(span, kMostRows / streams, streams, network.residual_),
                              Floats(block * streams * 2 * half_), block, block});
        }
    }

    void advance(const float* heard, std::size_t steps, float* params) override {
        const std::size_t count = streams_ * steps, skips = width_ - channels_;
        float *x = stream_.data(), *skip = x + channels_;
        net_.front_.begin(count, x, width_);
        window_.add(net_.kernels_, net_.front_, heard, steps, x, width_);
        const float* skip_bias = net_.layers_.front().after.bias() + net_.layers_.front().after.outputs() - skips;
        for (std::size_t r = 0; r < count; ++r) std::copy(skip_bias, skip_bias + skips, skip + r * width_);
        for (std::size_t l = 0; l < net_.layers_.size(); ++l) {
            if (steps == 1)
                step(net_.layers_[l], pasts_[l]);
            else
                block(net_.layers_[l], pasts_[l], steps);
        }
        relu(skip, width_, count, skips);
        net_.head_.begin(count, hidden_.data(), skips);
        net_.head_.add(net_.kernels_, skip, width_, count, hidden_.data(), skips);
        relu(hidden_.data(), skips, count, skips);
        net_.output_.begin(count, params, net_.output_.outputs());
        net_.output_.add(net_.kernels_, hidden_.data(), skips, count, params, net_.output_.outputs());
    }

    void save(std::size_t stream, float* floats) const override {
        floats = std::copy_n(window_.past(stream), window_.floats(), floats);
        for (const Past& past : pasts_)
            for (std::size_t age = past.queue.span(); age >= 1; --age)
                floats = std::copy_n(past.queue.row(age, stream), net_.residual_, floats);
    }

    void restore(std::size_t stream, const float* floats) override {
        std::copy_n(floats, window_.floats(), window_.past(stream));
        floats += window_.floats();
        for (Past& past : pasts_) {
            for (std::size_t age = past.queue.span(); age >= 1; --age, floats += net_.residual_)
                std::copy_n(floats, net_.residual_, past.queue.row(age, stream));
            past.used = past.block;
        }
    }

 private:
    struct Past {
        Queue queue;
        Floats ahead;       // what the past says of the gates of `block` steps, of which `used` are behind
        std::size_t block;  // at most the dilation, so that all of these steps' past is known
        std::size_t used;
    };

    // Sums of the past taps for `steps` steps, of which the first is the next one if `known` is zero, or one of the
    // `known` steps that the queue has already.
    void hear_past(const WaveNet::Layer& layer, const Queue& queue, std::size_t steps, std::size_t known,
                   float* gates) const {
        const std::size_t row = 2 * half_, width = channels_;
        layer.taps.front().begin(steps * streams_, gates, row);
        for (std::size_t k = 0; k + 1 < net_.kernel_; ++k)
            queue.visit((net_.kernel_ - 1 - k) * layer.dilation + known, steps,
                        [&](const float* rows, std::size_t first, std::size_t here) {
                            layer.taps[k].add(net_.kernels_, rows, width, here * streams_,
                                              gates + first * streams_ * row, row);
                        });
    }

    void step(const WaveNet::Layer& layer, Past& past) {
        if (past.used == past.block) {
            hear_past(layer, past.queue, past.block, 0, past.ahead.data());
            past.used = 0;
        }
        float* gates = past.ahead.data() + past.used++ * streams_ * 2 * half_;
        past.queue.push(stream_.data(), width_, 1);
        finish(layer, gates, streams_);
    }

    void block(const WaveNet::Layer& layer, Past& past, std::size_t steps) {
        past.used = past.block;
        past.queue.push(stream_.data(), width_, steps);
        hear_past(layer, past.queue, steps, steps, gates_.data());
        finish(layer, gates_.data(), steps * streams_);
    }

    // From sums of the past taps to the next layer's x.
    void finish(const WaveNet::Layer& layer, float* gates, std::size_t count) {
        // Conditioning will be added to the gates here, after the past taps and before the current one.
        layer.taps.back().add(net_.kernels_, stream_.data(), width_, count, gates, 2 * half_);
        for (std::size_t r = 0; r < count; ++r) {
            const float* signal = gates + r * 2 * half_;
            net_.kernels_.gate(signal, signal + half_, half_, z_.data() + r * half_);
        }
        const std::size_t outputs = layer.after.outputs(), residuals = outputs == width_ ? channels_ : 0;
        for (std::size_t r = 0; r < count; ++r)
            for (std::size_t c = 0; c < residuals; ++c) stream_.data()[r * width_ + c] += layer.after.bias()[c];
        layer.after.add(net_.kernels_, z_.data(), half_, count, stream_.data() + width_ - outputs, width_);
    }

    const WaveNet& net_;
    std::size_t streams_, channels_, half_, width_;
    Window window_;
    std::vector<Past> pasts_;
    Floats stream_, gates_, z_, hidden_;
};

std::unique_ptr<Run> WaveNet::run(std::size_t streams) const { return std::make_unique<WaveNetRun>(*this, streams); }

}  // namespace wavegen
