#include "networks/wavenet_two_threads.h"

#include <chrono>
#include <system_error>
#include <utility>

#include "cpu/rounding.h"

namespace wavegen {

namespace {

constexpr int kSpins = 4096;  // tens of microseconds: longer than the time between two steps

// Spins until `count` is at least `value`, then yields the core between polls. The acquire load synchronises with
// publish().
void wait_for(const std::atomic<std::uint64_t>& count, std::uint64_t value) {
    for (int spins = 0; count.load(std::memory_order_acquire) < value; ++spins)
        spins < kSpins ? relax() : std::this_thread::yield();
}

void publish(std::atomic<std::uint64_t>& count, std::uint64_t value) { count.store(value, std::memory_order_release); }

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// Where the second half of a row begins, in whole vectors.
std::size_t middle(std::size_t width) { return (width / kLanes + 1) / 2 * kLanes; }

}  // namespace

WaveNetTwoThreads::WaveNetTwoThreads(const WaveNet& network)
    : WaveNetRun(network, 1),
      wakeup_(kSpins),
      xs_((network.layers_.size() + 1) * channels_),
      zs_(network.layers_.size() * half_),
      follower_scratch_(1, network.half_) {
    try {
        partner_ = std::thread([this] { serve(); });
    } catch (const std::system_error&) {  // the system has no more threads: run on one
    }
}

WaveNetTwoThreads::~WaveNetTwoThreads() {
    if (!partner_.joinable()) return;
    ends_ = true;
    wakeup_.notify();
    partner_.join();
}

void WaveNetTwoThreads::advance(const float* inputs, std::size_t steps, float* params, const float* const* conditions) {
    if (steps != 1 || !partner_.joinable()) return WaveNetRun::advance(inputs, steps, params, conditions);
    const double begun = autotune_.needs_time() ? now() : 0.0;
    if (autotune_.use_second())
        advance_together(inputs, params, conditions);
    else
        WaveNetRun::advance(inputs, 1, params, conditions);
    autotune_.record(autotune_.needs_time() ? now() - begun : 0.0);
}

void WaveNetTwoThreads::advance_together(const float* inputs, float* params, const float* const* conditions) {
    window_.apply(net_.kernels_, net_.front_, inputs, 1, xs_.data(), channels_);
    for (std::size_t l = 0; l < net_.layers_.size(); ++l)
        look_ahead(net_.layers_[l], histories_[l]);  // after single-threaded steps
    params_ = params;
    ++step_;
    wakeup_.notify();
    lead(conditions);
    finish_head(true, params);
    wait_for(follower_.outputs, step_);
}

void WaveNetTwoThreads::lead(const float* const* conditions) {
    const std::size_t layers = net_.layers_.size();
    for (std::size_t l = 0; l < layers; ++l) {
        const WaveNet::Layer& layer = net_.layers_[l];
        float *x = xs_.data() + l * channels_, *z = zs_.data() + l * half_;
        LayerHistory& history = histories_[l];
        float* gates = history.ahead.data() + history.used * 2 * half_;
        add_condition(l, 1, conditions, gates);
        Rows current(x, channels_, 1, channels_, scratch_);
        layer.taps.back().add(net_.kernels_, current, gates, 2 * half_);
        net_.kernels_.gated_activation(gates, gates + half_, half_, z);
        publish(leader_.layers, (step_ - 1) * layers + l + 1);
        if (layer.residual.inputs() == 0) continue;
        Rows rows(z, half_, 1, half_, scratch_);
        layer.residual.add(net_.kernels_, rows, x, x + channels_, channels_);
    }
}

void WaveNetTwoThreads::follow() {
    const std::size_t layers = net_.layers_.size();
    net_.layers_.front().skip.begin(1, skip_.data(), skips_);
    for (std::size_t l = 0; l < layers; ++l) {
        const WaveNet::Layer& layer = net_.layers_[l];
        wait_for(leader_.layers, (step_ - 1) * layers + l + 1);
        Rows rows(zs_.data() + l * half_, half_, 1, half_, follower_scratch_);
        layer.skip.add(net_.kernels_, rows, skip_.data(), skips_);
        histories_[l].ring.push(xs_.data() + l * channels_, channels_, 1);
        ++histories_[l].used;
        look_ahead(layer, histories_[l]);
    }
    relu(skip_.data(), skips_, 1, skips_);
    publish(follower_.skip, step_);
}

// Each thread computes half of the columns and waits for the other half where it needs it.
void WaveNetTwoThreads::finish_head(bool leading, float* params) {
    Progress &own = leading ? leader_ : follower_, &other = leading ? follower_ : leader_;
    const auto half = [leading](std::size_t width) {
        return leading ? std::pair(std::size_t{0}, middle(width)) : std::pair(middle(width), width);
    };
    if (leading) wait_for(follower_.skip, step_);
    const auto [first, end] = half(skips_);
    net_.head_.apply(net_.kernels_, skip_.data(), first, end, hidden_.data());
    relu(hidden_.data() + first, 0, 1, end - first);
    publish(own.hidden, step_);
    wait_for(other.hidden, step_);
    const auto [first_output, end_output] = half(net_.output_.outputs());
    net_.output_.apply(net_.kernels_, hidden_.data(), first_output, end_output, params);
    publish(own.outputs, step_);
}

void WaveNetTwoThreads::serve() {
    const StandardRounding rounding;
    for (std::uint64_t steps = 0;; ++steps) {
        wakeup_.wait(steps);
        if (ends_) return;
        follow();
        finish_head(false, params_);
    }
}

}  // namespace wavegen
