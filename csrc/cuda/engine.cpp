#include "cuda/engine.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "cuda/launch_plan.h"

namespace wavegen::cuda {

namespace {

constexpr std::size_t kFew = 8;  // streams, up to which the latency kernel is chosen

std::unique_lock<std::mutex> lock(std::mutex& busy) {
    std::unique_lock<std::mutex> held(busy, std::try_to_lock);
    if (!held) throw std::runtime_error("the engine is in use by another thread");
    check(cudaSetDevice(kDevice));
    return held;
}

}  // namespace

Engine::Engine(std::shared_ptr<const Weights> weights, std::size_t streams, Kernel kernel)
    : weights_(std::move(weights)), streams_(streams) {
    check(cudaSetDevice(kDevice));
    const bool few = kernel == Kernel::latency || (kernel == Kernel::automatic && streams <= kFew);
    if (few) plan_ = latency_plan(*weights_, streams);
    fell_back_ = few && !plan_;
    if (!plan_) shape_ = throughput_shape(*weights_, streams);
    width_ = plan_ ? 1 : shape_.width;
    groups_ = (streams + width_ - 1) / width_;
    rings_ = DeviceArray<float>(groups_ * group_floats());
    codes_ = DeviceArray<std::int32_t>(streams * state_codes());
    expected_ = DeviceArray<double>(streams);
    last_ = DeviceArray<std::uint32_t>(streams);
    not_finite_ = DeviceArray<std::uint32_t>(1);
    next_ = DeviceArray<std::uint32_t>(weights_->layers().size() + 2);
    seeds_ = DeviceArray<std::uint64_t>(streams);
    if (plan_ && !plan_->cluster)
        messages_ = DeviceArray<char>(plan_->groups * plan_->blocks *
                                      MessageLayout::of(weights_->model(), plan_->streams).bytes);
    if (!plan_ && !shape_.shared) spilled_ = DeviceArray<char>(groups_ * shape_.bytes);
    start_streams();
}

void Engine::start_streams() {
    const CodeHistory history = weights_->inputs().history_of(std::vector<std::int32_t>(state_codes()));
    const std::vector<double> expected(streams_, history.expected);
    const std::vector<std::uint32_t> last(streams_, static_cast<std::uint32_t>(weights_->start_symbol()));
    expected_.upload(expected.data(), 0, streams_);
    last_.upload(last.data(), 0, streams_);
}

// The ring buffers of one stream in memory order: the front's, then each layer's.
std::vector<Engine::Ring> Engine::rings() const {
    const DeviceModel& model = weights_->model();
    std::vector<Ring> rings = {{model.inputs.channels, model.front_kernel, 0}};
    for (const DeviceLayer& layer : weights_->layers()) rings.push_back({model.residual, layer.slots, layer.ring});
    return rings;
}

void Engine::check_broken() const {
    if (broken_ != nullptr) throw std::runtime_error(broken_);
}

// Conditions in device memory, which are those of the last call only.
Conditions Engine::upload(const Conditions& conditions) {
    Conditions copied = conditions;
    condition_vectors_.grow(conditions.count * conditions.width);
    condition_rows_.grow(streams_ * conditions.frames);
    condition_phases_.grow(streams_);
    condition_vectors_.upload(conditions.vectors, 0, conditions.count * conditions.width);
    condition_rows_.upload(conditions.rows, 0, streams_ * conditions.frames);
    condition_phases_.upload(conditions.phases, 0, streams_);
    copied.vectors = condition_vectors_.data();
    copied.rows = condition_rows_.data();
    copied.phases = condition_phases_.data();
    return copied;
}

Launch Engine::launch(std::size_t count, const Conditions* conditions) {
    std::vector<std::uint32_t> next;
    for (const Ring& ring : rings()) next.push_back(static_cast<std::uint32_t>(pushed_ % ring.slots));
    next.push_back(state_codes() == 0 ? 0 : static_cast<std::uint32_t>(pushed_ % state_codes()));
    next_.upload(next.data(), 0, next.size());
    symbols_.grow(streams_ * count);
    log2_prob_.grow(streams_ * count);
    Launch launch{};
    launch.model = weights_->model();
    launch.streams = {static_cast<std::uint32_t>(streams_),
                      static_cast<std::uint32_t>(width_),
                      rings_.data(),
                      codes_.data(),
                      expected_.data(),
                      last_.data(),
                      not_finite_.data(),
                      next_.data()};
    launch.steps = static_cast<std::uint32_t>(count);
    launch.time = time_;
    launch.temperature = 1.0f;
    launch.top_p = 1.0;
    launch.seeds = seeds_.data();
    launch.symbols = symbols_.data();
    launch.log2_prob = log2_prob_.data();
    if (conditions != nullptr) launch.conditions = upload(*conditions);
    return launch;
}

void Engine::run(const Launch& launch) {
    check_broken();
    broken_ = "CUDA: the engine stopped in the middle of a call";  // cleared when all streams have finished
    check(plan_ ? run_latency(*plan_, launch, messages_.data(), messages_.size(), nullptr)
                : run_throughput(shape_, launch, spilled_.data(), nullptr));
    std::uint32_t not_finite = 0;
    not_finite_.download(&not_finite, 0, 1);  // waits for the kernel
    if (not_finite != 0) broken_ = "the network's outputs are not finite";
    if (not_finite != 0) check_broken();
    time_ += launch.steps;
    pushed_ += launch.steps;
    broken_ = nullptr;
}

void Engine::generate(const std::uint64_t* seeds, std::size_t count, const Sampling& sampling,
                      const Conditions* conditions, std::uint16_t* symbols, double* log2_prob) {
    const auto held = lock(busy_);
    if (count == 0) return;
    Launch call = launch(count, conditions);
    call.draws = 1;
    call.temperature = sampling.temperature;
    call.top_p = sampling.top_p;
    call.exact = sampling.exact;
    seeds_.upload(seeds, 0, streams_);
    run(call);
    symbols_.download(symbols, 0, streams_ * count);
    log2_prob_.download(log2_prob, 0, streams_ * count);
}

void Engine::feed(const std::uint16_t* symbols, std::size_t count, const Conditions* conditions, double* log2_prob) {
    const auto held = lock(busy_);
    if (count == 0) return;
    const Launch call = launch(count, conditions);
    symbols_.upload(symbols, 0, streams_ * count);
    run(call);
    log2_prob_.download(log2_prob, 0, streams_ * count);
}

// Calls move(width, offset) for each row of a stream's history, for each signal oldest first. The row's numbers are
// `width_` apart, from `offset` on in the rings of the stream's group.
template <class Move>
void Engine::move_rows(std::size_t stream, const Move& move) const {
    for (const Ring& ring : rings())
        for (std::size_t age = ring.slots - 1; age >= 1; --age) {
            const std::size_t slot = (pushed_ + ring.slots - age) % ring.slots;
            move(ring.width, (ring.start + slot * ring.width) * width_ + stream % width_);
        }
}

std::uint64_t Engine::save(float* network, std::int16_t* codes, double*, std::uint16_t* last) {
    const auto held = lock(busy_);
    check_broken();
    std::vector<float> group(group_floats());
    for (std::size_t s = 0; s < streams_; ++s) {
        if (s % width_ == 0) rings_.download(group.data(), s / width_ * group.size(), group.size());
        move_rows(s, [&](std::size_t width, std::size_t at) {
            for (std::size_t i = 0; i < width; ++i) *network++ = group[at + i * width_];
        });
    }
    std::vector<std::int32_t> code_rings(codes_.size());
    codes_.download(code_rings.data(), 0, code_rings.size());
    for (std::size_t s = 0, taps = state_codes(); s < streams_; ++s)
        for (std::size_t i = 1; i <= taps; ++i)
            *codes++ = static_cast<std::int16_t>(code_rings[s * taps + (pushed_ + taps - i) % taps]);
    std::vector<std::uint32_t> symbols(streams_);
    last_.download(symbols.data(), 0, streams_);
    for (const std::uint32_t symbol : symbols) *last++ = static_cast<std::uint16_t>(symbol);
    return time_;
}

void Engine::restore(const float* network, const std::int16_t* codes, const double*, const std::uint16_t* last,
                     std::uint64_t time) {
    const auto held = lock(busy_);
    broken_ = "CUDA: the engine's state was restored in part only";
    pushed_ = 0;
    std::vector<float> group(group_floats());
    for (std::size_t s = 0; s < streams_; ++s) {
        move_rows(s, [&](std::size_t width, std::size_t at) {
            for (std::size_t i = 0; i < width; ++i) group[at + i * width_] = *network++;
        });
        if (s % width_ + 1 == width_ || s + 1 == streams_)
            rings_.upload(group.data(), s / width_ * group.size(), group.size());
    }
    std::vector<std::int32_t> code_rings(codes_.size());
    std::vector<double> expected;
    for (std::size_t s = 0, taps = state_codes(); s < streams_; ++s, codes += taps) {
        std::reverse_copy(codes, codes + taps, code_rings.begin() + static_cast<std::ptrdiff_t>(s * taps));
        expected.push_back(weights_->inputs().history_of({codes, codes + taps}).expected);
    }
    codes_.upload(code_rings.data(), 0, code_rings.size());
    expected_.upload(expected.data(), 0, streams_);
    const std::vector<std::uint32_t> symbols(last, last + streams_);
    last_.upload(symbols.data(), 0, streams_);
    const std::uint32_t none = 0;
    not_finite_.upload(&none, 0, 1);
    time_ = time;
    broken_ = nullptr;
}

}  // namespace wavegen::cuda
