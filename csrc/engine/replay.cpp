#include "engine/replay.h"

#include <atomic>

#include "cpu/rounding.h"

namespace wavegen {

namespace {

std::atomic<int> recorders = 0;  // of all threads; while zero, a product pays for this test only
const Kernels* widest = nullptr;

}  // namespace

const Kernels* Replay::kernels() {
    static const Kernels recording = [] {
        widest = find_kernels("auto");
        Kernels kernels = *widest;
        kernels.product = record_product;
        return kernels;
    }();
    return &recording;
}

Replay::Recording::Recording(Replay* replay) {
    recorder() = replay;
    ++recorders;
}

Replay::Recording::~Recording() {
    --recorders;
    recorder() = nullptr;
}

Replay*& Replay::recorder() {
    thread_local Replay* replay = nullptr;
    return replay;
}

void Replay::record_product(const float* weight, std::size_t stride, std::size_t inputs, std::size_t outputs,
                            const float* rows, std::size_t row_stride, std::size_t count, const Start& start,
                            float* sums, std::size_t sum_stride) {
    if (recorders.load(std::memory_order_relaxed) != 0 && recorder() != nullptr)
        recorder()->products_.push_back({weight, stride, inputs, outputs, count});
    widest->product(weight, stride, inputs, outputs, rows, row_stride, count, start, sums, sum_stride);
}

std::size_t Replay::floats() const {
    std::size_t floats = 0;
    for (const Product& p : products_) floats += p.inputs * p.outputs;
    return floats;
}

void Replay::read(std::size_t times) {
    const StandardRounding rounding;
    const Kernels* kernels = find_kernels("auto");
    for (std::size_t t = 0; t < times; ++t)
        for (const Product& p : products_)
            kernels->read(p.weight, p.stride, p.inputs, p.outputs, p.count, sink_.data());
}

}  // namespace wavegen
