#include "networks/wavenet_two_threads.h"

#include <chrono>
#include <system_error>
#include <utility>

#include "cpu/rounding.h"

namespace wavegen {

namespace {

constexpr int kSpins = 4096;  // some tens of microseconds: longer than the pause between two steps

// Waits until `count` is at least `value`, without the core if that takes long.
void await(const std::atomic<std::uint64_t>& count, std::uint64_t value) {
    for (int spins = 0; count.load(std::memory_order_acquire) < value; ++spins)
        spins < kSpins ? relax() : std::this_thread::yield();
}

void say(std::atomic<std::uint64_t>& count, std::uint64_t value) { count.store(value, std::memory_order_release); }

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// Where the second half of a row starts, in whole vectors.
std::size_t middle(std::size_t width) { return (width / kLanes + 1) / 2 * kLanes; }

}  // namespace

WaveNetDuet::WaveNetDuet(const WaveNet& network)
    : WaveNetRun(network, 1),
      bell_(kSpins),
      xs_((network.layers_.size() + 1) * channels_),
      zs_(network.layers_.size() * half_),
      follower_room_(1, network.half_) {
    try {
        partner_ = std::thread([this] { serve(); });
    } catch (const std::system_error&) {  // no more threads to be had: it stays alone
    }
}

WaveNetDuet::~WaveNetDuet() {
    if (!partner_.joinable()) return;
    ends_ = true;
    bell_.ring();
    partner_.join();
}

void WaveNetDuet::advance(const float* heard, std::size_t steps, float* params) {
    if (steps != 1 || !partner_.joinable()) return WaveNetRun::advance(heard, steps, params);
    const double begun = trial_.counts() ? now() : 0.0;
    if (trial_.second())
        advance_together(heard, params);
    else
        WaveNetRun::advance(heard, 1, params);
    trial_.took(trial_.counts() ? now() - begun : 0.0);
}

void WaveNetDuet::advance_together(const float* heard, float* params) {
    window_.apply(net_.kernels_, net_.front_, heard, 1, xs_.data(), channels_);
    for (std::size_t l = 0; l < net_.layers_.size(); ++l)
        look_ahead(net_.layers_[l], pasts_[l]);  // after steps that were not done together
    params_ = params;
    ++step_;
    bell_.ring();
    lead();
    finish_head(true, params);
    await(follower_.outputs, step_);
}

void WaveNetDuet::lead() {
    const std::size_t layers = net_.layers_.size();
    for (std::size_t l = 0; l < layers; ++l) {
        const WaveNet::Layer& layer = net_.layers_[l];
        float *x = xs_.data() + l * channels_, *z = zs_.data() + l * half_;
        Past& past = pasts_[l];
        float* gates = past.ahead.data() + past.used * 2 * half_;
        Rows heard(x, channels_, 1, channels_, room_);
        layer.taps.back().add(net_.kernels_, heard, gates, 2 * half_);
        net_.kernels_.gate(gates, gates + half_, half_, z);
        say(leader_.layers, (step_ - 1) * layers + l + 1);
        if (layer.residual.inputs() == 0) continue;
        Rows rows(z, half_, 1, half_, room_);
        layer.residual.add(net_.kernels_, rows, x, x + channels_, channels_);
    }
}

void WaveNetDuet::follow() {
    const std::size_t layers = net_.layers_.size();
    net_.layers_.front().skip.begin(1, skip_.data(), skips_);
    for (std::size_t l = 0; l < layers; ++l) {
        const WaveNet::Layer& layer = net_.layers_[l];
        await(leader_.layers, (step_ - 1) * layers + l + 1);
        Rows rows(zs_.data() + l * half_, half_, 1, half_, follower_room_);
        layer.skip.add(net_.kernels_, rows, skip_.data(), skips_);
        pasts_[l].queue.push(xs_.data() + l * channels_, channels_, 1);
        ++pasts_[l].used;
        look_ahead(layer, pasts_[l]);
    }
    relu(skip_.data(), skips_, 1, skips_);
    say(follower_.skip, step_);
}

// Each computes its half of the columns and waits for the other's where it needs them.
void WaveNetDuet::finish_head(bool leading, float* params) {
    Said &own = leading ? leader_ : follower_, &other = leading ? follower_ : leader_;
    const auto half = [leading](std::size_t width) {
        return leading ? std::pair(std::size_t{0}, middle(width)) : std::pair(middle(width), width);
    };
    if (leading) await(follower_.skip, step_);
    const auto [first, end] = half(skips_);
    net_.head_.apply(net_.kernels_, skip_.data(), first, end, hidden_.data());
    relu(hidden_.data() + first, 0, 1, end - first);
    say(own.hidden, step_);
    await(other.hidden, step_);
    const auto [first_output, end_output] = half(net_.output_.outputs());
    net_.output_.apply(net_.kernels_, hidden_.data(), first_output, end_output, params);
    say(own.outputs, step_);
}

void WaveNetDuet::serve() {
    const StandardRounding rounding;
    for (std::uint64_t steps = 0;; ++steps) {
        bell_.wait(steps);
        if (ends_) return;
        follow();
        finish_head(false, params_);
    }
}

}  // namespace wavegen
